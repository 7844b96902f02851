"""What `dlscan scan` says, and how it waits."""

import collections
import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlscan.cli.output import say
from dlscan.cli.progress import Progress
from dlscan.errors import BatchError, PointsFailed
from dlscan.spelling import counted, hint

if TYPE_CHECKING:
    from dlscan.config import Batch, Experiment
    from dlscan.scan import Plan, PointStatus, Report, Submitted, Work


def tell(text: str) -> None:
    """Say a line on stderr."""
    say(text, err=True)


def retry_states(context: click.Context, parameter: click.Parameter, text: str) -> tuple[str, ...]:
    """The states of `--retry`, which end in words that name those there are if one is none."""
    from dlscan.scan import STATES, UNDER_WAY

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    known = [state for state in STATES if state not in ("done", *UNDER_WAY)]
    for name in names:
        if name not in known:
            raise click.BadParameter(f"no state {name!r}; {hint(name, known)}", context, parameter)
    return names


def with_scheduler(batch: "Batch", scheduler: str | None) -> "Batch":
    """The section with the address that the command line gives."""
    if scheduler is None:
        return batch
    if batch.system != "dask":
        raise click.UsageError(f"--scheduler is for dask, but this scan runs on {batch.system}")
    file = Path(scheduler)
    is_file = file.suffix == ".json" or file.is_file()
    # other commands are started elsewhere
    return dataclasses.replace(batch, scheduler=str(file.absolute()) if is_file else scheduler)


def show(experiment: "Experiment", batch: "Batch", retry: tuple[str, ...], extend: bool) -> None:
    """List the points that would be trained, with the commands of their jobs, and the script of the jobs."""
    from tabulate import tabulate

    from dlscan import scan as scans
    from dlscan.batch import Request, system
    from dlscan.bench.forecast import forecast
    from dlscan.scan.submissions import Submissions

    plan, manifest = scans.draft(experiment, extend)
    say_older(plan)
    say_doubtful(plan)
    points = scans.find_work(plan, batch, manifest, tell, retry).points
    found = forecast(experiment, plan, points)
    jobs = {point.number: pack for pack in found.packs for point in pack}
    for point in points:
        numbers = [str(member.number) for member in jobs[point.number]]
        command = ["dlscan", "train", str(plan.directory), "--point", *numbers]
        say(f"{point.directory}\t{shlex.join(command)}")
    if batch.system != "local" and points:
        try:
            system(batch).check(batch)
        except BatchError as error:
            tell(f"cannot be submitted as it is: {error}")
        packs = tuple(tuple(point.number for point in pack) for pack in found.packs)
        number, directory = Submissions(plan.directory).next_place()
        names = {point.number: point.directory for point in points}
        tag = f"dlscan-dry-run-{number}"
        request = Request(tag, plan.directory, directory, packs, batch, names, experiment.data.prepared)
        say(f"\n{system(batch).script(request).rstrip()}")
    if "Alone" in found.header:
        tell(tabulate(found.rows, found.header, disable_numparse=True, colalign=("left", "right", "right")))
    left = len(plan.points) - len(points)
    tell(
        f"{plan.directory}: {counted(len(plan.points), 'point')}, {len(points)} to train in "
        f"{counted(len(found.packs), 'job')} on {batch.system}"
        + (f"; {left} done, under way or left out" if left else "")
    )
    tell(found.sentence)


def say_older(plan: "Plan") -> None:
    """Say which network the points of an older plan get."""
    if plan.older and len(plan.config["data"]["inputs"]) > 1:
        tell(
            f"{plan.directory}: planned by an older version of dlscan, which merged the inputs only in the "
            "output layer; its points keep that network (model.merged_depth: 0). For the new network, give "
            "the experiment another name"
        )


def say_doubtful(plan: "Plan") -> None:
    """Say of points that are allowed and most probably not meant."""
    networks = [plan.experiment.at(point.params).model for point in plan.points]
    zeros = [network for network in networks if getattr(network.parameters, "initializer", "") == "zeros"]
    if zeros:
        tell(
            f"Warning: {plan.directory}: {counted(len(zeros), 'point')} with model.initializer: zeros; "
            "hidden layers that start at zero get no gradient from each other, and most never learn"
        )


def say_ended(report: "Report") -> None:
    """Say what became of a point."""
    state = report.status
    text = f"{state.state} after {counted(state.epochs, 'epoch')}"
    if state.state == "running":
        text = "skipped, another process is training it"
    error = f": {state.error}" if state.error else ""
    tell(f"[{report.ended}/{report.total}] {state.point.directory}: {text}{error}")


def say_submitted(plan: "Plan", batch: "Batch", work: "Work", submitted: "Submitted") -> None:
    """Say what was submitted, and how to look at it."""
    parts = []
    if submitted.ids:
        points = sum(map(len, submitted.jobs))
        ids = submitted.ids[0] if len(submitted.ids) == 1 else f"{submitted.ids[0]} to {submitted.ids[-1]}"
        parts.append(f"{points} submitted to {batch.system} in {counted(len(submitted.ids), 'job')} ({ids})")
    taken = {number for job in submitted.jobs for number in job}
    states = collections.Counter(s.state for s in work.statuses if s.point.number not in taken)
    parts += [f"{count} {state}" for state, count in sorted(states.items()) if count]
    look = "" if work.done == len(plan.points) else f"; check with `{_status(plan)}`"
    say(f"{plan.directory}: {counted(len(plan.points), 'point')}, {', '.join(parts)}{look}")


def raise_refusal(plan: "Plan", work: "Work", submitted: "Submitted") -> None:
    """Raise what keeps points from being trained, if anything does."""
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


def wait_for(plan: "Plan") -> None:
    """Wait for a scan: a bar on a terminal, a line for each change elsewhere.

    Raises
    ------
    PointsFailed
        If a point is not done in the end.
    """
    from dlscan import scan as scans

    before: dict[int, str] = {}
    states: list[PointStatus] = []
    try:
        with Progress() as progress:
            for states in scans.watch(plan, tell):
                done = sum(state.state == "done" for state in states)
                progress("points", done, len(states))
                if not progress.visible:
                    _say_changes(states, before, done)
                before = {state.point.number: state.state for state in states}
    except KeyboardInterrupt:
        tell("stopped waiting; the jobs keep running, `dlscan cancel` ends them")
        raise
    conclude(plan, states)


def _say_changes(states: "list[PointStatus]", before: dict[int, str], done: int) -> None:
    if not before:
        counts = collections.Counter(state.state for state in states)
        tell(", ".join(f"{count} {state}" for state, count in counts.items()))
        return
    for state in states:
        if state.state != before.get(state.point.number):
            error = f": {state.error}" if state.error else ""
            tell(f"[{done}/{len(states)}] {state.point.directory}: {state.state}{error}")


def conclude(plan: "Plan", states: "list[PointStatus]") -> None:
    """Say how many points are done.

    Raises
    ------
    PointsFailed
        If not all are.
    """
    from dlscan.scan import CRASHED

    failed = [state for state in states if state.state in CRASHED]
    others = [state for state in states if state.state not in (*CRASHED, "done")]
    done = len(states) - len(failed) - len(others)
    say(f"{plan.directory}: {done} of {len(states)} points done")
    if failed:
        raise PointsFailed(
            f"{len(failed)} of {len(states)} points failed, first {failed[0].point.directory} "
            f"({failed[0].error}); see `{_status(plan)}`, fix the cause, then run the same command again"
        )
    if others and all(other.state == "running" for other in others):
        raise PointsFailed(f"{_are(others)} being trained by another process; see `{_status(plan)}`")
    if others:
        raise PointsFailed(
            f"{_are(others)} not done yet ({', '.join(sorted({other.state for other in others}))}); "
            f"run the same command again to continue"
        )


def _status(plan: "Plan") -> str:
    return shlex.join(["dlscan", "status", str(plan.directory)])


def _are(states: "list[PointStatus]") -> str:
    return f"{counted(len(states), 'point')} {'is' if len(states) == 1 else 'are'}"
