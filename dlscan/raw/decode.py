"""Undo the filters that chunks are stored with: gzip and lzf, shuffle before and a checksum behind them.

HDF5 would do the same under its lock, one chunk at a time, and copy each twice.
"""

import contextlib
import ctypes
import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dlscan.raw.inflate import inflate

Raw = bytes | bytearray | memoryview

_SHUFFLE, _GZIP, _CHECKSUM, _LZF = (
    h5py.h5z.FILTER_SHUFFLE,
    h5py.h5z.FILTER_DEFLATE,
    h5py.h5z.FILTER_FLETCHER32,
    h5py.h5z.FILTER_LZF,
)
_NAMES = {_SHUFFLE: "shuffle", _GZIP: "gzip", _LZF: "lzf", _CHECKSUM: "fletcher32"}
# in the order in which they are applied
_ORDER = (_SHUFFLE, _GZIP, _LZF, _CHECKSUM)
# No lzf stream inflates to more than so many times its length: three bytes stand for 264 at most
_MOST = 88
# Words of a checksum that are added up at once: products of 16 and 20 bits, 2^20 of them, fit in 64 bits
_SUMMED = 2**20


def codec_of(filters: Sequence[int]) -> str | None:
    """The name of what undoes filters, in the order in which they were applied; None if only HDF5 can."""
    places = [_ORDER.index(code) for code in filters if code in _ORDER]
    known = len(places) == len(filters) and places == sorted(set(places))
    # chunks that are only shuffled do not show whether one at an edge was left as it is
    if (
        not known
        or list(filters) == [_SHUFFLE]
        or {_GZIP, _LZF} <= set(filters)
        or (_LZF in filters and _lzf() is None)
    ):
        return None
    return "+".join(_NAMES[code] for code in filters)


def wrong_masks(codec: str, masks: NDArray[Any], lengths: NDArray[Any], full: int) -> bool:
    """Whether chunks were stored without one of their filters, other than what lzf could not make shorter.

    Parameters
    ----------
    codec : str
        See `codec_of`.
    masks, lengths : ndarray of int, (n,)
        Of each chunk, as HDF5 says.
    full : int
        Bytes of the values of a chunk.
    """
    parts = codec.split("+")
    if "lzf" not in parts:
        return bool(masks.any())
    stored = full + 4 * ("fletcher32" in parts)
    return bool((masks != np.where(lengths == stored, 1 << parts.index("lzf"), 0)).any())


def decode(codec: str, data: memoryview, size: int, item: int) -> Raw:
    """Undo the filters of a chunk.

    Parameters
    ----------
    codec : str
        See `codec_of`.
    data : memoryview
        The chunk as it is stored.
    size : int
        Bytes of its values.
    item : int
        Bytes of an element.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    if codec == "gzip":
        return inflate(data, size)
    parts = codec.split("+")
    if "fletcher32" in parts:
        data = _checked(data)
    raw: Raw = data
    if "gzip" in parts:
        raw = inflate(data, size)
    elif "lzf" in parts and len(data) != size:
        raw = _unpacked(data, size)
    if len(raw) != size:
        raise ValueError(f"has {len(raw):,} bytes instead of {size:,}")
    if "shuffle" in parts and item > 1:
        planes = np.frombuffer(raw, np.uint8).reshape(item, -1)
        return np.ascontiguousarray(planes.T).data.cast("B")
    # what was read is there only until the next read
    return bytes(raw) if raw is data else raw


@functools.cache
def _lzf() -> Callable[[memoryview, int], Raw] | None:
    """What unpacks lzf: the package lzf, or h5py, which is slower; None if this h5py keeps it to itself."""
    with contextlib.suppress(ImportError):
        package = importlib.import_module("lzf")
        return lambda data, size: package.decompress(bytes(data), size) or b""
    try:
        of_h5py = ctypes.CDLL(h5py.h5z.__file__).lzf_decompress
    except (AttributeError, OSError):
        return None
    of_h5py.argtypes = [ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p, ctypes.c_uint]
    of_h5py.restype = ctypes.c_uint

    def unpack(data: memoryview, size: int) -> memoryview:
        packed, out = np.frombuffer(data, np.uint8), np.empty(size, np.uint8)
        return out.data[: of_h5py(packed.ctypes.data, len(packed), out.ctypes.data, size)]

    return unpack


def _unpacked(data: memoryview, size: int) -> Raw:
    if not len(data) or size > _MOST * len(data):
        raise ValueError(f"{len(data):,} bytes of lzf data cannot decompress to {size:,}")
    unpack = _lzf()
    assert unpack is not None
    found = unpack(data, size)
    if len(found) != size:
        raise ValueError(
            f"the lzf data decompress to {len(found):,} bytes instead of {size:,}, or are damaged"
        )
    return found


def _checked(data: memoryview) -> memoryview:
    """What a checksum (Fletcher-32) at the end belongs to."""
    if len(data) < 4:
        raise ValueError("its checksum is missing")
    content, stored = data[:-4], int.from_bytes(data[-4:], "little")
    words = np.frombuffer(content[: len(content) // 2 * 2], ">u2")
    if len(content) % 2:
        words = np.append(words, np.uint16(content[-1] << 8))
    low = high = 0
    for first in range(0, len(words), _SUMMED):
        # each block starts with the sums of those before, so that none overflows
        own = words[first : first + _SUMMED].astype(np.uint64)
        high += low * len(own) + int((own * np.arange(len(own), 0, -1, dtype=np.uint64)).sum())
        high, low = high % 0xFFFF, (low + int(own.sum())) % 0xFFFF
    # both halves are known but for a multiple of 2^16 - 1; old files have the bytes of each in reverse
    swapped = (stored & 0x00FF00FF) << 8 | (stored & 0xFF00FF00) >> 8
    for known in (stored, swapped):
        if (known & 0xFFFF) % 0xFFFF == low and (known >> 16) % 0xFFFF == high:
            return content
    raise ValueError("its checksum does not fit")
