"""Whether raw files fit together, seen from their headers alone."""

import contextlib
import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from dlscan.raw.faults import RawError, hdf5_errors
from dlscan.raw.fields import KINDS, hdf5_type
from dlscan.raw.find import RawFile
from dlscan.raw.handle import FoundDataset, RawHandle
from dlscan.raw.links import LinkedFile

# An event of more bytes is none, and neither are more bytes of events than a file can hold by any compression
_MOST_EVENT = 2**30
_LEAST_EMPTY, _MOST_INFLATED = 2**30, 100_000


@dataclasses.dataclass(frozen=True)
class FileLayout:
    """What the headers of a raw file say.

    Attributes
    ----------
    events : int
        Rows of every dataset.
    shapes : dict of str to tuple of int
        Of one event, per dataset.
    dtypes : dict of str to str
        Per dataset.
    event_bytes : int
        Of an event, dense, with its share of entries that are not event by event.
    """

    events: int
    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, str]
    event_bytes: int


def check_files(
    files: Sequence[RawFile], datasets: Sequence[str], roles: Mapping[str, str] = MappingProxyType({})
) -> tuple[dict[RawFile, FileLayout], dict[RawFile, str]]:
    """Sort files into those that fit together and those that do not.

    Each file must open and hold every dataset, numeric, of one length that is not zero. Shapes and types must
    be those that most files have.

    Parameters
    ----------
    files : sequence of RawFile
        All files of all classes.
    datasets : sequence of str
        The names that every file must have.
    roles : mapping of str to str
        Of those whose rows are no events, see `DatasetIndex`.

    Returns
    -------
    good : dict of RawFile to FileLayout
        In the order of `files`.
    bad : dict of RawFile to str
        With the reason, in one line.
    """
    good: dict[RawFile, FileLayout] = {}
    bad: dict[RawFile, str] = {}
    for file in files:
        try:
            good[file] = _describe(file, datasets, roles)
        except RawError as error:
            bad[file] = str(error)
    for name in datasets:
        for kind, of in (("shape", "shapes"), ("type", "dtypes")):
            common = Counter(getattr(layout, of)[name] for layout in good.values()).most_common(1)
            for file in [file for file in good if getattr(good[file], of)[name] != common[0][0]]:
                found = getattr(good.pop(file), of)[name]
                bad[file] = f"{name} has {kind} {found}, but most files have {common[0][0]}"
    return good, {file: bad[file] for file in files if file in bad}


def linked_files(file: RawFile, datasets: Sequence[str]) -> tuple[LinkedFile, ...]:
    """The other files that datasets of a raw file lead to, as far as can be seen; missing ones too."""
    try:
        with RawHandle(file.path, file.roots) as handle:
            for name in datasets:
                with contextlib.suppress(RawError):
                    handle.find(name)
            return handle.linked
    except RawError:
        return ()


def _describe(file: RawFile, datasets: Sequence[str], roles: Mapping[str, str]) -> FileLayout:
    with RawHandle(file.path, file.roots) as handle:
        found = {name: handle.find(name) for name in datasets}
        layouts = {name: _layout(name, item, name in roles) for name, item in found.items()}
    lengths = {
        name: length - (roles.get(name) == "edges")
        for name, ((length, *_), _) in layouts.items()
        if roles.get(name) != "entries"
    }
    if len(set(lengths.values())) > 1:
        listed = ", ".join(
            f"{name} {length}{' events' if roles.get(name) == 'edges' else ''}"
            for name, length in lengths.items()
        )
        raise RawError(f"datasets differ in length: {listed}")
    events = next(iter(lengths.values()))
    if events < 1:
        raise RawError("holds no events")
    dense = sum(math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in layouts.values())
    stored = sum(item.stored for item in found.values())
    if dense > max(_LEAST_EMPTY, _MOST_INFLATED * stored):
        raise RawError(
            f"declares {events:,} events of {dense:,} bytes, but only {stored:,} bytes are stored: nearly "
            "all of it was never written"
        )
    return FileLayout(
        events,
        {name: shape[1:] for name, (shape, _) in layouts.items()},
        {name: dtype for name, (_, dtype) in layouts.items()},
        max(1, dense // events),
    )


def _layout(name: str, found: FoundDataset, lists: bool) -> tuple[tuple[int, ...], str]:
    """Shape and type of a dataset, if it holds numbers, event by event, or `lists` of them."""
    if lists and found.dtype.kind == "O":
        return tuple(map(int, found.shape)), found.dtype.str
    with hdf5_errors(f"{name} cannot be opened"):
        kind = hdf5_type(found.dataset, found.part.field if found.part else "").get_class()
        if kind in KINDS:
            raise RawError(f"{name} holds {KINDS[kind]}, not numbers")
        shape, dtype = found.shape, found.dtype
    if dtype.kind not in "biuf":
        raise RawError(f"{name} holds {dtype}, not numbers")
    if not found.dataset.shape:
        raise RawError(f"{name} is a single number, not one row per event")
    if 0 in shape[1:]:
        raise RawError(f"{name} has no values: its shape is {shape}")
    if (size := math.prod(shape[1:]) * dtype.itemsize) > _MOST_EVENT:
        raise RawError(
            f"{name} takes {size:,} bytes per event, more than the limit of {_MOST_EVENT:,}: its shape is "
            f"{shape}"
        )
    element = found.dataset.dtype.itemsize
    chunk = math.prod(found.dataset.chunks or ()) * element
    if chunk > max(_MOST_EVENT, 2 * math.prod(found.dataset.shape) * element):
        raise RawError(f"{name} is stored in chunks of {chunk:,} bytes, larger than the whole dataset")
    return tuple(map(int, shape)), dtype.str
