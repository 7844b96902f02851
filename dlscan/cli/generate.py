"""`dlscan generate`."""

from pathlib import Path

import click

from dlscan.cli.arguments import scan_argument
from dlscan.cli.output import examples, say
from dlscan.cli.progress_bar import ProgressBar
from dlscan.cli.signals import terminable


@click.command(
    epilog=examples(
        "dlscan generate scans/showers-gan 1 --events 10000 --at 50 -o showers.h5",
        "dlscan generate scans/showers-gan 1 --at 10:110 -o raw/Generated/showers.h5",
    )
)
@scan_argument
@click.argument("number", metavar="N")
@click.option(
    "--events", type=click.IntRange(1), default=1000, show_default=True, help="Events of each class."
)
@click.option(
    "--at",
    metavar="VALUE",
    help="The condition of all events, such as 50, or a range, such as 10:110. Separate several with commas."
    "  [default: as in the training events]",
)
@click.option(
    "--class", "classes", metavar="NAME", multiple=True, help="Generate only this class; may be repeated."
)
@click.option(
    "-o",
    "target",
    metavar="PATH",
    required=True,
    type=click.Path(path_type=Path),
    help="The HDF5 file to write (*.h5), or a directory that gets one for each class.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="The same seed gives the same events.",
)
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
def generate(
    scan: str,
    number: str,
    events: int,
    at: str | None,
    classes: tuple[str, ...],
    target: Path,
    seed: int,
    overwrite: bool,
) -> None:
    """Make events with the generator of point N of SCAN.

    SCAN is a scan's directory, its experiment file, or the beginning of either name. The output is like the
    raw files that the scan was prepared from: inputs in their units, and the dataset that holds the
    condition. You can prepare it and train on it.
    """
    from dlscan.analysis.points.done import point_of
    from dlscan.generation import generate as make
    from dlscan.notebook import load

    loaded = load(scan)
    point = loaded.trained(point_of(loaded.points, number, "N"))
    with terminable(), ProgressBar() as progress:
        done = make(point, target, events, at, classes, seed, overwrite, progress)
    for name, path in done.files.items():
        say(f"{path}: {events:,} events of {name}")
    say(f"{done.events / done.seconds:,.0f} events/s, writing not included")
    for text in done.outside:
        say(f"Warning: {text}; outside of that, generated events are not reliable.", err=True)
