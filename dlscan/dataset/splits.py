"""The splits of a dataset and their shards."""

import dataclasses
from typing import Any

SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class Shard:
    """One HDF5 file of the dataset: its name, its number of events and its bytes without checksums."""

    file: str
    events: int
    size: int


@dataclasses.dataclass(frozen=True)
class SplitInfo:
    """One split: its shards in order, and how many events of each class they hold."""

    shards: tuple[Shard, ...]
    counts: tuple[int, ...]

    @property
    def events(self) -> int:
        """All events of the split."""
        return sum(self.counts)

    @classmethod
    def from_plain(cls, value: dict[str, Any]) -> "SplitInfo":
        """Read what `dataclasses.asdict` gives, from JSON."""
        return cls(tuple(Shard(**shard) for shard in value["shards"]), tuple(value["counts"]))
