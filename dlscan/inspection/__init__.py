"""Look at a directory of HDF5 files, and propose an experiment file for it."""

from dlscan.inspection.choice import Choice, choose
from dlscan.inspection.contents import Contents, look_at
from dlscan.inspection.experiment_file import text_of
from dlscan.inspection.items import ROWS, Item

__all__ = ["ROWS", "Choice", "Contents", "Item", "choose", "look_at", "text_of"]
