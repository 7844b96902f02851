"""The datasets of an HDF5 file: what their values are, and whether several files have them alike."""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from dlscan.hdf5 import open_hdf5
from dlscan.inspection.offsets import offsets_in
from dlscan.raw.faults import hdf5_errors
from dlscan.raw.filters import filters_of, require_filters
from dlscan.raw.lists import read_lists

# Rows of a file that ranges are taken from.
ROWS = 256
# What PyTables keeps beside the data for its own searches.
_HIDDEN = re.compile(r"(^|/)_i_")
# More different whole numbers than that are no labels.
_MOST_VALUES = 30


@dataclasses.dataclass(frozen=True)
class Item:
    """A dataset.

    Attributes
    ----------
    name : str
        In the files, with its groups.
    shape : tuple of int
        In the first file.
    kind : {"numbers", "fields", "lists", "text", "other"}
        What a value is: a number, a record of several fields, a list of any length, none of these.
    dtype : str
        As people write it: `float32`.
    fields : dict of str to str
        Of records, their types by name; a record in a record gives names such as `a.b`.
    filters : tuple of str
        It is stored with.
    lowest, highest : float or None
        Over some rows of the first file of each class.
    zeros : float
        The share of its values there that are zero.
    has_nan : bool
        Whether one of them is nan.
    values : tuple of int
        If they are few whole numbers, these.
    longest : int
        Of lists, the length of the longest one that was looked at.
    field_values : dict of str to tuple of int
        Fields that hold few whole numbers, and these.
    nan_fields : tuple of str
        Fields that hold nan.
    offsets : str
        If these are the entries of all events one after the other, the dataset that says where each begins.
    places : str
        A checksum of these offsets: entries of the same objects have it in common.
    events : int or None
        If these are offsets, of how many events.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    dtype: str
    fields: dict[str, str] = dataclasses.field(default_factory=dict)
    filters: tuple[str, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    zeros: float = 0.0
    has_nan: bool = False
    values: tuple[int, ...] = ()
    longest: int = 0
    field_values: dict[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    nan_fields: tuple[str, ...] = ()
    offsets: str = ""
    places: str = ""
    events: int | None = None

    @property
    def rows(self) -> int | None:
        """Of how many events it may tell something; none for entries of events."""
        if self.offsets or not self.shape:
            return None
        return self.shape[0] if self.events is None else self.events


def describe(path: Path) -> dict[str, Item]:
    """The datasets of a file; links to other files are left alone."""
    items: dict[str, Item] = {}

    def visit(name: str, found: Any) -> None:
        if isinstance(found, h5py.Dataset) and not _HIDDEN.search(name):
            items[name] = _item(name, found)

    with hdf5_errors("cannot be opened"), open_hdf5(path) as file:
        file.visititems(visit)
        for own in offsets_in(file, {name: item.shape for name, item in items.items()}):
            items[own.name] = dataclasses.replace(items[own.name], events=own.events)
            for name in own.entries:
                items[name] = dataclasses.replace(
                    items[name], offsets=own.name, places=own.checksum, longest=own.longest
                )
    return items


def _item(name: str, dataset: h5py.Dataset) -> Item:
    with hdf5_errors(f"{name} cannot be read"):
        filters = tuple(called for _, called in filters_of(dataset))
        dtype, shape = dataset.dtype, tuple(map(int, dataset.shape or ()))
        if dtype.names:
            fields = dict(_fields(dtype))
            item = Item(name, shape, "fields", "record", fields, filters)
            if not shape or not shape[0]:
                return item
            require_filters(dataset, name)
            rows = dataset[:ROWS]
            ranges = {field: _range(_field(rows, field)) for field in fields}
            return dataclasses.replace(
                item,
                field_values={field: own["values"] for field, own in ranges.items() if own.get("values")},
                nan_fields=tuple(field for field, own in ranges.items() if own.get("has_nan")),
            )
        listed = h5py.check_vlen_dtype(dtype)
        kind = (
            "lists"
            if listed is not None and listed is not str
            else "numbers"
            if dtype.kind in "biuf"
            else "other"
        )
        if dtype.kind == "S" or h5py.check_string_dtype(dtype):
            kind = "text"
        item = Item(name, shape, kind, _plain(np.dtype(listed) if kind == "lists" else dtype), {}, filters)
        if not shape or not shape[0] or kind not in ("numbers", "lists"):
            return item
        require_filters(dataset, name)
        if kind == "lists":
            lists = read_lists(dataset, 0, min(ROWS, shape[0]))
            return dataclasses.replace(
                item,
                longest=max(map(np.size, lists), default=0),
                has_nan=any(map(_has_nan, lists)),
            )
        return dataclasses.replace(item, **_range(dataset[:ROWS]))


def _fields(dtype: np.dtype[Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name in dtype.names or ():
        if dtype[name].names:
            yield from _fields(dtype[name], f"{above}{name}.")
        else:
            yield f"{above}{name}", _plain(dtype[name])


def _field(rows: np.ndarray[Any, Any], field: str) -> np.ndarray[Any, Any]:
    for name in field.split("."):
        rows = rows[name]
    return rows


def _range(rows: np.ndarray[Any, Any]) -> dict[str, Any]:
    if rows.dtype.kind not in "biuf":
        return {}
    finite = rows[np.isfinite(rows)] if rows.dtype.kind == "f" else rows
    if not finite.size:
        return {"has_nan": _has_nan(rows)}
    different = np.unique(finite)
    whole = len(different) <= _MOST_VALUES and bool(np.all(different == np.round(different.astype(float))))
    return {
        "lowest": float(finite.min()),
        "highest": float(finite.max()),
        "zeros": float(np.mean(finite == 0)),
        "has_nan": _has_nan(rows),
        "values": tuple(int(value) for value in different) if whole else (),
    }


def _has_nan(values: np.ndarray[Any, Any]) -> bool:
    if values.dtype.names:
        return any(_has_nan(values[name]) for name in values.dtype.names)
    return values.dtype.kind == "f" and bool(np.isnan(values).any())


def _plain(dtype: np.dtype[Any]) -> str:
    """`float32`, and with the shape where it is an array."""
    if dtype.names:
        return "records of " + ", ".join(dtype.names)
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return f"{base.name} {shape}"
    return dtype.name


def alike(described: Sequence[dict[str, Item]]) -> tuple[tuple[Item, ...], dict[str, str]]:
    """The datasets that all files have alike, ranges over all; and the others."""
    items, unlike = [], {}
    for name in dict.fromkeys(name for each in described for name in each):
        found = [each[name] for each in described if name in each]
        if len(found) < len(described):
            unlike[name] = f"only in {len(found)} of {len(described)} directories"
        elif len({_layout(item) for item in found}) > 1:
            unlike[name] = "of another shape or type in each directory"
        else:
            items.append(_together(found))
    return tuple(items), unlike


def _layout(item: Item) -> tuple[Any, ...]:
    return item.kind, item.dtype, item.shape[1:], tuple(item.fields), item.offsets


def _together(found: Sequence[Item]) -> Item:
    lows = [item.lowest for item in found if item.lowest is not None]
    highs = [item.highest for item in found if item.highest is not None]
    values = sorted({value for item in found for value in item.values})
    few = all(item.values for item in found) and len(values) <= _MOST_VALUES
    return dataclasses.replace(
        found[0],
        lowest=min(lows, default=None),
        highest=max(highs, default=None),
        zeros=sum(item.zeros for item in found) / len(found),
        has_nan=any(item.has_nan for item in found),
        values=tuple(values) if few else (),
        longest=max(item.longest for item in found),
        places=" ".join(item.places for item in found),
        field_values={
            field: tuple(sorted({value for item in found for value in item.field_values[field]}))
            for field in found[0].field_values
            if all(field in item.field_values for item in found)
        },
        nan_fields=tuple({field: None for item in found for field in item.nan_fields}),
    )
