"""`dlscan show features`, `saliency`, `reconstruction` and `generated`: events beside a trained network."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlscan.cli.arguments import scan_argument
from dlscan.cli.experiment import Command
from dlscan.cli.output import examples
from dlscan.cli.pictures import DEPTH, FILE, SEED, TRUST, require_picture, save, split

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlscan.cli.inside import Pictures


def _of_an_event(command: "Command") -> "Command":
    """The arguments of what shows events together with the network of a point."""
    for option in (
        FILE,
        DEPTH,
        SEED,
        split("test"),
        click.option(
            "--n", "count", type=click.IntRange(1), default=1, show_default=True, help="Events per class."
        ),
        TRUST,
        click.option(
            "--class", "label", metavar="CLASS", help="Class of the events.  [default: every class]"
        ),
        click.argument("number", metavar="N", type=int),
        scan_argument,
    ):
        command = option(command)
    return command


@click.command(
    epilog=examples(
        "dlscan show features scans/mnist-cnn 3",
        "dlscan show features lcd.yaml 7 --class Ele --seed 2 -o filters.pdf",
    )
)
@_of_an_event
def features(**given: Any) -> None:
    """Draw the first filters of point N of SCAN and what they make of events.

    SCAN is a scan's directory, its experiment file, or the beginning of either name; N is a finished point
    with convolutions. Each filter of the first convolution behind an input stands above its feature map of
    the event. Loads Keras. Without -o the pictures are features-N.png in the folder plots of the scan.
    """
    from dlscan.cli.inside import features_of

    _draw(features_of, **given)


@click.command(
    epilog=examples(
        "dlscan show saliency scans/lcd-dense 7 --class Ele",
        "dlscan show saliency mnist.yaml 3 --n 2 -o saliency.pdf",
    )
)
@_of_an_event
def saliency(**given: Any) -> None:
    """Draw what point N of SCAN looks at in single events.

    SCAN is a scan's directory, its experiment file, or the beginning of either name; N is a finished point
    with a network. The gradient of the winning score (before softmax) with respect to each value of the event
    is drawn over the event: a value with a large gradient would change the score most. Of a regression, the
    gradient of its first prediction. Loads Keras. Without -o the pictures are saliency-N.png in the folder
    plots of the scan.
    """
    from dlscan.cli.inside import saliency_of

    _draw(saliency_of, **given)


@click.command(
    epilog=examples(
        "dlscan show reconstruction scans/lcd-anomalies 7 --class Gamma",
        "dlscan show reconstruction lcd-anomalies.yaml 7 --n 2 -o reconstruction.pdf",
    )
)
@_of_an_event
def reconstruction(**given: Any) -> None:
    """Draw events, what the autoencoder of point N of SCAN makes of them, and the difference.

    SCAN is a scan's directory, its experiment file, or the beginning of either name; N is a finished point
    whose task is reconstruct. Values are those of the scaled inputs. Loads Keras. Without -o the pictures are
    reconstruction-N.png in the folder plots of the scan.
    """
    from dlscan.cli.inside import reconstruction_of

    _draw(reconstruction_of, **given)


@click.command(
    epilog=examples(
        "dlscan show generated scans/showers-gan 1 --n 4",
        "dlscan show generated showers-gan.yaml 1 --class Ele --seed 2 -o showers.pdf",
    )
)
@_of_an_event
def generated(**given: Any) -> None:
    """Draw events, and below each one that point N of SCAN generates with the same condition.

    SCAN is a scan's directory, its experiment file, or the beginning of either name; N is a finished point
    whose task is generate. Values are in the units of the raw files; images of what is not negative have a
    logarithmic scale. Loads Keras. Without -o the pictures are generated-N.png in the folder plots of the
    scan.
    """
    from dlscan.cli.inside import generated_of

    _draw(generated_of, **given)


def _draw(
    look: "Callable[..., Pictures]",
    scan: str,
    number: int,
    depth_axis: int,
    target: Path | None,
    **which: Any,
) -> None:
    require_picture(target)
    file, draw = look(Path(scan), number, depth_axis, **which)
    save(draw, target or file)
