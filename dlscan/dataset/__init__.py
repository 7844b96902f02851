"""The prepared dataset on disk: shards of mixed events beside a manifest."""

from dlscan.dataset.array_spec import ArraySpec
from dlscan.dataset.made_input import MadeInput
from dlscan.dataset.manifest import Manifest, content
from dlscan.dataset.same import SameDataset
from dlscan.dataset.sources import BadFile, Linked, SourceFile, file_ids
from dlscan.dataset.splits import SPLITS, Shard, SplitInfo
from dlscan.dataset.statistics import RANKS, Placeholder, Statistics
from dlscan.dataset.taken import network_inputs, taken
from dlscan.dataset.weights import Weights, WeightSums

__all__ = [
    "RANKS",
    "SPLITS",
    "ArraySpec",
    "BadFile",
    "Linked",
    "MadeInput",
    "Manifest",
    "Placeholder",
    "SameDataset",
    "Shard",
    "SourceFile",
    "SplitInfo",
    "Statistics",
    "WeightSums",
    "Weights",
    "content",
    "file_ids",
    "network_inputs",
    "taken",
]
