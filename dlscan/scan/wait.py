"""Wait for a scan."""

import time
from collections.abc import Callable, Iterator

from dlscan.errors import BatchError, DlscanError
from dlscan.point_state import OVER, UNDER_WAY
from dlscan.scan.changing import PlanBusy
from dlscan.scan.plan import Plan
from dlscan.scan.status import PointStatus, scan_status
from dlscan.scan.submit import Say, SubmitBusy

_FIRST_SECONDS, _MOST_SECONDS = 2.0, 30.0
# for a system that does not answer: asking it often is one more load on it
_MOST_SECONDS_SILENT = 300.0
# looking may take no more than this share of the time: thousands of points are many files
_SHARE = 0.1


def watch(
    plan: Plan,
    say: Say,
    sleep: Callable[[float], None] = time.sleep,
    further: Callable[[list[PointStatus]], Plan | None] = lambda states: None,
) -> Iterator[list[PointStatus]]:
    """Look at a scan again and again, until every point is done or nothing more is queued or running.

    A batch system or a file server that does not answer does not end it, nor another process that changes
    the plan or submits: that is said once, and the pauses get longer until it is over.

    Parameters
    ----------
    plan : Plan
        Of the scan.
    say : callable
        Gets a line when there is something to tell.
    sleep : callable
        Waits for so many seconds.
    further : callable
        Gets the states at each look. Where the scan has more points to wait for from then on, it gives the
        plan with these. What it raises of that kind is tried again at a later look.

    Yields
    ------
    list of PointStatus
        Of every point, at each look.
    """
    pause, silent, hindered, over = _FIRST_SECONDS, False, False, False
    before: list[PointStatus] | None = None
    while True:
        begin = time.monotonic()
        statuses, words = _look(plan)
        if words and not silent:
            say(f"{words}; still waiting, asking less often")
        elif silent and not words:
            say("the batch system answers again")
            pause = _FIRST_SECONDS
        silent = bool(words)
        if statuses is not None:
            yield statuses
            states = {status.state for status in statuses}
            grown = None
            try:
                grown, hindered = further(statuses), False
            except (PlanBusy, SubmitBusy, BatchError, OSError) as error:
                if not hindered:
                    say(f"{_words(error, plan)}; no more points are submitted yet, trying again later")
                hindered = True
            waits = silent or hindered
            if grown is not None:
                plan, over, pause = grown, False, _FIRST_SECONDS
            elif hindered:
                over = False
            elif states <= set(OVER) or (over and not states & set(UNDER_WAY)):
                return
            # once more before the end: a requeued job is for a moment neither running nor queued
            over = grown is None and not waits and not states & set(UNDER_WAY)
            pause = _FIRST_SECONDS if over or (statuses != before and not waits) else pause
            before = statuses
        sleep(max(pause, (time.monotonic() - begin) / _SHARE))
        pause = min(pause * 1.5, _MOST_SECONDS_SILENT if silent or hindered else _MOST_SECONDS)


def _look(plan: Plan) -> tuple[list[PointStatus] | None, str]:
    """The states, and who did not answer."""
    silence: list[str] = []
    try:
        return scan_status(plan, say=silence.append), "; ".join(silence)
    except OSError as error:  # a file server that is away for a while
        return None, _words(error, plan)


def _words(error: DlscanError | OSError, plan: Plan) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or plan.directory}: {error.strerror or error}"
    return str(error)
