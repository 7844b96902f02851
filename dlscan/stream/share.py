"""Which events belong to a share of a split: a choice by their files and rows, class by class. Pure."""

import dataclasses
import itertools

import numpy as np
from numpy.typing import NDArray

from dlscan.config.share import Share
from dlscan.dataset.words import event_hashes


@dataclasses.dataclass(frozen=True)
class Choice:
    """A share of the events of each class.

    Attributes
    ----------
    share : Share
        How many, and by which seed.
    files : tuple of str
        The names of the sources of a dataset.
    """

    share: Share
    files: tuple[str, ...]

    def chosen(
        self, numbers: NDArray[np.integer], rows: NDArray[np.integer], labels: NDArray[np.integer]
    ) -> NDArray[np.bool_]:
        """Whether each event of a split is chosen.

        Every event has a random word, which follows from its file, its row and the seed. Of each class those
        with the smallest words are chosen: of a smaller share they are among those of a larger one.

        Parameters
        ----------
        numbers, rows : ndarray of int, (N,)
            The source of each event, and its row there.
        labels : ndarray of int, (N,)
            Of all events of the split.
        """
        words = np.empty(len(rows), np.uint64)
        order = np.argsort(numbers, kind="stable")
        edges = np.flatnonzero(np.diff(numbers[order], prepend=-1, append=-1))
        for begin, end in itertools.pairwise(edges):
            own = order[begin:end]
            name = self.files[int(numbers[own[0]])]
            words[own] = event_hashes(name, rows[own].astype(np.int64), self.share.seed, "fraction")
        found = np.zeros(len(rows), np.bool_)
        for label in np.unique(labels):
            own = np.flatnonzero(labels == label)
            found[own[np.argsort(words[own], kind="stable")[: self.share.of(len(own))]]] = True
        return found
