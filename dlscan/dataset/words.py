"""Random words of events: pure functions of a file's name, a row and a seed."""

import hashlib

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def event_hashes(name: str, rows: NDArray[np.int64], seed: int, purpose: str) -> Words:
    """A random word for each event of a file.

    Parameters
    ----------
    name : str
        Of the file, below the raw directory.
    rows : ndarray of int, (n,)
        Row numbers in the file.
    seed : int
        The seed of what is drawn.
    purpose : str
        Words for different purposes are independent.

    Returns
    -------
    ndarray of uint64, (n,)
        Uniform; the finaliser is that of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
    """
    digest = hashlib.blake2b(f"{purpose}\0{seed}\0{name}".encode("utf-8", "surrogateescape"), digest_size=8)
    start = np.uint64(int.from_bytes(digest.digest(), "little"))
    word: Words = start + (rows.astype(np.uint64) + np.uint64(1)) * _GOLDEN
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))
