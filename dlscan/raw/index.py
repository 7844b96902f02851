"""Where the chunks of a raw file lie, so that they can be read without HDF5.

HDF5 finds a chunk through a tree, under one lock for all threads, and keeps it in a cache of its own. The
place of a chunk never changes in a file that is only read: it is looked up once.
"""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import h5py
import numpy as np
from numpy.typing import NDArray

from dlscan.raw.chunks import stored_chunks
from dlscan.raw.decode import codec_of, decode, wrong_masks
from dlscan.raw.faults import hdf5_errors
from dlscan.raw.fields import Part, hdf5_type
from dlscan.raw.filters import filters_of
from dlscan.raw.handle import FoundDataset, RawHandle
from dlscan.raw.links import LinkedFile

Places = NDArray[np.int64]

# Types that numpy views in place, as unsigned integers of the same width where bits count
_WIDTHS = (1, 2, 4, 8)
# What a list of HDF5 is taken to hold
_LIST_BYTES = 2**12
# Places of chunks are kept in memory: so many at least, and otherwise so many for each chunk that is there
_LEAST_GRID, _GRID_FOR_EACH = 2**20, 64


@dataclasses.dataclass(frozen=True, eq=False)
class DatasetIndex:
    """Where the values of a dataset lie.

    Attributes
    ----------
    dtype : str
        As in the file, with its byte order.
    shape : tuple of int
        Of one event; `()` is a number per event.
    rows : int
        Events.
    chunks : tuple of int or None
        Of a chunk, the event axis first; None without chunks.
    codec : str
        How to read it: "contiguous"; "plain", chunks without a filter; "gzip", "shuffle+lzf" and so on, see
        `dlscan.raw.decode`; or "h5py", which leaves it to HDF5.
    why : str
        Why it must be HDF5, in words that follow the name of the dataset; else empty.
    offsets : ndarray of int64, (n,)
        Of each chunk in the file, in row-major order of the grid of chunks; -1 if it was never written, so
        that its values are the fill value. A single one without chunks, none where HDF5 reads.
    sizes : ndarray of int64, (n,)
        Bytes of each chunk in the file.
    fill : bytes
        The fill value, one value as in the file; empty is zero.
    linked : tuple of LinkedFile or None
        Other files that values come from, as they were; None if an index of an older version does not say.
    part : Part or None
        Where the numbers lie in the elements of their dataset, to which chunks and fill value belong; None
        where its elements are numbers.
    role : {"events", "edges", "entries"}
        What its rows are: events; where each event begins and the last one ends; the entries of all events.
    """

    dtype: str
    shape: tuple[int, ...]
    rows: int
    chunks: tuple[int, ...] | None
    codec: str
    why: str
    offsets: Places
    sizes: Places
    fill: bytes = b""
    linked: tuple[LinkedFile, ...] | None = None
    part: Part | None = None
    role: str = "events"

    @property
    def whole(self) -> "DatasetIndex":
        """The dataset that the numbers lie in, its elements taken for bytes."""
        part = self.part
        if part is None:
            return self
        return dataclasses.replace(self, dtype=f"|V{part.size}", shape=part.shape, part=None)

    @property
    def event_bytes(self) -> int:
        """Bytes of one row, inflated."""
        item = _LIST_BYTES if self.dtype == "|O" else np.dtype(self.dtype).itemsize
        return math.prod(self.shape) * item

    @property
    def whole_events(self) -> bool:
        """Whether each chunk holds every value of its events."""
        return self.chunks is not None and self.chunks[1:] == (self.part.shape if self.part else self.shape)


def loads(index: Collection[DatasetIndex]) -> list[tuple[int, int | None]]:
    """Bytes of an event, and rows of a chunk, of each dataset that is read; that of several fields is one."""
    found: dict[object, tuple[int, int | None]] = {}
    for number, each in enumerate(index):
        whole = each.whole
        chunk = each.chunks[0] if each.chunks else None
        size = whole.event_bytes
        if each.role == "entries":
            events = max((other.rows for other in index if other.role != "entries"), default=0)
            size, chunk = size * each.rows // max(events, 1), None
        found[each.part.of if each.part else number] = size, chunk
    return list(found.values())


def index_file(
    path: Path,
    datasets: Sequence[str],
    roots: Sequence[Path] | None = None,
    roles: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, DatasetIndex]:
    """Look up every chunk of some datasets of a raw file.

    Parameters
    ----------
    path : Path
        The file.
    datasets : sequence of str
        Their names.
    roots : sequence of Path or None
        See `RawHandle`.
    roles : mapping of str to str
        Of those whose rows are no events.

    Raises
    ------
    RawError
        If the file cannot be opened, its structure is damaged or it lacks a dataset.
    """
    found: dict[str, DatasetIndex] = {}
    fields: dict[str, DatasetIndex] = {}
    with RawHandle(path, roots, look_at_chunks=True) as handle:
        for name in datasets:
            item = handle.find(name)
            with hdf5_errors(f"{name} cannot be read"):
                index = _index_of(handle.file, item, name, fields)
            found[name] = dataclasses.replace(index, role=roles.get(name, "events"))
    return found


def _index_of(
    handle: h5py.File, item: FoundDataset, name: str, fields: dict[str, DatasetIndex]
) -> DatasetIndex:
    """The index of what was found; `fields` keeps what is known of datasets for their other fields."""
    part, dataset = item.part, item.dataset
    if item.dtype.kind == "O":
        why = "has lists of different lengths"
    else:
        why = _why_converted(dataset, item.dtype, part.field if part else "")
    if part is None:
        return dataclasses.replace(_index(handle, dataset, name, why), linked=item.linked)
    if part.of not in fields:
        fields[part.of] = _index(handle, dataset, part.of, "")
    index = dataclasses.replace(
        fields[part.of],
        dtype=item.dtype.str,
        shape=tuple(map(int, item.shape[1:])),
        linked=item.linked,
        part=part,
    )
    if why and index.codec != "h5py":
        nothing = np.zeros(0, np.int64)
        index = dataclasses.replace(index, codec="h5py", why=why, offsets=nothing, sizes=nothing)
    return index


def _index(handle: h5py.File, dataset: h5py.Dataset, name: str, why: str) -> DatasetIndex:
    why = _why_hdf5(handle, dataset) or why
    codec = "h5py"
    offsets = sizes = np.zeros(0, np.int64)
    if not why and dataset.chunks is None:
        codec = "contiguous"
        offsets, sizes = (np.array([number]) for number in (dataset.id.get_offset(), dataset.nbytes))
    elif not why:
        codec = codec_of([code for code, _ in filters_of(dataset)]) or "plain"
        offsets, sizes, why = _chunks(dataset, codec, name)
        codec = "h5py" if why else codec
    if codec == "h5py" and dataset.chunks is not None:
        stored_chunks(dataset, name)  # checks them
    undefined = dataset.id.get_create_plist().fill_value_defined() == h5py.h5d.FILL_VALUE_UNDEFINED
    undefined |= dataset.dtype.kind == "O"
    fill = b"" if undefined else np.asarray(dataset.fillvalue, dataset.dtype).tobytes()
    return DatasetIndex(
        dataset.dtype.str,
        tuple(map(int, dataset.shape[1:])),
        int(dataset.shape[0]),
        None if dataset.chunks is None else tuple(map(int, dataset.chunks)),
        codec,
        why,
        offsets,
        sizes,
        fill if any(fill) else b"",
    )


def _why_hdf5(handle: h5py.File, dataset: h5py.Dataset) -> str:
    """Why only HDF5 can read a dataset, as far as its header says; empty if its bytes can be read."""
    created = dataset.id.get_create_plist()
    if h5py.h5f.get_name(dataset.id) != h5py.h5f.get_name(handle.id):
        return "is a link into another file"
    if created.get_layout() == h5py.h5d.VIRTUAL:
        return "is a virtual dataset, with its values in other files"
    if created.get_external_count():
        return "has its values in another file (external storage)"
    if created.get_layout() == h5py.h5d.COMPACT:
        return "is stored in its header (compact layout)"
    if handle.userblock_size:
        return "lies behind a user block"
    filters = filters_of(dataset)
    if filters and codec_of([code for code, _ in filters]) is None:
        return f"is stored with {' + '.join(name for _, name in filters)}"
    if dataset.chunks is None and dataset.id.get_offset() is None:
        return "was never written"
    return ""


def _why_converted(dataset: h5py.Dataset, dtype: np.dtype[np.generic], field: str) -> str:
    """Why numbers must be converted by HDF5; empty if numpy reads the bytes as they are."""
    whole = dataset.id.get_type().get_size() == dataset.dtype.itemsize
    alike = hdf5_type(dataset, field) == h5py.h5t.py_create(dtype, logical=True)
    return "" if whole and alike and dtype.itemsize in _WIDTHS else "has a number type that must be converted"


def _chunks(dataset: h5py.Dataset, codec: str, name: str) -> tuple[Places, Places, str]:
    """Offsets and sizes of all chunks, or why HDF5 must read them after all."""
    shape = np.array(dataset.chunks)
    grid = tuple(int(count) for count in -(-np.array(dataset.shape) // shape))
    if math.prod(grid) > max(_LEAST_GRID, _GRID_FOR_EACH * dataset.id.get_num_chunks()):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), "is mostly chunks that were never written"
    offsets, sizes = np.full(math.prod(grid), -1), np.zeros(math.prod(grid), np.int64)
    full = math.prod(dataset.chunks) * dataset.dtype.itemsize
    corners, masks, begins, lengths = stored_chunks(dataset, name)
    if len(corners):
        edge = (corners + shape > dataset.shape).any(axis=1)
        if codec == "plain":
            wrong = bool(masks.any())
        else:
            wrong = wrong_masks(codec, masks, lengths, full)
            wrong = wrong or _any_plain(dataset, codec, corners[edge & (lengths == full)], full)
        if wrong:
            return offsets[:0], sizes[:0], "has chunks stored without its filter"
        places = np.ravel_multi_index(tuple((corners // shape).T), grid)
        offsets[places], sizes[places] = begins, lengths
    if sizes.max(initial=0) >= 2**32:
        return offsets[:0], sizes[:0], "has chunks of over 4 GB"
    if codec == "plain" and ((sizes != full) & (offsets >= 0)).any():
        return offsets[:0], sizes[:0], "has chunks of unequal length"
    return offsets, sizes, ""


def _any_plain(dataset: h5py.Dataset, codec: str, corners: Places, full: int) -> bool:
    """Whether one of these chunks, as long as one without a filter, is none of the filter's work.

    A file may leave chunks at its edges as they are, which no flag of theirs says.
    """
    for corner in corners.tolist():
        _, data = dataset.id.read_direct_chunk(tuple(corner))
        try:
            decode(codec, memoryview(data), full, dataset.dtype.itemsize)
        except ValueError:
            return True
    return False
