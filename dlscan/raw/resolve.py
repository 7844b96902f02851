"""How an input is put together, found out from a file."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np

from dlscan.config import Input
from dlscan.raw.faults import RawError
from dlscan.raw.fields import field_type, fields_of, numeric_fields
from dlscan.raw.handle import FoundDataset, RawHandle
from dlscan.raw.offsets import offsets_of
from dlscan.raw.recipe import Recipe, common_type, is_wide
from dlscan.raw.refusals import fields_missing, longest_list, require_kind, require_numbers, shape_text


@dataclasses.dataclass(frozen=True)
class _Chosen:
    """What is read of datasets: names, what their numbers are called, how many each has, and types."""

    parts: tuple[str, ...]
    features: tuple[str, ...]
    widths: tuple[int, ...]
    types: tuple[np.dtype[Any], ...]

    def recipe(self, own: Input) -> Recipe:
        """Numbers of an event, one behind the other."""
        ends = np.cumsum(self.widths).tolist()
        wide = [
            place
            for dtype, width, end in zip(self.types, self.widths, ends, strict=True)
            if is_wide(dtype)
            for place in range(end - width, end)
        ]
        return Recipe(
            "vector",
            self.parts,
            self.features,
            (sum(self.widths),),
            self.widths,
            common_type(self.types),
            fill=own.fill,
            wide=tuple(wide),
        )


def recipe_of(name: str, own: Input, handle: RawHandle) -> Recipe:
    """Find out from a file how an input is put together.

    Raises
    ------
    RawError
        If the file does not have what the input says, or that is no input.
    """
    found = [handle.find(source) for source in own.sources(name)]
    if own.offsets is not None:
        return _flat(name, own, found, handle)
    if any(h5py.check_vlen_dtype(item.dtype) for item in found):
        return _lists(name, own, found)
    if own.datasets:
        return _several(own, found, handle)
    if fields_of(found[0].dtype):
        return _compound(name, own, found[0], handle)
    return _plain(name, own, found[0], handle)


def _several(own: Input, found: Sequence[FoundDataset], handle: RawHandle) -> Recipe:
    """Datasets of one number each, of an event or of an entry."""
    for source, item in zip(own.datasets, found, strict=True):
        require_numbers(source, item)
    listed = ", ".join(
        f"{source} {shape_text(item)}" for source, item in zip(own.datasets, found, strict=True)
    )
    types = tuple(item.dtype for item in found)
    made = _Chosen(own.datasets, own.datasets, (1,) * len(found), types).recipe(own)
    (shape, *others) = {item.shape[1:] for item in found}
    if others or len(shape) > 1:
        raise RawError(
            "has datasets that cannot be combined: each must have one number per event, or the same number "
            f"of entries; {listed}"
        )
    if not shape:
        _require_no_entries(own, f"{listed} have one number per event")
        return made
    return _padded(made, own, shape[0], _valid(own, "", None, handle))


def _compound(name: str, own: Input, found: FoundDataset, handle: RawHandle) -> Recipe:
    (source,) = own.sources(name)
    shape = found.shape[1:]
    valid = _valid(own, source, found, handle)
    made = _fields(name, own, found, valid).recipe(own)
    if not shape:
        _require_no_entries(own, f"{source} has one element per event")
        return made
    if len(shape) > 1:
        raise RawError(
            f"has elements of shape {shape_text(found)} per event in {source}; one axis can be read"
        )
    return _padded(made, own, shape[0], valid)


def _plain(name: str, own: Input, found: FoundDataset, handle: RawHandle) -> Recipe:
    (source,) = own.sources(name)
    require_numbers(source, found)
    shape = tuple(map(int, found.shape[1:]))
    if own.fields and len(own.fields) != (shape[-1] if shape else 1):
        raise RawError(
            f"names {len(own.fields)} fields, but {source} has the shape {shape_text(found)} per event"
        )
    if not (own.valid or own.longest or (own.fields and len(shape) > 1)):
        made = _Chosen((source,), own.fields, (math.prod(shape),), (found.dtype,)).recipe(own)
        return dataclasses.replace(made, shape=shape)
    if len(shape) not in (1, 2):
        raise RawError(f"has no entries with numbers: {source} has the shape {shape_text(found)} per event")
    features = own.fields if len(shape) > 1 else own.fields or (source,)
    made = _Chosen((source,), features, (math.prod(shape[1:]),), (found.dtype,)).recipe(own)
    return _padded(made, own, shape[0], _valid(own, "", None, handle))


def _padded(made: Recipe, own: Input, length: int, valid: str | None) -> Recipe:
    return dataclasses.replace(
        made, layout="padded", valid=valid, longest=int(min(own.longest or length, length))
    )


def _lists(name: str, own: Input, found: Sequence[FoundDataset]) -> Recipe:
    """HDF5's variable-length types, of numbers or of records."""
    sources = own.sources(name)
    parts: list[str] = []
    types: list[np.dtype[Any]] = []
    for source, item in zip(sources, found, strict=True):
        base = h5py.check_vlen_dtype(item.dtype)
        if base is None:
            raise RawError(f"has {source}, which does not hold lists of different lengths as the others do")
        if item.shape[1:]:
            raise RawError(
                f"has lists of shape {shape_text(item)} per event in {source}; one list can be read"
            )
        if not fields_of(base):
            require_kind(source, base)
            parts, types = [*parts, source], [*types, base]
        elif own.datasets:
            raise RawError(f"has {source}, which is compound; give it as dataset, with fields")
        else:
            wanted = own.fields or tuple(each for each in numeric_fields(base) if each != own.valid)
            parts, types = (
                [f"{source}::{field}" for field in wanted],
                [_type(base, f, source) for f in wanted],
            )
            if own.valid is not None:
                _type(base, own.valid, source)
    if own.valid is not None and "::" not in parts[0]:
        raise RawError(
            f"has valid: {own.valid}, but {sources[0]} has no fields; all entries of its lists are valid"
        )
    longest = _require_longest(own, f"lists of different lengths in {', '.join(sources)}", found[0])
    features = tuple(part.rpartition("::")[2] for part in parts)
    made = _Chosen(tuple(parts), features, (1,) * len(parts), tuple(types)).recipe(own)
    valid = f"{sources[0]}::{own.valid}" if own.valid else None
    return dataclasses.replace(made, layout="lists", valid=valid, longest=longest)


def _flat(name: str, own: Input, found: Sequence[FoundDataset], handle: RawHandle) -> Recipe:
    """Entries of all events one after the other."""
    sources = own.sources(name)
    if len({item.shape[:1] for item in found}) > 1:
        listed = ", ".join(f"{source} {item.shape[0]:,}" for source, item in zip(sources, found, strict=True))
        raise RawError(f"has datasets that differ in length: {listed}")
    longest = _require_longest(own, "events of different lengths", None)
    compound = fields_of(found[0].dtype) and not own.datasets
    valid = _valid(own, sources[0], found[0] if compound else None, handle)
    if compound and found[0].shape[1:]:
        raise RawError(f"has offsets, but {sources[0]} is no list of entries: its shape is {found[0].shape}")
    chosen = _fields(name, own, found[0], valid) if compound else _columns(own, sources, found)
    offsets, edges = offsets_of(str(own.offsets), handle)
    return dataclasses.replace(
        chosen.recipe(own), layout="flat", valid=valid, offsets=offsets, edges=edges, longest=longest
    )


def _columns(own: Input, sources: tuple[str, ...], found: Sequence[FoundDataset]) -> _Chosen:
    """Plain datasets of entries: several of a number for each, or one of several."""
    for source, item in zip(sources, found, strict=True):
        require_numbers(source, item)
    width = math.prod(found[0].shape[1:])
    if own.datasets and any(item.shape[1:] for item in found):
        raise RawError("has datasets with several numbers for each entry; give one of them as dataset")
    if own.fields and len(own.fields) != width:
        raise RawError(f"names {len(own.fields)} fields, but an entry of {sources[0]} has {width} numbers")
    features = own.fields or (sources if width == 1 else ())
    return _Chosen(sources, features, (width,) * len(sources), tuple(item.dtype for item in found))


def _require_longest(own: Input, what: str, found: FoundDataset | None) -> int:
    if own.longest is None:
        example = longest_list(found) if found else 64
        raise RawError(f"has {what}; say how many entries of an event are kept, such as longest: {example}")
    return own.longest


def _type(dtype: np.dtype[Any], field: str, source: str) -> np.dtype[Any]:
    """The type of a field that holds one number."""
    found, _ = field_type(dtype, field, source)
    require_kind(f"{source}.{field}", found)
    return found


def _fields(name: str, own: Input, found: FoundDataset, valid: str | None) -> _Chosen:
    """The fields of a compound dataset that are read."""
    (source,) = own.sources(name)
    wanted = own.fields
    if not wanted:
        # of constituents all numbers are meant; in a table of events are labels, weights and truth too
        if own.valid is None and own.offsets is None and own.longest is None:
            raise RawError(fields_missing(name, source, found))
        wanted = tuple(field for field in numeric_fields(found.dtype) if f"{source}.{field}" != valid)
    features: list[str] = []
    widths, types = [], []
    for field in wanted:
        dtype, _ = field_type(found.dtype, field, source)
        base, sub = dtype.subdtype or (dtype, ())
        require_kind(f"{source}.{field}", base)
        widths.append(math.prod(sub))
        types.append(base)
        features += [f"{field}[{number}]" for number in range(widths[-1])] if sub else [field]
    return _Chosen(
        tuple(f"{source}.{field}" for field in wanted), tuple(features), tuple(widths), tuple(types)
    )


def _valid(own: Input, source: str, found: FoundDataset | None, handle: RawHandle) -> str | None:
    """The name of what says which entries are there: a field, or else a dataset."""
    if own.valid is None:
        return None
    inside = found is not None and own.valid.split(".")[0] in fields_of(found.dtype)
    name = f"{source}.{own.valid}" if inside else own.valid
    try:
        require_numbers(name, handle.find(name))
    except RawError as error:
        if found is not None and fields_of(found.dtype):
            raise RawError(
                f"has no field or dataset {own.valid!r}, which says what is valid in {source}"
            ) from error
        raise
    return name


def _require_no_entries(own: Input, what: str) -> None:
    for key in ("valid", "longest"):
        if getattr(own, key) is not None:
            raise RawError(f"has {key}, which is for several entries per event, but {what}")
