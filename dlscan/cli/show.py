"""`dlscan show`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlscan.cli.arguments import scan_argument
from dlscan.cli.experiment import experiment_arguments
from dlscan.cli.output import examples, say
from dlscan.cli.pictures import DEPTH, FILE, SEED, TRUST, require_picture, save, split
from dlscan.cli.show_inside import features, generated, reconstruction, saliency

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dlscan.analysis.points.done import DonePoint
    from dlscan.config import Experiment

# so many and the event itself fill a line of a page
_EPOCHS = 4


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
@split("train")
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

    save(draw, target or experiment.directory / "plots" / "data.png")


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

    save(draw, target or experiment.directory / "plots" / f"{name}.png")


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

    require_picture(target)
    loaded = load(scan)
    point = loaded.point(number)
    file = point.record.model_file(point.paths)
    trained = loaded.model(point, trust_files)
    say(f"{file}\n")
    for part in text_of(trained, file):
        say(part)
    if target is not None:
        save(lambda: [_drawn(point)], target)


def _drawn(point: "DonePoint") -> "Figure":
    from dlscan.analysis.plots import network

    return network.of_point(point)


def _experiment(file: Path, overrides: tuple[str, ...], target: Path | None) -> "Experiment":
    """The experiment; what can be refused of the picture is refused before any event is read."""
    from dlscan.config import load

    require_picture(target)
    return load(file, overrides)


for command in (features, saliency, reconstruction, generated):
    show.add_command(command)
