"""The lock under which a plan is changed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from dlscan.errors import ScanError
from dlscan.locks import locked

# a search thinks for some seconds, and several jobs may wait for their turn
_PATIENCE = 60.0


class PlanBusy(ScanError):
    """Another process is changing the plan for longer than usual; a job asks again later."""


@contextlib.contextmanager
def changing(directory: Path) -> Iterator[None]:
    """Be the only one who changes the plan of the scan in `directory`.

    Raises
    ------
    PlanBusy
        If another process has been changing it for a minute.
    """
    busy = PlanBusy(f"{directory}: another `dlscan scan` is changing its plan; wait until it has finished")
    with locked(directory / ".plan.lock", busy, _PATIENCE):
        yield
