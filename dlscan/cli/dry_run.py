"""`dlscan scan --dry-run`."""

import shlex

from tabulate import tabulate

from dlscan.bench.dry_run import DryRun
from dlscan.cli.output import say, tell
from dlscan.spelling import counted


def show(found: DryRun, system: str) -> None:
    """List the points that would be trained, with the commands of their jobs, and the script of the jobs."""
    points, forecast = found.points, found.forecast
    for point, command in zip(points, found.commands, strict=True):
        say(f"{point.directory}\t{shlex.join(command)}")
    if found.refusal:
        tell(f"cannot be submitted as it is: {found.refusal}")
    if found.script:
        say(f"\n{found.script.rstrip()}")
    if "Alone" in forecast.header:
        align = ("left", "right", "right")
        tell(tabulate(forecast.rows, forecast.header, disable_numparse=True, colalign=align))
    if found.plan.searches:
        tell("the search proposes more points when it runs")
    left = len(found.plan.points) - len(points)
    tell(
        f"{found.plan.directory}: {counted(len(found.plan.points), 'point')}, {len(points)} to train in "
        f"{counted(len(forecast.packs), 'job')} on {system}"
        + (f"; {left} done, under way or left out" if left else "")
    )
    tell(forecast.sentence)
