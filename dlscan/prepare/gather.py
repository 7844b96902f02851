"""Second pass: collect the events of some shards from all runs, put each in order and write them."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dlscan.dataset import Shard
from dlscan.dataset.events import Events
from dlscan.dataset.shard import read_shard, write_shard
from dlscan.errors import DataError
from dlscan.prepare.notes import noted, write_note
from dlscan.prepare.runs import STARTS, OpenRun
from dlscan.sealed import seal


@dataclasses.dataclass(frozen=True)
class GatherTask:
    """Neighbouring shards, which are gathered together: each run is read once for all of them.

    Attributes
    ----------
    shards : tuple of (str, Path)
        The part of the dataset that each belongs to, and where to write it.
    first : int
        The number of the first among the shards of all parts, as the runs count them.
    spill : Path
        The directory of the runs.
    columns : list of str
        What a shard stores.
    bad : frozenset of int
        Numbers of the files to leave out.
    classes : int
        How many classes there are.
    """

    shards: tuple[tuple[str, Path], ...]
    first: int
    spill: Path
    columns: list[str]
    bad: frozenset[int]
    classes: int


@noted
@dataclasses.dataclass(frozen=True)
class Gathered:
    """A shard of `split`, None if there are no events for it, its events of each class, and what is left out.

    `bad` has the numbers of the files of which it has no events.
    """

    split: str
    shard: Shard | None
    counts: tuple[int, ...]
    bad: tuple[int, ...]


def neighbours(places: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """Cut ascending places into stretches without gaps, of at most so many: where each begins and ends."""
    first = 0
    for last in range(1, len(places) + 1):
        if last == len(places) or places[last] != places[last - 1] + 1 or last - first == most:
            yield places[first], places[last - 1] + 1
            first = last


def gather(task: GatherTask) -> list[Gathered]:
    """Write some shards."""
    parts: list[list[Events]] = [[] for _ in task.shards]
    for path in sorted(task.spill.glob("run-*.h5")):
        try:
            with OpenRun(path) as run:
                starts = run[STARTS][task.first : task.first + len(task.shards) + 1]
                if starts[0] == starts[-1]:
                    continue
                events = read_shard(run, ["keys", *task.columns], starts[0], starts[-1])
        except ValueError as error:
            raise DataError(f"{path}: {error}; run `dlscan prepare` again") from None
        # of a run that is sorted by shards, each has a stretch
        edges = (starts - starts[0]).tolist()
        for own, start, stop in zip(parts, edges[:-1], edges[1:], strict=True):
            if start < stop:
                own.append(events.part(start, stop))
    found = []
    for (split, path), own in zip(task.shards, parts, strict=True):
        found.append(_write(task, split, path, own))
        write_note(note_of(task.spill, path), found[-1], [] if found[-1].shard is None else [path])
    return found


def note_of(spill: Path, shard: Path) -> Path:
    """Where it is noted that a shard is whole."""
    return spill / f"wrote-{shard.stem}.json"


def _write(task: GatherTask, split: str, path: Path, parts: Sequence[Events]) -> Gathered:
    bad = tuple(sorted(task.bad))
    nothing = Gathered(split, None, (0,) * task.classes, bad)
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
    write_shard(path, parts, task.columns, order)
    counts = tuple(map(int, np.bincount(labels[order], minlength=task.classes)))
    return Gathered(split, Shard(path.name, len(order), seal(path)), counts, bad)
