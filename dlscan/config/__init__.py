"""The experiment file as validated objects."""

from dlscan.config.batch import BatchOptions, in_common
from dlscan.config.build import plain
from dlscan.config.data import ColumnSplit, Data, FractionSplit, GroupSplit
from dlscan.config.experiment import Experiment, Stream
from dlscan.config.families import Alexnet, Bdt, Branches, Inception, Lenet, Resnet, Siamese, Vgg, Zfnet
from dlscan.config.folds import Folds, FoldScan
from dlscan.config.inputs import Input, Inputs, mask_name, network_name
from dlscan.config.loading import experiment_from, load, load_point, scan_directory, scans_and_labels
from dlscan.config.models import Dense, Model
from dlscan.config.normalization import Normalization
from dlscan.config.scan import ScanOptions
from dlscan.config.train import EarlyStopping, Train

__all__ = [
    "Alexnet",
    "BatchOptions",
    "Bdt",
    "Branches",
    "ColumnSplit",
    "Data",
    "Dense",
    "EarlyStopping",
    "Experiment",
    "FoldScan",
    "Folds",
    "FractionSplit",
    "GroupSplit",
    "Inception",
    "Input",
    "Inputs",
    "Lenet",
    "Model",
    "Normalization",
    "Resnet",
    "ScanOptions",
    "Siamese",
    "Stream",
    "Train",
    "Vgg",
    "Zfnet",
    "experiment_from",
    "in_common",
    "load",
    "load_point",
    "mask_name",
    "network_name",
    "plain",
    "scan_directory",
    "scans_and_labels",
]
