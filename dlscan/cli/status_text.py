"""The words of `dlscan status`."""

import dataclasses
import json
import time
from collections.abc import Iterator, Sequence

from tabulate import tabulate

from dlscan.clock import clock
from dlscan.config.folds import validating
from dlscan.point_state import NEVER_RAN, OVER
from dlscan.scan import Plan, PointStatus
from dlscan.scan.advice import what_to_do
from dlscan.scan.extent import extent_of
from dlscan.scan.outlook import retries_of
from dlscan.scan.totals import totals
from dlscan.spelling import counted

_HEADER = ("Point", "Parameters", "State", "Epochs", "Left, at most", "Job", "Last error")
# more numbers than these in a line say less
_NUMBERS = 10
# what people look for first, where not all rows have room
_FIRST = (
    *("running", "failed", "oom", "diverged", "timeout", "preempted"),
    *("queued", "pending", "paused", "pruned", "done"),
)


def table(plan: Plan, statuses: Sequence[PointStatus], rows: int | None = None) -> str:
    """The points, what they add up to, and what to do.

    Parameters
    ----------
    plan : Plan
        Of the scan.
    statuses : sequence of PointStatus
        Of every point.
    rows : int, optional
        Show no more points than these: those that run or are not well come first.
    """
    shown = list(statuses)
    if rows is not None and len(shown) > rows:
        shown = sorted(shown, key=lambda status: _FIRST.index(status.state))[:rows]
        shown.sort(key=lambda status: status.point.number)
    drawn = tabulate(
        [_row(status) for status in shown],
        _HEADER,
        disable_numparse=True,
        colalign=["right", "left", "left", "right", "right", "left", "left"],
    )
    lines = [drawn]
    if len(shown) < len(statuses):
        lines.append(f"... and {len(statuses) - len(shown)} more")
    return "\n".join(
        [*lines, "", summary(statuses), *_search(plan), *_racing(plan, statuses), *_advice(plan, statuses)]
    )


def _row(status: PointStatus) -> list[object]:
    state = status.state
    if status.silent_since is not None:
        state += f", silent since {status.silent_since}"
    left = status.seconds_left if status.state == "running" else None
    return [
        status.point.number,
        status.point.name,
        state,
        f"{status.epochs}/{status.epochs_wanted}",
        "" if left is None else clock(left),
        "" if status.state in OVER else status.job or "",
        status.error or (status.words if status.state == "queued" else ""),
    ]


def summary(statuses: Sequence[PointStatus]) -> str:
    """Points by state, epochs and time left, in a line."""
    whole = totals(statuses)
    parts = [", ".join(f"{count} {state}" for state, count in whole.counts.items())]
    parts.append(f"{whole.epochs} of at most {whole.epochs_wanted} epochs")
    if whole.seconds_left:
        left = f"at most {clock(whole.seconds_left)} of training left"
        if whole.jobs > 1:
            left += f", {clock(whole.seconds_left / whole.jobs)} with {whole.jobs} at a time"
        parts.append(left)
    if whole.model_events_per_second:
        rate = f"{whole.events_per_second:,.0f} events/s"
        if any(status.pack > 1 for status in statuses if status.state == "running"):
            rate += f", {whole.model_events_per_second:,.0f} model-events/s"
        parts.append(rate)
    return "; ".join(parts)


def _search(plan: Plan) -> Iterator[str]:
    """How much of its budget a search has used."""
    if plan.searches:
        method = plan.config["scan"]["search"]["method"]
        limit = "it ends by itself" if plan.budget is None else f"at most {plan.budget}"
        extent = extent_words(plan)
        more = f"; {extent}" if extent else ""
        yield f"Search ({method}): {counted(len(plan.points), 'point')} proposed, {limit}{more}"


def extent_words(plan: Plan) -> str:
    """How many combinations a search has, where they are few or it tries them all; empty for others."""
    extent = extent_of(plan)
    if extent is None:
        return ""
    many = f"{'' if extent.exact else 'at most '}{counted(extent.combinations, 'combination')}"
    if extent.left == 0:
        return f"the space has {many}, and all are proposed"
    if extent.rounds:
        return f"round {extent.round} of {extent.rounds} has {many}"
    few = plan.budget is not None and extent.combinations * plan.trainings < plan.budget
    tries_all = plan.config["scan"]["search"]["method"] == "grid"
    return f"the space has {many}" if few or tries_all else ""


def _racing(plan: Plan, statuses: Sequence[PointStatus]) -> Iterator[str]:
    """That the racing of a scan drops no point, if it has too few validation events."""
    halving = plan.config.get("scan", {}).get("halving") or {}
    if not halving.get("racing"):
        return
    # most scans have no losses of events to look for
    from dlscan.event_losses import too_few
    from dlscan.scan.choices import choices_of

    begun = {status.point.number for status in statuses if status.epochs}
    choices = (each for each in choices_of(plan) if all(point.number in begun for point in each))
    said = too_few([(validating(point.params), plan.paths(point)) for point in each] for each in choices)
    if said:
        yield said


def _advice(plan: Plan, statuses: Sequence[PointStatus]) -> Iterator[str]:
    """What to do, a line for all points to which it applies."""
    retries = retries_of(plan)
    found: dict[str, list[int]] = {}
    failed = (status for status in statuses if status.state == "failed")
    first = next((each.point.number for each in failed if not each.error.startswith(NEVER_RAN)), None)
    for status in statuses:
        # of several that failed, the output of the first is shown
        advice = what_to_do(plan.directory, status, retries, first)
        if advice:
            found.setdefault(advice, []).append(status.point.number)
    if found:
        yield "\nWhat to do:"
    for advice, numbers in found.items():
        some = ", ".join(map(str, numbers[:_NUMBERS]))
        more = f" and {len(numbers) - _NUMBERS} more" if len(numbers) > _NUMBERS else ""
        yield f"  {some}{more}: {advice}"


def changes(before: Sequence[PointStatus] | None, now: Sequence[PointStatus]) -> Iterator[str]:
    """A line for each point whose state has changed; at first for each that is neither pending nor done."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    old = {status.point.number: status.state for status in before or ()}
    for status in now:
        was = old.get(status.point.number)
        if status.state == was or (before is None and status.state in ("pending", "done")):
            continue
        error = f": {status.error}" if status.error else ""
        yield (
            f"{stamp} {status.point.directory}: {f'{was} -> ' if was else ''}{status.state} "
            f"({status.epochs}/{status.epochs_wanted} epochs){error}"
        )


def as_json_text(plan: Plan, statuses: Sequence[PointStatus]) -> str:
    """All that is known, for programs."""
    whole = totals(statuses)
    retries = retries_of(plan)
    points = []
    for status in statuses:
        value = {field.name: getattr(status, field.name) for field in dataclasses.fields(status)}
        point = value.pop("point")
        head = {"point": point.number, "name": point.name, "params": point.params}
        points.append({**head, **value, "advice": what_to_do(plan.directory, status, retries)})
    return json.dumps(
        {
            "scan": str(plan.directory),
            "name": plan.name,
            "counts": whole.counts,
            "budget": plan.budget,
            "epochs": whole.epochs,
            "epochs_wanted": whole.epochs_wanted,
            "seconds_left": whole.seconds_left,
            "points": points,
        },
        indent=1,
    )
