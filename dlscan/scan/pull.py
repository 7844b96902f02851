"""A job with time left asks the search of its scan for more points."""

import os
from collections.abc import Collection, Sequence

from dlscan.config import BatchOptions
from dlscan.dataset import Manifest
from dlscan.scan.known import open_points
from dlscan.scan.plan import Plan
from dlscan.scan.searcher import Searcher
from dlscan.scan.space import Point
from dlscan.scan.submissions import Submissions


def pulling(plan: Plan, points: Sequence[Point]) -> BatchOptions | None:
    """How the job was submitted that trains these points, if it is to ask for more when they are done.

    None for a command that a person typed.
    """
    if not plan.searches or "DLSCAN_JOB" not in os.environ:
        return None
    numbers = {point.number for point in points}
    for submission in reversed(Submissions(plan.directory).read()):
        if any(numbers <= set(job) for job in submission.jobs):
            return submission.batch if submission.batch.pull else None
    return None


def pull(plan: Plan, batch: BatchOptions, many: int) -> tuple[Plan, list[Point], bool]:
    """Points for a job: those that jobs have asked for before and left, else new ones.

    Parameters
    ----------
    plan : Plan
        Of the search.
    batch : BatchOptions
        How the job was submitted.
    many : int
        How many points it trains together.

    Returns
    -------
    (Plan, list of Point, bool)
        The plan as it is now, the points, and whether there may be more later.
    """
    plan = Plan.read(plan.directory)
    left = [point for point in open_points(plan, batch.retries) if point.number not in _submitted(plan)]
    if left:
        return plan, left[:many], True
    manifest = Manifest.of(plan.experiment)
    searcher = Searcher(plan, plan.experiment, batch, manifest, stays=True)
    # one choice may be more trainings than a job has room for: the others are left for whoever asks next
    points = searcher.more(many)[:many]
    return searcher.plan, points, not searcher.over


def _submitted(plan: Plan) -> Collection[int]:
    """The points that have jobs of their own; a system may have taken the first jobs of a submission only."""
    taken = [
        submission.jobs if submission.ids is None else submission.jobs[: len(submission.ids)]
        for submission in Submissions(plan.directory).read()
    ]
    return {number for jobs in taken for job in jobs for number in job}
