"""Second pass: collect the events of one shard from all runs, put them in order and write them."""

import dataclasses
from pathlib import Path

import numpy as np

from dlscan.dataset import Shard
from dlscan.dataset.shard import read_shard, write_shard
from dlscan.hdf5 import open_hdf5
from dlscan.sealed import seal


@dataclasses.dataclass(frozen=True)
class GatherTask:
    """One shard of one split.

    Attributes
    ----------
    split : str
        Its split.
    path : Path
        The shard to write.
    spill : Path
        The directory of the runs.
    place : int
        Its number among the shards of all splits, as the runs count them.
    columns : list of str
        What a shard stores.
    bad : frozenset of int
        Numbers of the files to leave out.
    classes : int
        How many classes there are.
    """

    split: str
    path: Path
    spill: Path
    place: int
    columns: list[str]
    bad: frozenset[int]
    classes: int


@dataclasses.dataclass(frozen=True)
class Gathered:
    """A shard of `split`, None if there are no events for it, and its events of each class."""

    split: str
    shard: Shard | None
    counts: tuple[int, ...]


def gather(task: GatherTask) -> Gathered:
    """Write one shard."""
    parts = []
    for path in sorted(task.spill.glob("run-*.h5")):
        with open_hdf5(path) as handle:
            start, stop = handle["starts"][task.place : task.place + 2]
            if start < stop:
                parts.append(read_shard(handle, ["keys", *task.columns], start, stop))
    nothing = Gathered(task.split, None, (0,) * task.classes)
    if not parts:
        return nothing
    keys, sources, labels = (
        np.concatenate([part.array(name) for part in parts]) for name in ("keys", "sources", "labels")
    )
    # the keys are random words: sorting by them is the shuffle; equal ones are told apart by their source
    order = np.lexsort((sources[:, 1], sources[:, 0], keys))
    if task.bad:
        order = order[~np.isin(sources[order, 0], list(task.bad))]
    if not len(order):
        return nothing
    write_shard(task.path, parts, task.columns, order)
    counts = tuple(map(int, np.bincount(labels[order], minlength=task.classes)))
    return Gathered(task.split, Shard(task.path.name, len(order), seal(task.path)), counts)
