"""The prepared dataset on disk: shards of mixed events beside a manifest."""

from dlscan.dataset.manifest import (
    RANKS,
    SPLITS,
    BadFile,
    Column,
    Linked,
    Manifest,
    Placeholder,
    Shard,
    Source,
    SplitInfo,
    Statistics,
    content,
    file_ids,
)
from dlscan.dataset.same import SameDataset
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
