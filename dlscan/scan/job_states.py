"""What the batch systems say of the jobs of a scan, asked once for all of them."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection

from dlscan import clock
from dlscan.attempts import Attempt
from dlscan.batch import SYSTEMS, system
from dlscan.batch.system import Jobs, JobState
from dlscan.config import BatchOptions
from dlscan.errors import BatchError
from dlscan.scan.plan import Plan
from dlscan.scan.submissions import Submission, Submissions
from dlscan.scan.submit import Say, request_for

Look = Callable[[BatchOptions, Jobs], dict[str, JobState]]
# A system may list a job only some time after it took it, and for some time after its processes ended.
_RECENT_SECONDS = 60.0


def ask_nobody(batch: BatchOptions, jobs: Jobs) -> dict[str, JobState]:
    """A `look` that leaves states as they were."""
    raise BatchError("not asked")


@dataclasses.dataclass(frozen=True)
class LatestJob:
    """The latest job of a point at a batch system.

    Attributes
    ----------
    submitted : bool
        There is one, or there may be: nobody knows whether the system took it.
    job : str or None
        Its id.
    job_state : JobState or None
        What the system says of it.
    answered : bool
        Whether the system answered.
    recent : bool
        Submitted within the last minute.
    time : str
        When it was submitted: ISO 8601, UTC.
    directory : str
        Name of the submission's directory, `0003`.
    unique_ids : frozenset of str
        Ids that only one job of the scan has: two clusters may have given the same.
    """

    submitted: bool = False
    job: str | None = None
    job_state: JobState | None = None
    answered: bool = True
    recent: bool = False
    time: str = ""
    directory: str = ""
    unique_ids: frozenset[str] = frozenset()

    def is_own(self, attempt: Attempt | None) -> bool:
        """Whether an attempt is one of this job, or of a person after it: not one of an earlier job."""
        if attempt is None or not self.submitted:
            return False
        if attempt.job is not None and attempt.job in self.unique_ids:
            return attempt.job == self.job
        # scripts that people write need not tell a job its id
        return clock.read(attempt.started) > clock.read(self.time)


def look_at(plan: Plan, unfinished: Collection[int], look: Look | None, say: Say) -> dict[int, LatestJob]:
    """Ask the batch systems about the latest jobs of points.

    Parameters
    ----------
    plan : Plan
        Of the scan.
    unfinished : collection of int
        Numbers of the points whose jobs matter.
    look, say : callable
        As for `dlscan.scan.scan_status`.

    Returns
    -------
    dict of int to LatestJob
        By the number of the point, for those that a batch system has or had.
    """
    submissions = [item for item in Submissions(plan.directory).read() if item.system in SYSTEMS]
    # nobody asks about what is done: of a scan that is done, a batch system need not even be here any more
    open_ones = [item for item in submissions if any(set(job) & set(unfinished) for job in item.jobs)]
    found = {item.number: item if look else _find(plan, item, say) for item in open_ones}
    latest: dict[int, tuple[Submission, str | None]] = {}
    for submission in submissions:
        known = found.get(submission.number, submission)
        latest |= {point: (known, job) for point, job in known.taken.items()}
    ids = Counter(job for item in submissions for job in found.get(item.number, item).ids or ())
    # which of two clusters gave an id that both gave, the time has to tell
    unique_ids = frozenset(job for job, count in ids.items() if count == 1)
    wanted = [
        (submission, job) for n, (submission, job) in latest.items() if n in unfinished and job is not None
    ]
    answers = _answers(wanted, look, say)
    return {
        number: LatestJob(
            True,
            job,
            answers.get((submission.tag, job or "")),
            (submission.tag, job) in answers,
            is_recent(submission.time),
            submission.time,
            f"{submission.number:04d}",
            unique_ids,
        )
        for number, (submission, job) in latest.items()
    }


def _find(plan: Plan, submission: Submission, say: Say) -> Submission:
    """A submission with the ids of its jobs, where a `scan` was killed before it could write them down."""
    if submission.ids is not None:
        return submission
    try:
        ids = system(submission.batch, submission.cluster).find(request_for(plan, submission))
        return dataclasses.replace(submission, ids=tuple(ids))
    except BatchError as error:
        say(
            f"{submission.system} did not say whether it has the jobs of submission {submission.number} "
            f"({error})"
        )
        return submission


def _answers(
    wanted: list[tuple[Submission, str]], look: Look | None, say: Say
) -> dict[tuple[str, str], JobState | None]:
    """What each system that answers says, by tag and id: two clusters may have given the same id."""
    # by what decides which system answers; its options may tell one cluster of a site from another
    groups: list[tuple[Submission, dict[str, str]]] = []
    for submission, job in wanted:
        for first, jobs in groups:
            if (first.batch, first.cluster) == (submission.batch, submission.cluster):
                jobs[job] = submission.tag
                break
        else:
            groups.append((submission, {job: submission.tag}))
    answers: dict[tuple[str, str], JobState | None] = {}
    for first, jobs in groups:
        batch = first.batch
        try:
            said = look(batch, jobs) if look else system(batch, first.cluster).look(jobs)
            answers |= {(tag, job): said.get(job) for job, tag in jobs.items()}
        except BatchError as error:
            say(f"{batch.system} did not answer, so the last known states of its jobs are shown: {error}")
    return answers


def is_recent(time: str) -> bool:
    """Whether a time, ISO 8601, is at most a minute away; the clock of another machine may be ahead."""
    return abs(clock.age(time)) < _RECENT_SECONDS
