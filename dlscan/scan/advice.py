"""What to do about a point that is not well."""

import shlex
from pathlib import Path

from dlscan.config import BatchOptions
from dlscan.point_state import CRASHED, NEVER_RAN
from dlscan.scan.status import PointStatus

_AGAIN = "run `dlscan scan` again"
_BY_STATE = {
    "preempted": f"{_AGAIN}: it resumes where it stopped",
    "timeout": f"{_AGAIN}: it resumes where it stopped; or raise batch.time or train.time_limit",
    "oom": "raise batch.memory, or lower train.batch_size or batch.models_per_job",
    "diverged": "lower train.learning_rate, or set train.clip_norm",
}
# no output to look at
_NEVER_RAN = (
    "no node may have what the job asks for: change batch.gpus, batch.memory or batch.options, then run "
    "`dlscan scan` again"
)


def what_to_do(scan: Path, status: PointStatus, retries: int | None = None, number: int | None = None) -> str:
    """One line for people; empty for a point that is well.

    Parameters
    ----------
    scan : Path
        The scan's directory.
    status : PointStatus
        Of the point.
    retries : int, optional
        How many crashes of it `scan` forgives.
    number : int, optional
        The point whose output is shown, where the line is for several points; by default this one.
    """
    if status.silent_since is not None:
        return "no heartbeat: if that lasts, the node is lost; end the job with `dlscan cancel`"
    advice = _BY_STATE.get(status.state, "")
    if status.state == "failed" and status.error.startswith(NEVER_RAN):
        advice = _NEVER_RAN
    elif status.state == "failed":
        advice = f"see `dlscan logs {shlex.quote(str(scan))} {number or status.point.number}`"
    if status.state in CRASHED and status.crashes > (BatchOptions.retries if retries is None else retries):
        advice += f"; it crashed too often: to try it again, run `dlscan scan` with --retry {status.state}"
    return advice
