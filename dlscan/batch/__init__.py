"""Where jobs run: one batch system per file."""

import importlib

from dlscan.batch.jobs import Ended, Job, train_command
from dlscan.batch.local import LocalSlots
from dlscan.batch.system import Request, Sight, System
from dlscan.config import Batch

# by what `batch.system` calls them; `local` needs no system beside this process
SYSTEMS = {"slurm": "Slurm", "htcondor": "HTCondor", "pbs": "PBS", "dask": "Dask"}


def system(batch: Batch) -> System:
    """The batch system that `batch` names; `local` is not one."""
    module = importlib.import_module(f"dlscan.batch.{batch.system}")
    found: System = getattr(module, SYSTEMS[batch.system])(batch)
    return found


__all__ = ["SYSTEMS", "Ended", "Job", "LocalSlots", "Request", "Sight", "System", "system", "train_command"]
