"""What jobs find where they run, as far as it can be told from here."""

import dataclasses

from dlscan.batch import LocalSlots
from dlscan.config import BatchOptions
from dlscan.gpus import smallest_gpu, visible_gpus
from dlscan.machine import free_memory


@dataclasses.dataclass(frozen=True)
class Resources:
    """What jobs find where they run.

    Attributes
    ----------
    memory : int or None
        Bytes for the networks of a job; None if that is not to limit a pack.
    slots : int or None
        Jobs that can run at once; None if nobody knows.
    accelerated : bool
        Whether networks are trained on a GPU.
    here : bool
        Whether what trains them is found on this machine too.
    """

    memory: int | None
    slots: int | None
    accelerated: bool = False
    here: bool = True


def find_resources(batch: BatchOptions) -> Resources:
    """The memory of a job and the number of jobs at once.

    Memory is that of the GPU if there is one here, else `batch.memory`, else this machine's. `models_per_job`
    as a number is not limited by what is only a guess: the memory of a processor for that of a GPU elsewhere,
    or of this machine for that of another.
    """
    local = batch.system == "local"
    slots = LocalSlots(batch).slots if local else batch.max_running
    seen = bool(batch.gpus and visible_gpus())
    accelerated = seen or bool(batch.gpus and not local)
    here = seen or not accelerated
    gpu = smallest_gpu() if seen else None
    if gpu is not None:
        return Resources(gpu, slots, accelerated, here)
    known = local or (batch.memory is not None and not batch.gpus)
    if not known and batch.models_per_job != "auto":
        return Resources(None, slots, accelerated, here)
    free = free_memory() // (slots or 1) if local else free_memory()
    return Resources(free if batch.memory is None else batch.memory, slots, accelerated, here)
