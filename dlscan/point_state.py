"""The states of a point, and the one that its latest attempt leaves it in. Pure."""

import dataclasses
from typing import Literal, get_args

from dlscan.attempts import Attempt

State = Literal[
    "pending",
    "queued",
    "running",
    "preempted",
    "timeout",
    "oom",
    "failed",
    "diverged",
    "paused",
    "pruned",
    "done",
]
STATES: tuple[State, ...] = get_args(State)
# what a batch system has or works on
UNDER_WAY: tuple[State, ...] = ("queued", "running")
# what never trains again: `scan.halving` prunes
OVER: tuple[State, ...] = ("done", "pruned")
# what `dlscan scan` has nothing to do for; a point that has paused waits for others
SETTLED: tuple[State, ...] = (*OVER, "paused", *UNDER_WAY)
# states that spend a retry
CRASHED: tuple[State, ...] = ("failed", "oom", "diverged")
# how the error of a point begins whose job the batch system took but could not run, on file too
NEVER_RAN = "the job never ran"

# what an attempt's own outcome makes of a point; one that is not known, of a newer version, is no success
_BY_OUTCOME: dict[str, State] = {**{state: state for state in STATES}, "lost": "preempted"}


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The state of a point.

    Attributes
    ----------
    state : State
        Itself.
    error : str
        Why it is not well.
    silent : bool
        It runs by what the batch system says, but has no heartbeat.
    unwritten : {"", "attempt", "job"}
        No attempt on file says so: the latest attempt, or a job before it made one, ended without a word.
    """

    state: State
    error: str = ""
    silent: bool = False
    unwritten: Literal["", "attempt", "job"] = ""


def after(attempt: Attempt | None) -> Verdict:
    """The state of a point without a record whose latest attempt is over and whose job, if any, is too."""
    # after `done` without a record, the record is gone, and has to be made again
    if attempt is None or attempt.outcome == "done":
        return Verdict("pending")
    if attempt.outcome is None:
        text = f"ended without a message on {attempt.host}, as when a process is killed"
        return Verdict("failed", text, unwritten="attempt")
    return Verdict(_BY_OUTCOME.get(attempt.outcome, "failed"), attempt.error or "")
