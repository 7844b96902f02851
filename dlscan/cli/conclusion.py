"""How `dlscan scan` ends: what it says last, and the error if not every point is done."""

from collections.abc import Sequence

from dlscan.cli.output import say, tell
from dlscan.cli.scan_display import status_command
from dlscan.cli.status_text import extent_words
from dlscan.errors import BatchError, PointsFailed
from dlscan.point_state import OVER
from dlscan.scan import CRASHED, Plan, PointStatus, ScanResult, Submitted, Work
from dlscan.scan.extent import extent_of
from dlscan.spelling import agree, counted


def conclude(result: ScanResult) -> None:
    """Say how many points are done, of a run that stayed until its end.

    Raises
    ------
    PointsFailed
        If not all are, or some crashed too often to be tried again.
    BatchError
        If the batch system refused some.
    """
    if result.statuses is not None:
        _require_done(result.plan, result.statuses)
    if result.submitted is not None:
        _tell_of_search(result)
        _require_taken(result.plan, result.work, result.submitted)


def _tell_of_search(result: ScanResult) -> None:
    """Say how a search goes on that nobody waits for."""
    plan = result.plan
    if plan.searches and result.statuses is None and len(plan.points) != plan.budget and not result.pulls:
        tell(
            extent_words(plan)
            if _is_exhausted(plan)
            else "the search proposes more points when these are done: run the same command again then, or "
            "use --wait or batch.pull: true"
        )


def _is_exhausted(plan: Plan) -> bool:
    extent = extent_of(plan)
    return extent is not None and extent.left == 0


def _require_done(plan: Plan, states: Sequence[PointStatus]) -> None:
    failed = [state for state in states if state.state in CRASHED]
    others = [state for state in states if state.state not in (*CRASHED, *OVER)]
    pruned = sum(state.state == "pruned" for state in states)
    done = len(states) - len(failed) - len(others) - pruned
    early = f", {pruned} pruned" if pruned else ""
    limit = "" if plan.budget in (None, len(states)) else f"; the search may try {plan.budget}"
    if limit and _is_exhausted(plan):
        limit += f", but {extent_words(plan)}"
    say(f"{plan.directory}: {done} of {len(states)} points done{early}{limit}")
    if failed:
        raise PointsFailed(
            f"{len(failed)} of {len(states)} points failed, first {failed[0].point.directory} "
            f"({failed[0].error}); see `{status_command(plan)}`, fix the cause, then run the same command "
            "again"
        )
    if others and all(other.state == "running" for other in others):
        raise PointsFailed(f"{_are(others)} being trained by another process; see `{status_command(plan)}`")
    if others:
        raise PointsFailed(
            f"{_are(others)} not done yet ({', '.join(sorted({other.state for other in others}))}); "
            f"run the same command again to continue"
        )


def _require_taken(plan: Plan, work: Work, submitted: Submitted) -> None:
    if submitted.refusal:
        rest = submitted.points - sum(map(len, submitted.jobs))
        raise BatchError(
            f"{plan.directory}: {rest} of {counted(submitted.points, 'point')} not submitted: "
            f"{submitted.refusal}; once this is resolved, run the same command again"
        )
    if work.left_out:
        first = work.left_out[0]
        raise PointsFailed(
            f"{counted(len(work.left_out), 'point')} crashed too often to be tried again, first "
            f"{first.point.directory} ({first.state}: {first.error}); fix the cause, then run this command "
            f"with --retry {','.join(sorted({status.state for status in work.left_out}))}"
        )


def _are(states: Sequence[PointStatus]) -> str:
    return f"{counted(len(states), 'point')} {agree(len(states), 'is', 'are')}"
