"""A split of a dataset on disk: who plans an epoch of it, from what, and what is checked on the way."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.dataset import SPLITS, Manifest, SameDataset
from dlscan.errors import DataError
from dlscan.raw import Recipe
from dlscan.raw.inflate import warn_if_slow
from dlscan.stream.cache import SplitCache
from dlscan.stream.planner import Delivery, EpochPlanner, RawPlanner, ShardPlanner
from dlscan.stream.rawfiles import RawSource
from dlscan.stream.shards import ShardSource
from dlscan.stream.slots import SlotLayout

# Of what a slot has, what a dataset has under the same name.
_STORED = ("inputs", "extras", "labels", "sources")


@dataclasses.dataclass(frozen=True)
class SplitOnDisk:
    """The events of a split, and what is delivered of each.

    Attributes
    ----------
    directory : Path
        Of the dataset.
    manifest : Manifest
        Its own.
    same : SameDataset
        Holds everybody who reads to this dataset.
    name : str
        Of the split.
    layout : SlotLayout
        What a batch looks like.
    sparse : tuple of str
        Inputs that are delivered as entries.
    event_weights : str or None
        The extra that holds a weight per event.
    class_weights : tuple of float
        The weight of an event of each class.
    """

    directory: Path
    manifest: Manifest
    same: SameDataset
    name: str
    layout: SlotLayout
    sparse: tuple[str, ...]
    event_weights: str | None
    class_weights: tuple[float, ...]

    def planner(self, delivery: Delivery, cache: SplitCache | None) -> EpochPlanner:
        """Who plans epochs: over raw files, over shards, or over those in a cache that has been filled."""
        manifest, fields = self.manifest, self._fields()
        if cache is None and manifest.raw is not None:
            warn_if_slow()
            known = self._indexed()
            own = {
                name: column.split("/", 1)[1]
                for name, column in fields.items()
                if "/" in column and column not in known
            }
            kept = {name: column for name, column in fields.items() if column in known}
            made = {
                field: manifest.made.get(name) for field, name in own.items() if field.startswith("inputs/")
            }
            recipes = {field: Recipe.from_plain(each.recipe) for field, each in made.items() if each}
            whole = {f"inputs/{name}": dataset for name, dataset in manifest.whole.items()}
            own = {field: whole.get(field, name) for field, name in own.items() if field not in recipes}
            index, code = self.directory / "index.h5", SPLITS.index(self.name)
            raw = RawSource(index, manifest.sealed, self.same, code, own, kept, self.class_weights, recipes)
            slot_bytes = self.layout.used // self.layout.batch_size
            return RawPlanner(raw, delivery, manifest.event_bytes, slot_bytes)
        directory, shards, sealed = self.directory, manifest.splits[self.name].shards, manifest.sealed
        if cache is not None:
            directory, shards, sealed = cache.directory, cache.shards, False
            if manifest.raw is not None:
                # it was filled from those that were chosen
                delivery = dataclasses.replace(delivery, choice=None)
        source = ShardSource(directory, self.same, shards, sealed, fields, self.sparse, self.class_weights)
        return ShardPlanner(source, delivery, manifest.event_bytes)

    def copy_to(self, cache: SplitCache) -> None:
        """Take the shards of the split into memory."""
        try:
            cache.copy(self.directory, self.manifest.splits[self.name].shards, self.manifest.sealed)
        finally:
            self.same.require()  # if it is another dataset by now, that is the reason

    def require_finite(self, weights: NDArray[Any]) -> None:
        """Look at weights that `prepare` did not measure: a loss that is nan does not say what is wrong.

        Raises
        ------
        DataError
            If one is not finite.
        """
        name = self.event_weights
        if name and name not in self.manifest.weights and not np.isfinite(weights).all():
            raise DataError(
                f"{self.directory}: an event weight {name} is not finite; run `dlscan prepare` again"
            )

    def _indexed(self) -> set[str]:
        """The columns that an index has of its events, but labels."""
        return {f"extras/{name}" for name in self.manifest.implied}

    def _fields(self) -> dict[str, str]:
        """The column of the dataset for each field of a slot."""
        names = [field.name for field in self.layout.fields if field.name.split("/")[0] in _STORED]
        weights = {"weights": f"extras/{self.event_weights}"} if self.event_weights else {}
        return dict(zip(names, names, strict=True)) | weights
