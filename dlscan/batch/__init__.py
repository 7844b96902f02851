"""Where jobs run: one batch system per file."""

import importlib

from dlscan.batch.jobs import Ended, Job, train_command
from dlscan.batch.local import LocalSlots
from dlscan.batch.system import JobState, Request, System
from dlscan.config import BatchOptions
from dlscan.errors import BatchError

# by what `batch.system` calls them; `local` needs no system beside this process
SYSTEMS = {"slurm": "Slurm", "htcondor": "HTCondor", "pbs": "PBS", "dask": "Dask"}


def system(batch: BatchOptions, cluster: str = "") -> System:
    """The batch system that `batch` names; `local` is not one.

    Parameters
    ----------
    batch : BatchOptions
        The section that names it.
    cluster : str
        Which one it has to be, where a site has several; empty for any.

    Raises
    ------
    BatchError
        If another cluster answers here: it knows nothing of what was submitted to the one that is meant.
    """
    module = importlib.import_module(f"dlscan.batch.{batch.system}")
    found: System = getattr(module, SYSTEMS[batch.system])(batch)
    if cluster:
        here = found.cluster()
        if here != cluster:
            raise BatchError(
                f"the jobs are on cluster {cluster}, but this machine uses cluster "
                f"{here or 'without a name'}; run this on a machine of cluster {cluster}"
            )
    return found


__all__ = [
    "SYSTEMS",
    "Ended",
    "Job",
    "JobState",
    "LocalSlots",
    "Request",
    "System",
    "system",
    "train_command",
]
