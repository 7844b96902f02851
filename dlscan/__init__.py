"""dlscan: stream class directories of HDF5 events, scan networks over them, compare the networks."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlscan.notebook import Scan
    from dlscan.training import TrainedPoint

__all__ = ["__version__", "load", "train"]

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


def train(
    experiment: str | os.PathLike[str] | Mapping[str, Any], directory: str | os.PathLike[str]
) -> "TrainedPoint":
    """Train one network in this process, without a scan and without a cluster.

    It leaves a scan of one point: every command, and `load`, take its directory. The same call again goes on
    where it was stopped, and if nothing is left to do it gives what is there. After `train.epochs` was raised
    it trains further, if `train.keep_checkpoint` was set. Data that are not prepared yet are prepared first.

    Parameters
    ----------
    experiment : str, path or mapping
        An experiment file, or what such a file says; relative paths of a mapping start where Python does.
        It may have no `scan` of several points.
    directory : str or path
        Where the network goes.

    Returns
    -------
    dlscan.training.TrainedPoint
        The finished point: `.record` (parameters, metrics, provenance), `.history`, `.predictions()`,
        `.model()`, and `.paths` of its files.

    Raises
    ------
    ConfigError
        If the experiment is wrong, or has several points.
    DataError
        If the dataset that is there is for another experiment.
    ScanError
        If the directory holds something else: a network of another experiment, or several.
    PointsFailed
        If the training was stopped by a signal or by `train.time_limit`.
    DivergedError, NoMemoryError, BackendError, StreamError
        If training fails.

    Examples
    --------
    ::

        trained = dlscan.train({"data": {...}, "train": {"epochs": 5}}, "networks/first")
        trained.record.metrics["Mean_AUC"], trained.history, trained.predictions().scores
    """
    # here, as for `load`
    from dlscan.training import train as start

    return start(experiment, directory)
