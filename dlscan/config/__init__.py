"""The experiment file as validated objects."""

from dlscan.config.build import plain
from dlscan.config.experiment import (
    Batch,
    ColumnSplit,
    Data,
    EarlyStopping,
    Experiment,
    FractionSplit,
    Normalization,
    Scan,
    Stream,
    Train,
    network_name,
)
from dlscan.config.loading import experiment_from, load, scan_directory
from dlscan.config.models import Dense, Model

__all__ = [
    "Batch",
    "ColumnSplit",
    "Data",
    "Dense",
    "EarlyStopping",
    "Experiment",
    "FractionSplit",
    "Model",
    "Normalization",
    "Scan",
    "Stream",
    "Train",
    "experiment_from",
    "load",
    "network_name",
    "plain",
    "scan_directory",
]
