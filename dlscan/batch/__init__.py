"""Where jobs run: one batch system per file."""

from dlscan.batch.jobs import Ended, Job
from dlscan.batch.local import LocalSlots

__all__ = ["Ended", "Job", "LocalSlots"]
