"""`dlscan evaluate`."""

from typing import TYPE_CHECKING

import click

from dlscan.cli.arguments import scan_argument
from dlscan.cli.output import examples, say
from dlscan.cli.progress_bar import ProgressBar
from dlscan.spelling import counted, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlscan.analysis.points.done import DonePoint
    from dlscan.analysis.points.evaluate import Evaluated


@click.command(
    epilog=examples("dlscan evaluate scans/lcd-dense", "dlscan evaluate scans/lcd-dense --point 3 7 8")
)
@scan_argument
@click.option("--point", "first", type=int, multiple=True, metavar="N [N]...", help="Only these points.")
@click.argument("more", type=int, nargs=-1, metavar="")
def evaluate(scan: str, first: tuple[int, ...], more: tuple[int, ...]) -> None:
    """Recompute the metrics of the finished points of SCAN.

    SCAN is a scan's directory, its experiment file, or the beginning of either name. Recomputes every metric
    and its uncertainty from each point's predictions.h5, and rewrites the record if a number changed. Use it
    to give records of older versions the numbers of this one. It needs neither the network nor the data.
    Quantities known only from training, such as test_loss and times, stay as they are.

    The exit code is 1 if the scores of a point are missing or damaged; its record stays as it is.
    """
    from dlscan.analysis.points.evaluate import evaluate as measure_again
    from dlscan.analysis.points.records import load
    from dlscan.cli.arguments import scan_directory
    from dlscan.errors import PointsFailed

    directory = scan_directory(scan)
    points = _chosen(load([directory]), dict.fromkeys((*first, *more)))
    with ProgressBar() as progress:
        results = measure_again(points, lambda done: progress("measure", done, len(points)))
    good, updated = sum(not each.problem for each in results), sum(each.changed for each in results)
    measured, changed = counted(good, "point"), counted(updated, "record")
    say(f"{directory}: {measured} measured, {changed} updated")
    if good < len(points):
        raise PointsFailed(_problems(points, results))


def _chosen(points: "Sequence[DonePoint]", numbers: dict[int, None]) -> "Sequence[DonePoint]":
    from dlscan.errors import UsageError

    known = {point.record.point: point for point in points}
    for number in numbers:
        if number not in known:
            raise UsageError(
                f"--point {number}: no finished point has this number; "
                f"finished: {', '.join(map(str, sorted(known)))}"
            )
    return [known[number] for number in numbers] if numbers else points


def _problems(points: "Sequence[DonePoint]", results: "Sequence[Evaluated]") -> str:
    """One line for all, the points that lack the same named together."""
    found: dict[str, list[str]] = {}
    for point, result in zip(points, results, strict=True):
        if result.problem:
            found.setdefault(result.problem, []).append(str(point.record.point))
    return "not measured: " + "; ".join(
        f"{plural(len(numbers), 'point')} {', '.join(numbers)}: {problem}"
        for problem, numbers in found.items()
    )
