"""Which datasets of a file say where the entries of each event begin, and which hold such entries."""

import dataclasses
import re
import zlib
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dlscan.raw.faults import hdf5_errors
from dlscan.raw.offsets import ENDS, pair_of

# Plain numbers that rise are offsets if they are called so.
_CALLED = re.compile(r"offset|edges|begin|start|indptr|splits|cumulative", re.IGNORECASE)
# More are not looked at.
_MOST = 10**7


@dataclasses.dataclass(frozen=True)
class Offsets:
    """Where the entries of each event lie among those of all events.

    Attributes
    ----------
    name : str
        Of the dataset that says it.
    events : int
        How many.
    longest : int
        Entries of an event, at most.
    total : int
        Entries of all events.
    checksum : str
        Of what it says.
    entries : tuple of str
        The datasets that hold entries.
    """

    name: str
    events: int
    longest: int
    total: int
    checksum: str
    entries: tuple[str, ...] = ()


def offsets_in(file: h5py.File, shapes: Mapping[str, tuple[int, ...]]) -> list[Offsets]:
    """Find the offsets among the datasets of these names and shapes, each with its entries."""
    lengths = {shape[0] for shape in shapes.values() if shape and shape[0]}
    rows = {
        shape[0] for name, shape in shapes.items() if shape and not (shape[1:] == () and _CALLED.search(name))
    }
    found = {}
    for name, shape in shapes.items():
        if len(shape) == 1 and 0 < shape[0] <= _MOST:
            with hdf5_errors(f"{name} cannot be read"):
                own = _offsets(name, file[name], lengths, rows)
            if own is not None:
                found[name] = own
    entries: dict[str, list[str]] = {}
    for name, shape in shapes.items():
        fitting = [own.name for own in found.values() if shape[:1] == (own.total,)]
        if fitting and name not in found:
            entries.setdefault(max(fitting, key=lambda offsets: _nearness(offsets, name)), []).append(name)
    # with one entry each they are rows of events like others
    several = {name: tuple(own) for name, own in entries.items() if found[name].longest > 1}
    return [dataclasses.replace(own, entries=several.get(name, ())) for name, own in found.items()]


def _offsets(name: str, dataset: h5py.Dataset, lengths: set[int], rows: set[int]) -> Offsets | None:
    """What a dataset says, if that leads to all of as many entries as another one has.

    Offsets are ends where other datasets have as many rows, and none has one less, as `prepare` reads them.
    """
    pair = pair_of(dataset.dtype.names or ())
    if pair is not None:
        first, other, what = pair
        records = dataset[:]
        if any(records.dtype[field].kind not in "iu" for field in (first, other)):
            return None
        begins, ends = (records[field].astype(np.int64) for field in (first, other))
        if what == "counts":
            ends = begins + ends
    elif dataset.dtype.kind in "iu" and _CALLED.search(name) and int(dataset[-1]) in lengths:
        values = dataset[:].astype(np.int64)
        count, total = len(values), values[-1]
        as_rows = count in rows - {total} and count - 1 not in rows
        # a first event without entries ends at 0
        if values[0] or name.rpartition("/")[2] == ENDS or as_rows:
            values = np.concatenate([[0], values])
        begins, ends = values[:-1], values[1:]
    else:
        return None
    counts = ends - begins
    some = counts != 0
    if not some.any() or not _adjoin(begins[some], ends[some]) or int(ends[some][-1]) not in lengths:
        return None
    checksum = f"{zlib.crc32(counts.tobytes()):08x}"
    return Offsets(name, len(counts), int(counts.max()), int(ends[some][-1]), checksum)


def _adjoin(begins: NDArray[Any], ends: NDArray[Any]) -> bool:
    """Whether entries of events follow each other, from the first on."""
    return bool(not begins[0] and (begins < ends).all() and (ends[:-1] == begins[1:]).all())


def _nearness(offsets: str, entries: str) -> tuple[bool, ...]:
    """Offsets are called after their entries, or lie beside them, or are called like them elsewhere."""
    group, _, last = entries.rpartition("/")
    own_group, _, own_last = offsets.rpartition("/")
    return offsets.startswith(entries), own_group == group, own_last == last
