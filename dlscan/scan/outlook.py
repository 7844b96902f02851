"""What is to be expected of a point without a result, by its attempts alone."""

from typing import Literal

from dlscan.attempts import attempt_numbers, read_attempt
from dlscan.claims import alive
from dlscan.errors import DlscanError
from dlscan.point_state import CRASHED
from dlscan.record import PointPaths
from dlscan.scan.plan import Plan
from dlscan.scan.point_progress import read_pace
from dlscan.scan.states import crashes
from dlscan.scan.submissions import Submissions

Outlook = Literal["running", "paused", "diverged", "crashed"]


def outlook(paths: PointPaths, retries: int) -> Outlook:
    """What is to be expected of a point that is not done.

    Parameters
    ----------
    paths : PointPaths
        Of the point.
    retries : int
        A point that crashed more often than that is not waited for.

    Returns
    -------
    {"running", "paused", "diverged", "crashed"}
        `running` also where it has yet to begin, or nobody knows.
    """
    try:
        attempts = [read_attempt(paths, number) for number in attempt_numbers(paths)]
    except (DlscanError, FileNotFoundError):
        return "running"
    if not attempts or (attempts[-1].outcome is None and alive(paths, attempts[-1])):
        return "running"
    if attempts[-1].outcome == "paused":
        return "paused"
    if attempts[-1].outcome == "diverged":
        return "diverged"
    over = (
        attempts[-1].outcome in (None, *CRASHED) and crashes(attempts, read_pace(paths.history)[0]) > retries
    )
    return "crashed" if over else "running"


def retries_of(plan: Plan) -> int | None:
    """How many crashes `scan` forgives: as in the latest submission, for the plan keeps that of the first.

    None where neither says it.
    """
    submissions = Submissions(plan.directory).read()
    if submissions:
        return submissions[-1].batch.retries
    batch = plan.config.get("batch")
    found = batch.get("retries") if isinstance(batch, dict) else None
    return found if isinstance(found, int) else None
