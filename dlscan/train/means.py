"""Means over the events of an epoch, from what steps tell of their batches."""

from typing import Any, NamedTuple

from dlscan.models import keras

# Steps under way on a device, at most: each holds its batch there.
_UNDER_WAY = 8


class Sums(NamedTuple):
    """Sums over events: of the loss, and of right answers."""

    events: int = 0
    loss: float = 0.0
    hits: float = 0.0

    @property
    def means(self) -> tuple[float, float]:
        """Loss and accuracy."""
        return self.loss / self.events, self.hits / self.events


class Running:
    """The sums of several networks over batches that may differ in length.

    Parameters
    ----------
    sums : list of Sums
        Where each network starts.
    """

    def __init__(self, sums: list[Sums]) -> None:
        self._sums = list(sums)
        self._unread: list[tuple[Any, int]] = []

    def add(self, numbers: Any, events: int) -> None:
        """Take what a step told of its batch: a tensor (K, 2), read later."""
        self._unread.append((numbers, events))
        if len(self._unread) == _UNDER_WAY:
            self.read()

    def read(self) -> list[Sums]:
        """The sums so far; waits for the steps."""
        for numbers, events in self._unread:
            told = keras.ops.convert_to_numpy(numbers).tolist()
            self._sums = [
                Sums(sums.events + events, sums.loss + loss * events, sums.hits + hits)
                for sums, (loss, hits) in zip(self._sums, told, strict=True)
            ]
        self._unread.clear()
        return self._sums
