"""`dlscan show`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlscan.cli.arguments import scan_argument
from dlscan.cli.experiment import Command, experiment_arguments
from dlscan.cli.output import examples, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from dlscan.analysis.points.done import DonePoint
    from dlscan.config import Experiment

FILE = click.option(
    "-o",
    "target",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Output file; the suffix selects .png, .pdf or .svg.",
)
SEED = click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of the random choice."
)
TRUST = click.option(
    "--trust-files", is_flag=True, help="Run the file that defines layers, as named by the record."
)
DEPTH = click.option(
    "--depth-axis",
    type=click.IntRange(1, 3),
    default=3,
    show_default=True,
    help="3-D images: the axis along the shower, counted from 1.",
)


# so many and the event itself fill a line of a page
_EPOCHS = 4


def _split(default: str) -> "Callable[[Command], Command]":
    return click.option("--split", default=default, show_default=True, help="train, validation or test.")


@click.group(
    epilog=examples(
        "dlscan show data lcd.yaml",
        "dlscan show event lcd.yaml --class Ele --n 4",
        "dlscan show model scans/lcd-dense 7",
    )
)
def show() -> None:
    """Inspect the data, single events or a network."""


@show.command(
    epilog=examples("dlscan show data lcd.yaml", "dlscan show data lcd.yaml --events 20000 -o lcd.pdf")
)
@experiment_arguments
@click.option("--events", type=click.IntRange(1), help="Number of events to read.  [default: up to 4000]")
@_split("train")
@SEED
@DEPTH
@FILE
def data(
    file: Path,
    overrides: tuple[str, ...],
    events: int | None,
    split: str,
    seed: int,
    depth_axis: int,
    target: Path | None,
) -> None:
    """Summarise and plot the prepared dataset of EXPERIMENT.

    Prints the number of events per class and split. For each input and class it prints the fraction of
    non-zero values and their sum, and for vectors the mean and spread of each value. Plots the distributions
    of these, the mean profiles along each axis of images, and mean 2-D images. Prints the file names:
    without -o data.png, or data-1.png ..., in the folder plots of the scan.
    """
    from dlscan.analysis.events.sample import read_sample
    from dlscan.analysis.events.sample_text import sample_text

    experiment = _experiment(file, overrides, target)
    sample = read_sample(experiment, split, events, seed)
    say(f"{experiment.data.prepared}\n\n{sample_text(sample)}\n")

    def draw() -> "list[Figure]":
        from dlscan.analysis.plots import show_data

        return show_data.draw(sample, depth_axis, experiment.data.labels)

    _save(draw, target or experiment.directory / "plots" / "data.png")


@show.command(
    epilog=examples(
        "dlscan show event lcd.yaml --class Ele --n 4",
        "dlscan show event lcd.yaml --seed 2 -o events.pdf",
        "dlscan show event mnist.yaml --augmented --n 1",
    )
)
@experiment_arguments
@click.option("--class", "label", metavar="CLASS", help="Class of the events.  [default: every class]")
@click.option(
    "--n", "number", type=click.IntRange(1), help="Events per class.  [default: 4, or 1 of every class]"
)
@click.option("--split", help="train, validation or test.  [default: test, or train with --augmented]")
@click.option("--augmented", is_flag=True, help="Each event also as networks see it in the first epochs.")
@SEED
@DEPTH
@FILE
def event(
    file: Path,
    overrides: tuple[str, ...],
    label: str | None,
    number: int | None,
    split: str | None,
    augmented: bool,
    seed: int,
    depth_axis: int,
    target: Path | None,
) -> None:
    """Draw random single events of the dataset of EXPERIMENT.

    Inputs with three axes are drawn as three projections and as cells in space, on a logarithmic colour
    scale, with a page per event. Inputs with two axes are images, and vectors are bars. Every event is
    labelled with class, raw file and row. With --augmented each is followed by what data.augment makes of it
    in the first epochs of training. Without -o the plots are event-CLASS.png, or event-CLASS-1.png
    ..., in the folder plots of the scan.
    """
    from dlscan.analysis.events.read import read_events
    from dlscan.analysis.output import file_name

    experiment = _experiment(file, overrides, target)
    number = number or (1 if label is None else 4)
    split = split or ("train" if augmented else "test")
    events = read_events(experiment, label, number, split, seed, _EPOCHS if augmented else 0)
    name = "event" if label is None else file_name(f"event-{events.events[0].label}")

    def draw() -> "list[Figure]":
        from dlscan.analysis.plots import show_event

        return show_event.draw(events, depth_axis, experiment.data.labels)

    _save(draw, target or experiment.directory / "plots" / f"{name}.png")


@show.command(
    epilog=examples("dlscan show model scans/lcd-dense 7", "dlscan show model lcd.yaml 7 -o model.png")
)
@scan_argument
@click.argument("number", metavar="N", type=int)
@FILE
@TRUST
def model(scan: str, number: int, target: Path | None, trust_files: bool) -> None:
    """Draw the network of point N of SCAN and list its layers.

    SCAN is a scan's directory, its experiment file, or the beginning of either name; N is a finished point. A
    box is a layer with what happens to its result; stages that repeat are drawn once. With -o the drawing
    goes to a picture. Loads Keras for a network. For boosted trees, lists what they look at.
    """
    from dlscan.cli.model_text import text_of
    from dlscan.notebook import load

    _require_picture(target)
    loaded = load(scan)
    point = loaded.point(number)
    file = point.record.model_file(point.paths)
    trained = loaded.model(point, trust_files)
    say(f"{file}\n")
    for part in text_of(trained, file):
        say(part)
    if target is not None:
        _save(lambda: [_drawn(point)], target)


def _drawn(point: "DonePoint") -> "Figure":
    from dlscan.analysis.plots import network

    return network.of_point(point)


def _of_an_event(command: "Command") -> "Command":
    """The arguments of what shows events together with the network of a point."""
    for option in (
        FILE,
        DEPTH,
        SEED,
        _split("test"),
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


@show.command(
    epilog=examples(
        "dlscan show features scans/mnist-cnn 3",
        "dlscan show features lcd.yaml 7 --class Ele --seed 2 -o filters.pdf",
    )
)
@_of_an_event
def features(scan: str, number: int, depth_axis: int, target: Path | None, **which: Any) -> None:
    """Draw the first filters of point N of SCAN and what they make of events.

    SCAN is a scan's directory, its experiment file, or the beginning of either name; N is a finished point
    with convolutions. Each filter of the first convolution behind an input stands above its feature map of
    the event. Loads Keras. Without -o the pictures are features-N.png in the folder plots of the scan.
    """
    from dlscan.cli.inside import features_of

    _require_picture(target)
    file, draw = features_of(Path(scan), number, depth_axis, **which)
    _save(draw, target or file)


@show.command(
    epilog=examples(
        "dlscan show saliency scans/lcd-dense 7 --class Ele",
        "dlscan show saliency mnist.yaml 3 --n 2 -o saliency.pdf",
    )
)
@_of_an_event
def saliency(scan: str, number: int, depth_axis: int, target: Path | None, **which: Any) -> None:
    """Draw what point N of SCAN looks at in single events.

    SCAN is a scan's directory, its experiment file, or the beginning of either name; N is a finished point
    with a network. The gradient of the winning score (before softmax) with respect to each value of the event
    is drawn over the event: a value with a large gradient would change the score most. Of a regression, the
    gradient of its first prediction. Loads Keras. Without -o the pictures are saliency-N.png in the folder
    plots of the scan.
    """
    from dlscan.cli.inside import saliency_of

    _require_picture(target)
    file, draw = saliency_of(Path(scan), number, depth_axis, **which)
    _save(draw, target or file)


@show.command(
    epilog=examples(
        "dlscan show reconstruction scans/lcd-anomalies 7 --class Gamma",
        "dlscan show reconstruction lcd-anomalies.yaml 7 --n 2 -o reconstruction.pdf",
    )
)
@_of_an_event
def reconstruction(scan: str, number: int, depth_axis: int, target: Path | None, **which: Any) -> None:
    """Draw events, what the autoencoder of point N of SCAN makes of them, and the difference.

    SCAN is a scan's directory, its experiment file, or the beginning of either name; N is a finished point
    whose task is reconstruct. Values are those of the scaled inputs. Loads Keras. Without -o the pictures are
    reconstruction-N.png in the folder plots of the scan.
    """
    from dlscan.cli.inside import reconstruction_of

    _require_picture(target)
    file, draw = reconstruction_of(Path(scan), number, depth_axis, **which)
    _save(draw, target or file)


@show.command(
    epilog=examples(
        "dlscan show generated scans/showers-gan 1 --n 4",
        "dlscan show generated showers-gan.yaml 1 --class Ele --seed 2 -o showers.pdf",
    )
)
@_of_an_event
def generated(scan: str, number: int, depth_axis: int, target: Path | None, **which: Any) -> None:
    """Draw events, and below each one that point N of SCAN generates with the same condition.

    SCAN is a scan's directory, its experiment file, or the beginning of either name; N is a finished point
    whose task is generate. Values are in the units of the raw files; images of what is not negative have a
    logarithmic scale. Loads Keras. Without -o the pictures are generated-N.png in the folder plots of the
    scan.
    """
    from dlscan.cli.inside import generated_of

    _require_picture(target)
    file, draw = generated_of(Path(scan), number, depth_axis, **which)
    _save(draw, target or file)


def _experiment(file: Path, overrides: tuple[str, ...], target: Path | None) -> "Experiment":
    """The experiment; what can be refused of the picture is refused before any event is read."""
    from dlscan.config import load

    _require_picture(target)
    return load(file, overrides)


def _require_picture(target: Path | None) -> None:
    # pictures go to files, whatever window system the shell has in mind
    os.environ["MPLBACKEND"] = "agg"
    if target is not None:
        from dlscan.analysis.plots import style

        style.require_format(target)


def _save(draw: "Callable[[], list[Figure]]", target: Path) -> None:
    from dlscan.analysis.plots import style

    with style.applied():
        for path in style.save(draw(), target):
            say(path)
