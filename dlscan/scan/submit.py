"""Submit jobs to a batch system so that none is submitted twice and none forgotten.

What is wanted is written down before the system hears of it, and the ids when it has answered. A `scan` that
was killed in between leaves the first without the second; the next one asks the system for the tag.
"""

import contextlib
import dataclasses
import os
import shlex
import time
from collections.abc import Callable, Iterator, Sequence

from dlscan.batch import Request, System, system
from dlscan.batch.call import CallError
from dlscan.config import BatchOptions
from dlscan.errors import BatchError, ScanError
from dlscan.locks import locked
from dlscan.scan.plan import Plan
from dlscan.scan.space import Point
from dlscan.scan.submissions import Submission, Submissions

# A system that failed to answer may be about to take the jobs: it is asked again after so many seconds.
_ASK_AGAIN = (0.0, 1.0, 3.0)

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Submitted:
    """What became of jobs that were to be submitted.

    Attributes
    ----------
    system : str
        Where to.
    jobs : tuple of tuple of int
        The points of each job that the system has.
    ids : tuple of str
        The system's id of each.
    points : int
        How many points were to be submitted.
    refusal : str
        Why there are fewer jobs than wanted; empty if there are not.
    unknown : bool
        Whether the system has not said if it has the others.
    """

    system: str
    jobs: tuple[tuple[int, ...], ...]
    ids: tuple[str, ...]
    points: int
    refusal: str = ""
    unknown: bool = False


class SubmitBusy(ScanError):
    """Another process submits or cancels jobs of the scan."""


@contextlib.contextmanager
def submitting(plan: Plan) -> Iterator[None]:
    """Be the only one who submits jobs of a scan, or cancels them.

    Raises
    ------
    SubmitBusy
        If another process does.
    """
    busy = SubmitBusy(
        f"{plan.directory}: another `dlscan scan` or `cancel` is submitting or cancelling jobs of this scan; "
        f"`dlscan status {shlex.quote(str(plan.directory))}` shows the result once it has finished"
    )
    with locked(plan.directory / ".submit.lock", busy) as handle:
        # a command of the batch system that outlives a killed `scan` may still submit: it keeps the lock
        os.set_inheritable(handle.fileno(), True)
        yield


def reconcile(plan: Plan, say: Say) -> None:
    """Find out what became of submissions whose `scan` was killed. The caller holds the lock.

    Raises
    ------
    BatchError
        If the system does not answer: then nobody knows whether the jobs are there.
    """
    submissions = Submissions(plan.directory)
    for submission in submissions.read():
        if submission.ids is not None:
            continue
        try:
            where = system(submission.batch, submission.cluster)
            ids = _find(where, request_for(plan, submission))
        except BatchError as error:
            raise BatchError(
                f"{plan.directory}: it is not known yet whether {submission.system} accepted submission "
                f"{submission.number} ({error}); nothing was submitted, run the same command again later"
            ) from None
        submissions.know(submission, ids)
        jobs = f"{len(ids)} of {len(submission.jobs)} jobs" if ids else "no job"
        say(f"submission {submission.number} was interrupted: {submission.system} has {jobs} of it")


def request_for(plan: Plan, submission: Submission) -> Request:
    """What a batch system is asked for, or is asked about, in a submission."""
    directory = Submissions(plan.directory).directory(submission.number)
    return Request(submission.tag, plan.directory, directory, submission.jobs, submission.batch)


def submit(plan: Plan, packs: Sequence[tuple[Point, ...]], batch: BatchOptions) -> Submitted:
    """Submit jobs, in as many submissions as the system wants. The caller holds the lock.

    A refusal ends it: the jobs that were taken before are known and left to run.

    Parameters
    ----------
    plan : Plan
        Of the scan.
    packs : sequence of tuple of Point
        The points of each job.
    batch : BatchOptions
        Where to, and what each job may use.
    """
    where = system(batch)
    cluster = where.cluster() if packs else ""
    jobs = tuple(tuple(point.number for point in points) for points in packs)
    most = where.most_jobs() or max(len(jobs), 1)
    taken: list[tuple[int, ...]] = []
    ids: list[str] = []
    refusal, unknown = "", False
    for first in range(0, len(jobs), most):
        new, refusal, unknown = _submit_once(plan, where, cluster, batch, jobs[first : first + most])
        taken += jobs[first : first + len(new)]
        ids += new
        if refusal:
            break
    return Submitted(batch.system, tuple(taken), tuple(ids), sum(map(len, jobs)), refusal, unknown)


def _submit_once(
    plan: Plan, where: System, cluster: str, batch: BatchOptions, jobs: tuple[tuple[int, ...], ...]
) -> tuple[list[str], str, bool]:
    """Make one submission; the ids of the jobs that were taken, why if not all were, and if nobody knows."""
    submissions = Submissions(plan.directory)
    submission = submissions.ask(batch, jobs, cluster)
    request = request_for(plan, submission)
    refusal = ""
    try:
        ids = where.submit(request)
    except BatchError as error:
        try:
            ids = _find(where, request)
        except BatchError as silence:
            return [], _unknown(where, submission, f"{error}; {silence}"), True
        # a controller that was too busy to answer may take the jobs when it comes to that
        if not ids and isinstance(error, CallError) and error.silent:
            return [], _unknown(where, submission, str(error)), True
        if len(ids) < len(jobs):
            refusal = f"{where.name} accepted {len(ids)} of {len(jobs)} jobs ({error})"
    submissions.know(submission, ids)
    return ids, refusal, False


def _unknown(where: System, submission: Submission, why: str) -> str:
    return (
        f"{where.name} does not say whether it accepted submission {submission.number} ({why}); the next "
        "`dlscan scan` finds its jobs if they exist"
    )


def _find(where: System, request: Request) -> list[str]:
    ids: list[str] = []
    for seconds in _ASK_AGAIN:
        time.sleep(seconds)
        ids = where.find(request)
        if ids:
            break
    return ids
