"""How many batches there is room for."""

import logging
import math

from dlscan.errors import UsageError
from dlscan.machine import free_memory
from dlscan.stream.planner import EpochPlanner
from dlscan.stream.slots import SlotLayout

log = logging.getLogger("dlscan")

# Slots that can be lent: the caller's batch, the one before that a loop variable still holds, and one that is
# ready.
_SPARE, _LEAST_SPARE = 3, 2


class MemoryBudget:
    """The memory for the batches of a stream.

    Parameters
    ----------
    memory : int or None
        Bytes that they may take; None stands for half of what is free.
    layout : SlotLayout
        What a batch looks like.

    Attributes
    ----------
    bytes : int
        What they may take: what is free is measured once, since the order of events may depend on it.

    Raises
    ------
    UsageError
        If that is too little for a batch; also by `slots`.
    """

    def __init__(self, memory: int | None, layout: SlotLayout) -> None:
        self._layout = layout
        self.bytes = free_memory() // 2 if memory is None else memory
        self._require(1)

    def slots(self, planner: EpochPlanner) -> int:
        """How many slots a ring has; `planner` shrinks to fit in."""
        room, wanted = self.bytes // self._layout.used, planner.needed
        while room < planner.needed + _LEAST_SPARE and planner.shrink():
            pass
        self._require(planner.needed)
        if planner.needed < wanted and planner.mixing is not None:
            log.warning("stream.memory is small, so each batch mixes events from fewer files than usual")
        return min(room, planner.needed + planner.ahead + _SPARE)

    def holds(self, planner: EpochPlanner) -> bool:
        """Whether `planner` need not shrink."""
        return self.bytes // self._layout.used >= planner.needed + _LEAST_SPARE

    def _require(self, slots: int) -> None:
        batch = self._layout.used
        needed = batch * (slots + _LEAST_SPARE)
        if self.bytes < needed:
            raise UsageError(
                f"stream.memory: what one stream gets of it, {self.bytes / 2**20:.3g} MiB, is too little for "
                f"batches of {self._layout.batch_size} events, {batch / 2**20:.3g} MiB each. It needs "
                f"{needed / 2**20:.3g} MiB: make stream.memory at least "
                f"{math.ceil(10 * needed / self.bytes) / 10:g} times as large, or lower train.batch_size"
            )
