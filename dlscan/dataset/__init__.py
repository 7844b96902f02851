"""The prepared dataset on disk: shards of mixed events beside a manifest."""

from dlscan.dataset.manifest import (
    SPLITS,
    BadFile,
    Column,
    Manifest,
    Shard,
    Source,
    SplitInfo,
    Statistics,
    content,
    file_ids,
)

__all__ = [
    "SPLITS",
    "BadFile",
    "Column",
    "Manifest",
    "Shard",
    "Source",
    "SplitInfo",
    "Statistics",
    "content",
    "file_ids",
]
