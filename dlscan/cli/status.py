"""`dlscan status`."""

from typing import TYPE_CHECKING

import click

from dlscan import garbage
from dlscan.cli.arguments import scan_argument
from dlscan.cli.output import examples, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlscan.scan import Plan, PointStatus

_WATCH_SECONDS = 5.0


@click.command(
    epilog=examples(
        "dlscan status scans/lcd-dense",
        "dlscan status scans/lcd-dense --watch",
        "dlscan status scans/lcd-dense --json | jq '.points[] | select(.state == \"failed\")'",
    )
)
@scan_argument
@click.option(
    "--watch",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    is_flag=False,
    flag_value=_WATCH_SECONDS,
    metavar="[SECONDS]",
    help=f"Refresh every SECONDS ({_WATCH_SECONDS:g} by default) until nothing is queued or running.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, for programs.")
@click.option("--files-only", is_flag=True, help="Do not ask the batch system.")
def status(scan: str, seconds: float | None, as_json: bool, files_only: bool) -> None:
    """Show the state of every point of SCAN.

    SCAN is a scan's directory, its experiment file, or the beginning of either name. Below the table is
    advice for points with problems. The exit code is 1 if any point failed, ran out of memory or diverged.

    \b
    The states are:
      pending    not started yet
      queued     submitted to the batch system
      running    training now
      preempted  stopped; `dlscan scan` continues it
      timeout    stopped by a time limit; `dlscan scan` continues it
      oom        out of memory
      failed     ended with an error
      diverged   the loss became infinite or undefined
      paused     waits at a rung of scan.halving
      pruned     stopped at a rung, because others are better
      done       finished

    With --watch the table is refreshed until the scan ends. If the output is not a terminal, each change is
    printed as one line.
    """
    import shlex

    from dlscan.cli.arguments import scan_directory
    from dlscan.cli.status_text import as_json_text, table
    from dlscan.errors import PointsFailed, UsageError
    from dlscan.scan import CRASHED, Plan
    from dlscan.scan.totals import totals

    if as_json and seconds is not None:
        raise UsageError("--json and --watch do not go together; run `dlscan status SCAN --json` repeatedly")
    plan = Plan.read(scan_directory(scan))
    look = _looker(plan, files_only)
    if seconds is not None:
        statuses = _watch(plan, look, seconds)
    else:
        statuses = look()
        say(as_json_text(plan, statuses) if as_json else table(plan, statuses))
    failed = totals(statuses).failed
    if failed:
        first = next(status.point.number for status in statuses if status.state in CRASHED)
        raise PointsFailed(
            f"{failed} of {len(statuses)} points failed; `dlscan logs {shlex.quote(scan)} {first}` shows the "
            f"output of point {first}, and `dlscan scan` tries them again"
        )


def _looker(plan: "Plan", files_only: bool) -> "Callable[[], list[PointStatus]]":
    """What looks at the scan; that a system does not answer is said once, until it has answered."""
    from dlscan.scan import scan_status
    from dlscan.scan.job_states import ask_nobody

    said: set[str] = set()

    def look() -> "list[PointStatus]":
        words: list[str] = []
        # thousands of small objects are made and none is garbage: looking for some would take half the time
        with garbage.no_search():
            statuses = scan_status(plan, ask_nobody if files_only else None, words.append)
        if not files_only:
            for line in words:
                if line not in said:
                    say(line, err=True)
        said.clear()
        said.update(words)
        return statuses

    return look


def _watch(plan: "Plan", look: "Callable[[], list[PointStatus]]", seconds: float) -> "list[PointStatus]":
    import shutil
    import sys
    import time

    from dlscan.cli.status_text import changes, summary, table
    from dlscan.point_state import OVER, UNDER_WAY

    terminal = sys.stdout.isatty()
    before: list[PointStatus] | None = None
    idle = 0
    while True:
        statuses = look()
        if terminal:
            click.clear()
            say(table(plan, statuses, rows=max(4, shutil.get_terminal_size().lines - 12)))
        else:
            for line in changes(before, statuses):
                say(line)
            sys.stdout.flush()
        # twice, because a requeued job is for a moment neither running nor queued
        idle = 0 if any(status.state in UNDER_WAY for status in statuses) else idle + 1
        if idle == 2 or all(status.state in OVER for status in statuses):
            break
        before = statuses
        time.sleep(seconds)
    if not terminal:
        say(summary(statuses))
    return statuses
