"""What HTCondor says of jobs: in ads of the queue, of the history, and of factories that make jobs late."""

import json
from collections.abc import Mapping
from typing import Any

from dlscan.batch.system import JobState, Reason
from dlscan.errors import BatchError

ATTRIBUTES = (
    "ClusterId",
    "ProcId",
    "JobStatus",
    "HoldReason",
    "HoldReasonCode",
    "HoldReasonSubCode",
    "LastHoldReason",
    "LastHoldReasonCode",
    "RemoveReason",
    "VacateReason",
    "ExitBySignal",
    "ExitCode",
    "ExitSignal",
    "RemoteHost",
    "LastRemoteHost",
    "NumJobStarts",
    "PeriodicRelease",
    "JobMaterializeNextProcId",
    "JobMaterializeLimit",
    "TotalSubmitProcs",
)
_STATES = {1: "idle", 2: "running", 3: "removed", 4: "completed", 5: "held", 6: "running", 7: "suspended"}
# what `dlscan train --stopped-exit-code` is told to exit with
SAVED_EXIT_CODE = 85
# HoldReasonCode: over a resource that was asked for; over allowed_job_duration or allowed_execute_duration
_OUT_OF_RESOURCES = 34
_TOO_LONG = (46, 47)


def read_ads(output: str) -> list[dict[str, Any]]:
    """Read what `-json` prints: an array, or nothing at all if there is no job."""
    if not output.strip():
        return []
    try:
        ads = json.loads(output)
    except ValueError as error:
        raise BatchError(f"HTCondor's answer is not JSON ({error})") from None
    whole = isinstance(ads, list) and all(isinstance(ad, dict) for ad in ads)
    if not whole or not all(isinstance(ad.get("ClusterId"), int) for ad in ads):
        raise BatchError(f"HTCondor's answer is not a list of jobs ({output.strip()[:80]!r})")
    return [ad for ad in ads if isinstance(ad, dict)]


def job_state_in_queue(ad: Mapping[str, Any]) -> JobState:
    """What the queue says of a job."""
    status = ad.get("JobStatus")
    word = _STATES.get(status, f"status {status}") if isinstance(status, int) else f"status {status}"
    host = _host(ad)
    if status in (2, 6, 7):
        return JobState("running", "", word, host)
    if status == 5:
        held = f"held: {ad.get('HoldReason', 'no reason given')}"
        reason = _why_held(ad.get("HoldReasonCode"), held)
        if reason == "timeout" and _comes_back(ad):
            return JobState("queued", "", f"{held}; HTCondor releases it by itself", host)
        return JobState("ended" if reason else "queued", reason, held, host)
    if status in (3, 4):
        # it is on its way to the history
        return job_state_in_history(ad)
    started = ad.get("NumJobStarts") or 0
    why = ad.get("VacateReason")
    return JobState("queued", "", f"idle again: {why}" if started and why else word, host)


def job_state_in_history(ad: Mapping[str, Any]) -> JobState:
    """What the history says of a job that has ended."""
    host = _host(ad)
    if ad.get("JobStatus") == 3:
        words = str(ad.get("RemoveReason", "removed"))
        held = str(ad.get("HoldReason") or ad.get("LastHoldReason") or "")
        code = ad.get("HoldReasonCode", ad.get("LastHoldReasonCode"))
        reason = _why_held(code, held)
        if reason and "PeriodicRemove" in words:
            return JobState("ended", reason, f"held: {held}", host)
        return JobState("ended", "cancelled", f"removed: {words}", host)
    if ad.get("ExitBySignal"):
        number = ad.get("ExitSignal")
        return JobState("ended", "failed", f"killed by signal {number}", host)
    code = ad.get("ExitCode")
    if code is None:
        return JobState("ended", "", "completed", host)
    return JobState("ended", "failed" if code else "done", f"exit code {code}", host)


def job_state_of_factory(ad: Mapping[str, Any], proc: int) -> JobState | None:
    """What a factory says of a job that is not in the queue: queued if it is still to be made."""
    following = ad.get("JobMaterializeNextProcId")
    if isinstance(following, int) and following <= proc < int(ad.get("TotalSubmitProcs", proc + 1)):
        return JobState(
            "queued", "", f"waiting for one of {ad.get('JobMaterializeLimit')} slots (batch.max_running)"
        )
    return None


def _why_held(code: Any, words: str) -> Reason:
    if code in _TOO_LONG:
        return "timeout"
    if code == _OUT_OF_RESOURCES and "disk" not in words.lower():
        return "oom"
    return ""


def _comes_back(ad: Mapping[str, Any]) -> bool:
    """Whether a job that was held for its time had saved its state, and so will be released."""
    saved = ad.get("ExitCode") == SAVED_EXIT_CODE and not ad.get("ExitBySignal")
    return saved and ad.get("PeriodicRelease", False) is not False


def _host(ad: Mapping[str, Any]) -> str:
    return str(ad.get("RemoteHost") or ad.get("LastRemoteHost") or "").rpartition("@")[2]
