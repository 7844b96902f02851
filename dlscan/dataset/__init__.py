"""The prepared dataset on disk: shards of mixed events beside a manifest."""

from dlscan.dataset.column import Column
from dlscan.dataset.manifest import Manifest, content
from dlscan.dataset.same import SameDataset
from dlscan.dataset.sources import BadFile, Linked, Source, file_ids
from dlscan.dataset.splits import SPLITS, Shard, SplitInfo
from dlscan.dataset.statistics import RANKS, Placeholder, Statistics
from dlscan.dataset.weights import Weights, WeightSums

__all__ = [
    "RANKS",
    "SPLITS",
    "BadFile",
    "Column",
    "Linked",
    "Manifest",
    "Placeholder",
    "SameDataset",
    "Shard",
    "Source",
    "SplitInfo",
    "Statistics",
    "WeightSums",
    "Weights",
    "content",
    "file_ids",
]
