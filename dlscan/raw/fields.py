"""Numbers by dataset and field: `jets.pt` is the field `pt` of the compound dataset `jets`, `a.b.c` nested.

This is the one place that knows how a name is taken apart, and where a field lies in the elements of its
dataset. Targets, weights, labels, splits, cuts and inputs all go through it.
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import h5py
import numpy as np
from numpy.typing import NDArray

from dlscan.raw.faults import RawError
from dlscan.spelling import hint

Array = NDArray[np.generic]

# types that are no numbers, in words
KINDS = {
    h5py.h5t.TIME: "times",
    h5py.h5t.STRING: "text",
    h5py.h5t.OPAQUE: "opaque bytes",
    h5py.h5t.COMPOUND: "records of several fields",
    h5py.h5t.REFERENCE: "references",
    h5py.h5t.VLEN: "lists of different lengths",
}


@dataclasses.dataclass(frozen=True)
class Part:
    """Where numbers lie in the elements of a dataset: those of a field, or of an array type.

    Attributes
    ----------
    of : str
        The dataset.
    field : str
        The field, with dots where it is nested; empty for the whole element.
    shape : tuple of int
        Elements of an event.
    size, at : int
        Bytes of an element, and where in it the numbers begin.
    """

    of: str
    field: str
    shape: tuple[int, ...]
    size: int
    at: int


def splits(name: str) -> Iterator[tuple[str, str]]:
    """The ways to read a name: as a dataset, and as a field of one, the longest name of a dataset first."""
    yield name, ""
    group, slash, last = name.rpartition("/")
    words = last.split(".")
    for cut in range(len(words) - 1, 0, -1):
        dataset, field = ".".join(words[:cut]), ".".join(words[cut:])
        if dataset and field:
            yield f"{group}{slash}{dataset}", field


def field_type(dtype: np.dtype[np.generic], field: str, dataset: str) -> tuple[np.dtype[np.generic], int]:
    """The type of a field, and where it begins in an element of `dtype`.

    Raises
    ------
    RawError
        If there is none, with the nearest name.
    """
    at = 0
    inside = dataset
    for word in field.split(".") if field else ():
        names = fields_of(dtype)
        if not names:
            raise RawError(f"has no field {field!r} in {dataset}: {inside} has no fields")
        if word not in names:
            raise RawError(f"has no field {field!r} in {dataset}; {hint(word, names)}")
        assert dtype.fields is not None
        dtype, begin, *_ = dtype.fields[word]
        at += begin
        inside = f"{inside}.{word}"
    return dtype, at


def fields_of(dtype: np.dtype[np.generic]) -> tuple[str, ...]:
    """The fields of a compound type."""
    return dtype.names or ()


def numeric_fields(dtype: np.dtype[np.generic], before: str = "") -> list[str]:
    """The fields of a compound type that hold numbers, those of fields within fields with dots."""
    found = []
    for name in fields_of(dtype):
        assert dtype.fields is not None
        own = dtype.fields[name][0]
        base = own.subdtype[0] if own.subdtype else own
        if fields_of(base):
            found += numeric_fields(base, f"{before}{name}.") if base is own else []
        elif base.kind in "biuf":
            found.append(before + name)
    return found


def hdf5_type(dataset: h5py.Dataset, field: str) -> h5py.h5t.TypeID:
    """The type of a field as the file has it, without the array around it."""
    found = dataset.id.get_type()
    for word in field.split(".") if field else ():
        found = found.get_member_type(found.get_member_index(word.encode()))
    return found.get_super() if found.get_class() == h5py.h5t.ARRAY else found


def pick(elements: Array, part: Part, dtype: np.dtype[np.generic], sub: Sequence[int]) -> Array:
    """View the numbers of a part.

    Parameters
    ----------
    elements : ndarray of bytes, (n, elements)
        Elements, each a `void` of `part.size` bytes; contiguous.
    part : Part
        What of them.
    dtype : dtype
        Of a number.
    sub : sequence of int
        The array that each element has of them.

    Returns
    -------
    ndarray, (n, *part.shape, *sub)
    """
    n = len(elements)
    memory = np.ascontiguousarray(elements).view(np.uint8).reshape(-1)
    steps: list[int] = []
    step = part.size
    for length in reversed((n, *part.shape)):
        steps.insert(0, step)
        step *= length
    inner = [math.prod(sub[axis + 1 :]) * dtype.itemsize for axis in range(len(sub))]
    if not memory.size:
        return np.empty((n, *part.shape, *sub), dtype)
    return np.ndarray((n, *part.shape, *sub), dtype, memory.data, part.at, (*steps, *inner))
