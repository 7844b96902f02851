"""What `dlscan scan` says while it goes on: a bar on a terminal, lines elsewhere."""

import collections
import contextlib
import shlex
import time
from collections.abc import Callable, Iterator, Sequence

from dlscan.cli.output import say, tell
from dlscan.cli.progress_bar import ProgressBar
from dlscan.cli.signals import terminable
from dlscan.cli.status_text import extent_words, summary
from dlscan.clock import clock
from dlscan.scan import Detached, Plan, PointEnded, PointStatus, Submitted, Work
from dlscan.scan.totals import totals
from dlscan.spelling import counted

# Without a terminal: a line after so many seconds, and then less and less often.
_FIRST_SECONDS, _MOST_SECONDS, _LONGER = 30.0, 900.0, 1.5


class ScanDisplay:
    """Listens to `dlscan.scan.run`.

    Parameters
    ----------
    now : callable
        Gives seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._progress, self._now = ProgressBar(), now
        self._pause, self._next = _FIRST_SECONDS, 0.0
        self._before: dict[int, str] = {}

    def line(self, text: str) -> None:
        """Say something."""
        self._progress.clear()
        tell(text)

    def planned(self, plan: Plan) -> None:
        """Say what of a plan may not be what is meant, and how much there is for a search."""
        _tell_older(plan)
        _tell_doubtful(plan)
        extent = extent_words(plan)
        if extent:
            tell(f"{plan.directory}: {extent}")

    @contextlib.contextmanager
    def training(self, plan: Plan, work: Work, slots: int) -> Iterator[None]:
        """Say what is trained here, and what an interrupt leaves."""
        packed = "" if len(work.packs) == len(work.points) else f" in {counted(len(work.packs), 'process')}"
        points = points_of(plan)
        at_once = f", {slots} at a time" if work.points else ""
        tell(f"{plan.directory}: {points}, {len(work.points)} to train{packed}{at_once}")
        self._next = self._now() + self._pause
        with terminable() as ending:
            try:
                with self._progress:
                    yield
            except KeyboardInterrupt:
                tell("stopped; finished epochs are kept, and the same command continues the scan")
                if ending.hung_up:
                    tell("the terminal was closed; use --detach to keep a scan running without one")
                raise

    def ended(self, point: PointEnded) -> None:
        """Say what became of a point."""
        state = point.status
        text = f"{state.state} after {counted(state.epochs, 'epoch')}"
        if point.paused:
            text = f"paused at the rung of {counted(state.epochs, 'epoch')}"
        if state.state == "running":
            text = "skipped, another process is training it"
        error = f": {state.error}" if state.error else ""
        self.line(f"[{point.ended}/{point.total}] {state.point.directory}: {text}{error}")

    def continued(self, status: PointStatus) -> None:
        """Say that a point trains on from a rung."""
        epochs = counted(status.epochs, "epoch")
        self.line(f"{status.point.directory}: continues in another job, after {epochs} so far")

    def under_way(self, states: Sequence[PointStatus]) -> None:
        """Say how far the points are, epochs and time left."""
        whole = totals(states)
        if self._progress.visible:
            left = "time left known after the first epoch"
            if whole.seconds_left is not None:
                left = f"at most {clock(whole.seconds_left / max(1, whole.running))} left"
            self._progress("epochs", whole.epochs, whole.epochs_wanted, f"{whole.running} running, {left}")
        elif self._now() >= self._next:
            tell(summary(states))
            self._pause = min(self._pause * _LONGER, _MOST_SECONDS)
            self._next = self._now() + self._pause

    def submitted(self, plan: Plan, work: Work, submitted: Submitted) -> None:
        """Say what was submitted, and how to look at it."""
        parts = []
        if submitted.ids:
            ids = submitted.ids
            points, jobs = sum(map(len, submitted.jobs)), counted(len(ids), "job")
            span = ids[0] if len(ids) == 1 else f"{ids[0]} to {ids[-1]}"
            parts.append(f"{points} submitted to {submitted.system} in {jobs} ({span})")
        taken = {number for job in submitted.jobs for number in job}
        states = collections.Counter(s.state for s in work.statuses if s.point.number not in taken)
        parts += [f"{count} {state}" for state, count in sorted(states.items()) if count]
        look = "" if work.done == len(plan.points) else f"; check with `{status_command(plan)}`"
        say(f"{plan.directory}: {points_of(plan)}, {', '.join(parts)}{look}")

    @contextlib.contextmanager
    def waiting(self, submitted: Submitted) -> Iterator[None]:
        """Say what was refused, and what an interrupt leaves."""
        if submitted.refusal:
            tell(submitted.refusal)
        try:
            with self._progress:
                yield
        except KeyboardInterrupt:
            tell("stopped waiting; the jobs keep running, `dlscan cancel` ends them")
            raise

    def watched(self, statuses: Sequence[PointStatus]) -> None:
        """Say how many points are done, or without a terminal what has changed."""
        done = sum(status.state == "done" for status in statuses)
        self._progress("points", done, len(statuses))
        if not self._progress.visible:
            self._tell_changes(statuses, done)
        self._before = {status.point.number: status.state for status in statuses}

    def _tell_changes(self, statuses: Sequence[PointStatus], done: int) -> None:
        if not self._before:
            counts = collections.Counter(status.state for status in statuses)
            tell(", ".join(f"{count} {state}" for state, count in counts.items()))
            return
        for status in statuses:
            if status.state != self._before.get(status.point.number):
                error = f": {status.error}" if status.error else ""
                tell(f"[{done}/{len(statuses)}] {status.point.directory}: {status.state}{error}")


def _tell_older(plan: Plan) -> None:
    """Tell which network the points of an older plan get."""
    if plan.older and len(plan.config["data"]["inputs"]) > 1:
        tell(
            f"{plan.directory}: planned by an older version of dlscan, which merged the inputs only in the "
            "output layer; its points keep that network (model.merged_depth: 0). For the new network, give "
            "the experiment another name"
        )


def _tell_doubtful(plan: Plan) -> None:
    """Tell of points that are allowed and most probably not meant."""
    networks = [each.model for each in plan.experiment.combinations.examples]
    written = plan.experiment.written
    keys = [
        *(f"train.{key}" for key in written["train"]),
        *(f"data.{key}" for key in ("normalize", "augment") if written["data"].get(key)),
    ]
    unread = [key for key in keys if not any(network.reads(key) for network in networks)]
    if unread:
        families = ", ".join(dict.fromkeys(str(network.family) for network in networks))
        tell(
            f"Warning: {plan.directory}: {', '.join(unread)}: the family {families} does not use "
            f"{'it' if len(unread) == 1 else 'them'}; its parameters are those of the section model"
        )
    zeros = [network for network in networks if getattr(network.parameters, "initializer", "") == "zeros"]
    if zeros:
        tell(
            f"Warning: {plan.directory}: {counted(len(zeros), 'point')} with model.initializer: zeros; "
            "hidden layers that start at zero get no gradient from each other, and most never learn"
        )


def say_detached(started: Detached) -> None:
    """Say that a scan runs in the background, and how to look at it and to stop it."""
    directory = started.plan.directory
    scan = shlex.quote(str(directory))
    say(
        f"{directory}: runs in the background as process {started.pid}, even after this terminal "
        f"closes; output in {started.log}. Check it with `dlscan status {scan}`, stop it with "
        f"`dlscan cancel {scan}`"
    )


def points_of(plan: Plan) -> str:
    """How many points a plan has, and of a search how many it may have."""
    points = counted(len(plan.points), "point")
    if not plan.searches:
        return points
    return (
        f"{points} so far" if plan.budget is None else f"{len(plan.points)} of at most {plan.budget} points"
    )


def status_command(plan: Plan) -> str:
    """How to look at a scan."""
    return shlex.join(["dlscan", "status", str(plan.directory)])
