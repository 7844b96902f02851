"""The state of a point, from what is on disk and what the batch system says. Pure."""

import dataclasses
from collections.abc import Iterable

from dlscan.attempts import Attempt
from dlscan.batch.system import JobState
from dlscan.point_state import CRASHED, NEVER_RAN, State, Verdict, after

_STOPPED = ("preempted", "timeout", "lost")
# what a job's end makes of a point whose attempt could not write down its own
_BY_REASON: dict[str, State] = {
    "oom": "oom",
    "timeout": "timeout",
    "preempted": "preempted",
    "cancelled": "preempted",
    "node": "preempted",
}


@dataclasses.dataclass(frozen=True)
class Evidence:
    """All that is known about a point.

    Attributes
    ----------
    record : bool
        It has a record that can be read.
    attempt : Attempt or None
        The latest.
    alive : bool
        That attempt has a heartbeat.
    submitted : bool
        It is in a submission to a batch system, and that system took the job or may have.
    own : bool
        The attempt is one of the latest submission's job.
    job_state : JobState or None
        What the system says of that job; None if it knows nothing of it.
    answered : bool
        The system answered.
    recent : bool
        The job was submitted so recently that the system may not list it yet.
    goes_on : bool
        The job still trains other points.
    fresh : bool
        The attempt ended so recently that its job may still be about to.
    """

    record: bool = False
    attempt: Attempt | None = None
    alive: bool = False
    submitted: bool = False
    own: bool = False
    job_state: JobState | None = None
    answered: bool = True
    recent: bool = False
    goes_on: bool = False
    fresh: bool = False


def judge(known: Evidence) -> Verdict:
    """The state of a point.

    A record is the end of it, and a living attempt runs whatever the system says. Else the job decides: one
    that is queued, or that runs and has not begun, is `queued`; one that runs while its attempt is silent is
    `running`, with the silence said. A system that does not answer is taken to be as it was: its jobs are
    not over. Only when the system says that a job has ended, or has forgotten it, is an attempt without an
    end judged dead.
    """
    if known.record:
        return Verdict("done")
    if known.alive and known.attempt is not None and known.attempt.outcome is None:
        return Verdict("running")
    if not known.submitted:
        return after(known.attempt)
    if not known.answered:
        return _during(known)
    if known.job_state is None:
        return Verdict("queued") if known.recent and not known.own else after(known.attempt)
    if known.job_state.phase == "queued":
        return Verdict("queued")
    if known.job_state.phase == "running":
        return _during(known)
    return _ended(known, known.job_state)


def _during(known: Evidence) -> Verdict:
    """While the job runs, or may."""
    attempt = known.attempt
    if not known.own or attempt is None:
        return Verdict("queued")
    if attempt.outcome is None:
        return Verdict("running", silent=True)
    # A pack goes on with its others after one of them crashed. Otherwise the job is about to end or to be
    # requeued, and until it has, a second one must not be submitted beside it.
    over = known.goes_on or not (known.answered or known.fresh)
    return after(attempt) if over and attempt.outcome not in _STOPPED else Verdict("queued")


def _ended(known: Evidence, job_state: JobState) -> Verdict:
    attempt = known.attempt
    if known.own and attempt is not None:
        if attempt.outcome is not None:
            return after(attempt)
        state = _BY_REASON.get(job_state.reason, "failed")
        return Verdict(
            state, _joined(f"ended without a message on {attempt.host}", job_state.words), unwritten="attempt"
        )
    if job_state.reason == "cancelled" or (attempt is not None and job_state.reason in ("done", "")):
        # it never came to this point: things are as they were before it
        return after(attempt)
    state = _BY_REASON.get(job_state.reason, "failed")
    text = NEVER_RAN if job_state.reason == "refused" else "the job ended before training started"
    return Verdict(state, _joined(text, job_state.words), unwritten="job")


def _joined(text: str, words: str) -> str:
    return f"{text}: {words}" if words else text


def crashes(attempts: Iterable[Attempt], epochs: int) -> int:
    """How many attempts crashed since one of them last finished an epoch, the crash of that one included.

    Parameters
    ----------
    attempts : iterable of Attempt
        Of a point, in order.
    epochs : int
        Epochs that it has now.
    """
    count, reached = 0, epochs
    for attempt in reversed(list(attempts)):
        crashed = attempt.outcome in (None, *CRASHED)
        count += crashed
        began = reached if attempt.resumed_after is None else attempt.resumed_after
        # one that diverges does so again, however many epochs it has before it
        if reached > began and attempt.outcome != "diverged":
            break
        reached = min(reached, began)
    return count
