"""`dlscan scan --dry-run`."""

import shlex

from tabulate import tabulate

from dlscan.bench.dry_run import DryRun
from dlscan.cli.output import say, tell
from dlscan.errors import BatchError
from dlscan.scan.foreseen import Foreseen
from dlscan.spelling import counted


def show(found: DryRun, system: str) -> None:
    """List the points that would be trained, with the commands of their jobs, and the script of the jobs.

    Raises
    ------
    BatchError
        After all that, if the batch system would refuse the jobs.
    """
    points, forecast = found.points, found.forecast
    for point, command in zip(points, found.commands, strict=True):
        say(f"{point.directory}\t{shlex.join(command)}")
    if found.script:
        say(f"\n{found.script.rstrip()}")
    if "Alone" in forecast.header:
        align = ("left", "right", "right")
        tell(tabulate(forecast.rows, forecast.header, disable_numparse=True, colalign=align))
    left = len(found.plan.points) - len(points)
    tell(
        f"{found.plan.directory}: {counted(len(found.plan.points), 'point')}, {len(points)} to train in "
        f"{counted(len(forecast.packs), 'job')} on {system}"
        + (f"; {left} done, under way or left out" if left else "")
    )
    if found.foreseen is not None:
        tell(_foreseen(found.foreseen, bool(points)))
    if points or found.foreseen is None:
        tell(forecast.sentence)
    if found.refusal:
        raise BatchError(f"cannot be submitted as it is: {found.refusal}")


def _foreseen(search: Foreseen, after_others: bool) -> str:
    """What the search will propose, and that this is in no estimate."""
    more = "more points" if after_others else "points"
    many = f"{more} until it ends by itself" if search.points is None else f"{search.points} {more}"
    at_once = "all at once" if search.at_once is None else f"at most {search.at_once} at a time"
    estimate = "They are not in the estimate" if after_others else "There is no estimate for them yet"
    return f"The search ({search.method}) will propose {many}, {at_once}. {estimate}."
