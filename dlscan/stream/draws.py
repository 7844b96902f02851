"""Random numbers of events: those of an event depend on seed, epoch and event alone, whoever asks for them.

Numbers per event come from a hash, for all events of a block at once. What takes more of them, one per cell,
comes from a generator of the event.
"""

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)
_MASK = 2**64 - 1


def keys_of(seed: int, epoch: int, sources: NDArray[np.integer], copies: NDArray[np.integer]) -> Keys:
    """A number for each event, from which all that is drawn for it follows.

    Parameters
    ----------
    seed, epoch : int
        Of the stream.
    sources : ndarray of int, (n, 2)
        Number of the raw file in the manifest, and row in it.
    copies : ndarray of int, (n,)
        What tells copies of an event in an epoch from each other.
    """
    keys = np.full(len(sources), seed & _MASK, np.uint64)
    parts = np.full(len(sources), epoch), sources[:, 0], sources[:, 1], copies
    for part in parts:
        keys = _mixed(_mixed(keys) ^ part.astype(np.uint64))
    return keys


def named(keys: Keys, name: str) -> Keys:
    """The numbers of the same events for something with a name."""
    return _mixed(keys ^ np.uint64(zlib.crc32(name.encode())))


def integers(keys: Keys, below: int) -> NDArray[np.int64]:
    """An integer from 0 to `below` - 1 for each event."""
    return ((keys >> np.uint64(32)) * np.uint64(below) >> np.uint64(32)).astype(np.int64)


def generators(keys: Keys) -> Iterator[np.random.Generator]:
    """A generator for each event, to be used before the next one is asked for.

    It is one that is set anew: to make one takes longer than most events do.
    """
    bits = np.random.Philox(key=0)
    generator, start = np.random.Generator(bits), bits.state
    for key in keys:
        start["state"]["key"][0] = key
        bits.state = start
        yield generator


def _mixed(numbers: Keys) -> Keys:
    """Numbers that have nothing in common with neighbours of theirs: a step of SplitMix64 (Vigna, 2015)."""
    mixed: Any = numbers + _STEP
    for shift, factor in zip(_SHIFTS, (*_FACTORS, None), strict=True):
        mixed = mixed ^ (mixed >> shift)
        mixed = mixed if factor is None else mixed * factor
    return np.asarray(mixed, np.uint64)
