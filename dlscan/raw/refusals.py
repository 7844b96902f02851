"""What is said of datasets that are no inputs as they are, and what to write instead."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from dlscan.raw.faults import RawError, hdf5_errors
from dlscan.raw.fields import KINDS, fields_of, numeric_fields, splits
from dlscan.raw.handle import FoundDataset, RawHandle
from dlscan.raw.lists import read_lists
from dlscan.spelling import some

# Lists that are looked at to propose a length
_LOOKED_AT = 1000


def is_missing(reason: str, name: str) -> bool:
    """Whether `reason` says of a file that it lacks the dataset or field `name`."""
    fields = (f"has no field {field!r} in {dataset}" for dataset, field in splits(name) if field)
    return reason.startswith((f"has no dataset {name!r}", *fields))


def is_compound(reason: str, name: str) -> bool:
    """Whether `reason` says of a file that the dataset `name` holds records or lists instead of numbers."""
    kinds = KINDS[h5py.h5t.COMPOUND], KINDS[h5py.h5t.VLEN]
    return reason.startswith(tuple(f"{name} holds {kind}" for kind in kinds))


def what_to_write(path: Path, dataset: str, name: str | None) -> str:
    """What to write for a dataset of a file that holds records or lists.

    Parameters
    ----------
    path : Path
        The file.
    dataset : str
        The dataset.
    name : str or None
        The input that it is to be; None if it is to be carried along as one number per event.
    """
    with RawHandle(path) as handle:
        found = handle.find(dataset)
        if name is not None:
            return fields_missing(name, dataset, found)
        there = numeric_fields(found.dtype)
        advice = f"; name a field of it, such as {dataset}.{there[0]}" if there else ""
        listed = f" of the fields {some(there)}" if there else ""
        return f"{dataset} holds records{listed}, not numbers{advice}"


def fields_missing(name: str, source: str, found: FoundDataset) -> str:
    """What to write for a dataset that has fields, or lists, in words that follow the name of the file."""
    base = h5py.check_vlen_dtype(found.dtype)
    there = numeric_fields(base or found.dtype)
    valid = next((field for field in there if field.lower() in ("valid", "is_valid", "mask")), None)
    own = [] if source == name else [f"dataset: {source}"]
    wanted = [field for field in there if field != valid]
    own += [f"fields: [{', '.join(wanted[:3])}]"] * bool(wanted)
    entries = base is not None or bool(found.shape[1:])
    own += [f"valid: {valid}"] * bool(valid and entries)
    own += [f"longest: {longest_list(found)}"] * (base is not None)
    what = f"records of the fields {some(there)}" if there else "lists"
    if base is not None:
        what = f"lists of different lengths{f', of the fields {some(there)}' if there else ''}"
    others = ", or other fields" if len(wanted) > 3 else ""
    return f"{source} holds {what}; write data.inputs: {{{name}: {{{', '.join(own)}}}}}{others}"


def require_numbers(name: str, found: FoundDataset) -> None:
    """Check that a dataset or field holds numbers."""
    if fields_of(found.dtype):
        raise RawError(
            f"has {name}, which is compound; name a field of it, as {name}.{fields_of(found.dtype)[0]}"
        )
    require_kind(name, found.dtype)
    if not found.shape:
        raise RawError(f"{name} is a single number, not one row per event")


def require_kind(name: str, dtype: np.dtype[Any]) -> None:
    """Check that a type is one of numbers."""
    if dtype.kind not in "biuf":
        raise RawError(f"{name} holds {dtype}, not numbers")


def shape_text(found: FoundDataset) -> str:
    """The shape of an event."""
    return "x".join(map(str, found.shape[1:])) or "1"


def longest_list(found: FoundDataset) -> int:
    """The length of the longest of the first lists of a dataset."""
    with hdf5_errors():
        lists = read_lists(found.dataset, 0, min(found.shape[0], _LOOKED_AT))
        return max(map(len, lists), default=1) or 1
