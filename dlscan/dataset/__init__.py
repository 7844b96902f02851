"""The prepared dataset on disk: shards of mixed events beside a manifest."""

from dlscan.dataset.manifest import SPLITS, Column, Manifest, Shard, Source, SplitInfo, Statistics

__all__ = ["SPLITS", "Column", "Manifest", "Shard", "Source", "SplitInfo", "Statistics"]
