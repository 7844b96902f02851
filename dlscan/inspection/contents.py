"""What is in a directory of HDF5 files: its class directories, its files, the datasets in them."""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from dlscan.errors import ConfigError
from dlscan.hdf5 import open_hdf5
from dlscan.raw.faults import RawError, hdf5_errors
from dlscan.raw.filters import filters_of, require_filters
from dlscan.raw.places import SUFFIXES

# Rows of a file that ranges are taken from, and files of a directory whose rows are counted.
_ROWS, _COUNTED = 256, 200
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
    values : tuple of int
        If they are few whole numbers, these.
    longest : int
        Of lists, the length of the longest one that was looked at.
    field_values : dict of str to tuple of int
        Fields that hold few whole numbers, and these.
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
    values: tuple[int, ...] = ()
    longest: int = 0
    field_values: dict[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Part:
    """Files of one directory: a class, if there are several.

    Attributes
    ----------
    name : str
        Of the directory, below the one that was asked for; empty for itself.
    files : tuple of Path
        Its HDF5 files.
    events : int
        In those that were counted.
    counted : int
        How many files that were.
    """

    name: str
    files: tuple[Path, ...]
    events: int
    counted: int


@dataclasses.dataclass(frozen=True)
class Contents:
    """What is in a directory.

    Attributes
    ----------
    directory : Path
        Which.
    parts : tuple of Part
        Directories with HDF5 files directly in them.
    items : tuple of Item
        The datasets that the first file of each part has, alike in all.
    unlike : dict of str to str
        Datasets that these files do not have alike, with the reason.
    unreadable : dict of Path to str
        Files that cannot be read, with the reason.
    events : int
        Length of most datasets, in the first file.
    """

    directory: Path
    parts: tuple[Part, ...]
    items: tuple[Item, ...]
    unlike: dict[str, str]
    unreadable: dict[Path, str]
    events: int


def look_at(directory: Path) -> Contents:
    """Look into some HDF5 files of a directory and of those right below it.

    Raises
    ------
    ConfigError
        If it is not there, or has no HDF5 file that can be read.
    """
    if not directory.is_dir():
        raise ConfigError(f"{directory}: no such directory")
    found = dict(_directories(directory))
    if not found:
        endings = ", ".join(SUFFIXES)
        raise ConfigError(
            f"{directory}: no HDF5 files ({endings}) here or in the directories right below it; "
            "docs/recipes.md shows how to make some from ROOT or CSV"
        )
    unreadable: dict[Path, str] = {}
    described: list[dict[str, Item]] = []
    for files in found.values():
        for file in files:
            try:
                described.append(_describe(file))
                break
            except RawError as error:
                unreadable[file] = str(error)
    if not described:
        path, reason = next(iter(unreadable.items()))
        raise ConfigError(f"{directory}: no file here can be read; {path}: {reason}")
    items, unlike = _alike(described)
    lengths = [item.shape[0] for item in items if item.shape]
    events = max(set(lengths), key=lambda length: (lengths.count(length), length), default=0)
    names = [item.name for item in items if item.shape[:1] == (events,)]
    parts = tuple(_count(directory, place, files, names[:1], unreadable) for place, files in found.items())
    return Contents(directory, parts, items, unlike, unreadable, events)


def _directories(directory: Path) -> Iterator[tuple[Path, tuple[Path, ...]]]:
    below = sorted(path for path in directory.iterdir() if path.is_dir() and path.name[0] != ".")
    for place in (directory, *below):
        files = [path for path in place.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] != "."]
        if files:
            yield place, tuple(sorted(files, key=_by_number))


def _by_number(path: Path) -> list[tuple[int, str]]:
    """Numbers in names by their value."""
    return [(int(part or 0), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", path.name)]


def _describe(path: Path) -> dict[str, Item]:
    """The datasets of a file; links to other files are left alone."""
    items: dict[str, Item] = {}

    def visit(name: str, found: Any) -> None:
        if isinstance(found, h5py.Dataset):
            items[name] = _item(name, found)

    with hdf5_errors("cannot be opened"), open_hdf5(path) as file:
        file.visititems(visit)
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
            rows = dataset[:_ROWS]
            few = {field: _range(_field(rows, field)).get("values", ()) for field in fields}
            return dataclasses.replace(
                item, field_values={field: values for field, values in few.items() if values}
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
        rows = dataset[:_ROWS]
    if kind == "lists":
        return dataclasses.replace(item, longest=max(map(len, rows.reshape(-1)), default=0))
    return dataclasses.replace(item, **_range(rows))


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
        return {}
    different = np.unique(finite)
    whole = len(different) <= _MOST_VALUES and bool(np.all(different == np.round(different.astype(float))))
    return {
        "lowest": float(finite.min()),
        "highest": float(finite.max()),
        "zeros": float(np.mean(finite == 0)),
        "values": tuple(int(value) for value in different) if whole else (),
    }


def _plain(dtype: np.dtype[Any]) -> str:
    """`float32`, and with the shape where it is an array."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return f"{base.name} {shape}"
    return dtype.name


def _alike(described: Sequence[dict[str, Item]]) -> tuple[tuple[Item, ...], dict[str, str]]:
    """The datasets that all files have alike, ranges over all; and the others."""
    items, unlike = [], {}
    for name in dict.fromkeys(name for each in described for name in each):
        found = [each[name] for each in described if name in each]
        if len(found) < len(described):
            unlike[name] = f"only in {len(found)} of {len(described)} directories"
        elif len({(item.kind, item.dtype, item.shape[1:], tuple(item.fields)) for item in found}) > 1:
            unlike[name] = "of another shape or type in each directory"
        else:
            items.append(_together(found))
    return tuple(items), unlike


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
        values=tuple(values) if few else (),
        longest=max(item.longest for item in found),
        field_values={
            field: tuple(sorted({value for item in found for value in item.field_values[field]}))
            for field in found[0].field_values
            if all(field in item.field_values for item in found)
        },
    )


def _count(
    directory: Path, place: Path, files: tuple[Path, ...], names: Sequence[str], unreadable: dict[Path, str]
) -> Part:
    events = counted = 0
    for file in files[:_COUNTED]:
        if file in unreadable:
            continue
        try:
            with hdf5_errors("cannot be opened"), open_hdf5(file) as handle:
                events += int(handle[names[0]].shape[0]) if names else 0
                counted += 1
        except RawError as error:
            unreadable[file] = str(error)
    name = "" if place == directory else place.name
    return Part(name, files, events, counted)
