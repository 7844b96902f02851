"""An open raw file whose datasets are found with all that their values come from, and checked.

HDF5 gives fill values where a part is missing or short, without a word, and crashes where a dataset is put
together from itself.
"""

import dataclasses
import math
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import h5py
import numpy as np

from dlscan.raw.chunks import stored_chunks
from dlscan.raw.faults import RawError, hdf5_errors
from dlscan.raw.fields import KINDS, Part, field_type, splits
from dlscan.raw.filters import require_filters
from dlscan.raw.links import LinkedFile, find_external, find_linked
from dlscan.raw.walk import Walk


@dataclasses.dataclass(frozen=True)
class FoundDataset:
    """A dataset, and where its values come from.

    Attributes
    ----------
    dataset : h5py.Dataset
        It lies in another file if the name is a link there.
    linked : tuple of LinkedFile
        All other files that values come from, or that lead to them.
    stored : int
        Bytes that its values can take in files at most.
    part : Part or None
        What of its elements was asked for: of a compound one the field. None where its elements are numbers.
    dtype : dtype
        Of a number.
    shape : tuple of int
        Of the numbers, the event axis first.
    """

    dataset: h5py.Dataset
    linked: tuple[LinkedFile, ...]
    stored: int
    part: Part | None
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]


class RawHandle:
    """An open raw file.

    Parameters
    ----------
    path : Path
        The file.
    roots : sequence of Path or None
        Real directories that links may lead into, besides that of the file itself; None allows any.
    cache : int
        Bytes that HDF5 may keep of the chunks of a dataset.
    look_at_chunks : bool
        Check the chunks of parts of virtual datasets, which HDF5 will inflate; it takes its time.

    Attributes
    ----------
    file : h5py.File
        The file.

    Raises
    ------
    RawError
        If it cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        roots: Sequence[Path] | None = None,
        cache: int = 2**20,
        look_at_chunks: bool = False,
    ) -> None:
        self._place, self._look_at_chunks = path.absolute(), look_at_chunks
        self._walk = Walk(self._place, roots, cache)
        # bytes of each dataset that was looked at; None while its parts are
        self._stored: dict[tuple[Path, str], int | None] = {}
        self.file: h5py.File = self._walk.open(self._place)

    def __enter__(self) -> "RawHandle":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all files; closing twice is fine."""
        self._walk.close()

    @property
    def linked(self) -> tuple[LinkedFile, ...]:
        """The other files that datasets which were asked for, found or not, have led to."""
        return tuple(self._walk.linked.values())

    def find(self, name: str) -> FoundDataset:
        """Find a dataset, or a field of one: `jets`, `jets.pt`.

        Raises
        ------
        RawError
            If there is none of this name, or a part of it is missing, too short or not to be read.
        """
        walk = self._walk
        before, walk.linked, self._stored = walk.linked, {}, {}
        try:
            place, dataset, of, field = self._follow(name)
            stored = self._sources(place, dataset, of)
            with hdf5_errors(f"{name} cannot be opened"):
                kind = dataset.id.get_type().get_class()
                if kind == h5py.h5t.TIME:  # which numpy cannot describe
                    raise RawError(f"{name} holds {KINDS[kind]}, not numbers")
                whole, shape = dataset.dtype, dataset.shape
            own, at = field_type(whole, field, of)
            dtype, sub = own.subdtype or (own, ())
            part = Part(of, field, shape[1:], whole.itemsize, at) if dtype is not whole else None
            return FoundDataset(dataset, self.linked, stored, part, dtype, (*shape, *sub))
        finally:
            walk.linked = before | walk.linked

    def _follow(self, name: str) -> tuple[Path, h5py.Dataset, str, str]:
        """The file and the dataset that a name leads to; of the name what is the dataset, and the field."""
        first: RawError | None = None
        for dataset, field in splits(name):
            try:
                return *self._walk.follow(self._place, dataset, dataset), dataset, field
            except RawError as error:
                first = first or error
        assert first is not None
        raise first

    def _sources(self, place: Path, dataset: h5py.Dataset, name: str) -> int:
        """Check everything that values come from; returns the bytes that they can take in files."""
        key = place, dataset.name
        if key not in self._stored:
            self._stored[key] = None
            with hdf5_errors(f"{name} cannot be opened"):
                created = dataset.id.get_create_plist()
                if created.get_layout() == h5py.h5d.VIRTUAL:
                    self._stored[key] = self._virtual(place, created, name)
                elif created.get_external_count():
                    self._stored[key] = self._external(place, dataset, created, name)
                else:
                    require_filters(dataset, name)
                    # HDF5 would go through all chunks to say how much of it belongs to this dataset
                    self._stored[key] = self._walk.open(place).id.get_filesize()
        stored = self._stored[key]
        if stored is None:
            raise RawError(f"{name} refers to itself")
        return stored

    def _external(self, place: Path, dataset: h5py.Dataset, created: h5py.h5p.PropDCID, name: str) -> int:
        """Check the files of external raw storage, beyond whose ends HDF5 reads zeros."""
        size: int = (dataset.size or 0) * dataset.id.get_type().get_size()
        rest = size
        for number in range(created.get_external_count()):
            file, offset, room = created.get_external(number)
            found = find_external(place, os.fsdecode(file))
            self._walk.note(found, f"{name} has its values in")
            wanted = min(room % 2**64, rest)
            if found.size < offset + wanted:
                raise RawError(
                    f"{name} has its values in {found.path}, which is truncated: {found.size:,} of "
                    f"{offset + wanted:,} bytes"
                )
            rest -= wanted
        if rest:
            raise RawError(
                f"{name} has its values in other files, where {rest:,} of {size:,} bytes are missing"
            )
        return size

    def _virtual(self, place: Path, created: h5py.h5p.PropDCID, name: str) -> int:
        """Check each part of a virtual dataset: where one is missing or short, HDF5 gives fill values."""
        stored: int = 0
        needed = self._walk.is_open()
        for number in range(created.get_virtual_count()):
            file, path = created.get_virtual_filename(number), created.get_virtual_dsetname(number)
            if "%b" in file + path:
                raise RawError(
                    f"{name} is a virtual dataset of numbered parts ({file}, {path}), whose number is "
                    "unknown; name each part in the virtual dataset"
                )
            there = place
            if file != ".":
                found = find_linked(place, file, "HDF5_VDS_PREFIX")
                self._walk.enter(found, f"{name} has a part in")
                there = found.path
            via = f"{name} has a part in {there}, {path}, which does not exist"
            there, part = self._walk.follow(there, path, name, via)
            stored += self._sources(there, part, name)
            if self._look_at_chunks and part.chunks is not None:
                stored_chunks(part, name)  # checks them
            why = _misfit(
                created.get_virtual_srcspace(number), created.get_virtual_vspace(number), part.shape
            )
            if why:
                raise RawError(f"{name} has a part in {there}, {path}, of shape {part.shape}, but {why}")
            self._walk.close_some(needed)
        return stored


def _misfit(chosen: h5py.h5s.SpaceID, filled: h5py.h5s.SpaceID, shape: tuple[int, ...]) -> str:
    """Why a dataset of some shape is no fit for what is `chosen` of it to be `filled` in; else empty."""
    if chosen.get_select_type() == h5py.h5s.SEL_ALL:
        wanted = filled.get_select_npoints()
        return "" if math.prod(shape) == wanted else f"{wanted:,} values are needed"
    if chosen.get_select_type() == h5py.h5s.SEL_HYPERSLABS and chosen.is_regular_hyperslab():
        axes = zip(*chosen.get_regular_hyperslab(), strict=True)
        # one without an end takes what there is
        ends = [
            0 if h5py.h5s.UNLIMITED in (count, block) else start + step * (count - 1) + block
            for start, step, count, block in axes
        ]
    else:
        ends = [last + 1 for last in chosen.get_select_bounds()[1]]
    fits = len(ends) == len(shape) and all(end <= length for end, length in zip(ends, shape, strict=True))
    return "" if fits else f"{tuple(map(int, ends))} is needed"
