"""dlscan: stream class directories of HDF5 events, scan networks over them, compare the networks."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlscan.notebook import Scan

__all__ = ["__version__", "load"]

__version__ = "0.1.0"


def load(*scans: str | os.PathLike[str]) -> "Scan":
    """Read what the finished points of scans left behind.

    Parameters
    ----------
    *scans : str or path
        Directories of scans, or their experiment files.

    Returns
    -------
    dlscan.notebook.Scan
        Tables, pictures, histories, predictions and networks: see docs/notebook.md.

    Raises
    ------
    ScanError
        If there is no such scan, or no point of any is done.

    Examples
    --------
    ::

        scan = dlscan.load("scans/lcd-dense")
        scan.table(sort="-Mean_AUC")
        scan.plot.roc([3, 7])
    """
    # here, because every module of dlscan imports this one, and most do without tables
    from dlscan.notebook import load as read

    return read(*scans)
