"""Means over the events of an epoch, from what steps tell of their batches."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from dlscan.config.curves import Curve
from dlscan.models import keras

# Steps under way on a device, at most: each holds its batch there.
_UNDER_WAY = 8


class Sums(NamedTuple):
    """Sums over events.

    Attributes
    ----------
    events : int
        How many.
    totals : tuple of float
        Of what steps tell, the loss first; empty before the first.
    """

    events: int = 0
    totals: tuple[float, ...] = ()

    @classmethod
    def of(cls, flat: Sequence[float]) -> "Sums":
        """Read what `flat` gives."""
        events, *totals = flat or (0,)
        return cls(int(events), tuple(totals))

    @property
    def flat(self) -> tuple[float, ...]:
        """As one list of numbers."""
        return (self.events, *self.totals)

    def means(self, curves: Iterable[Curve]) -> dict[str, float | None]:
        """What the columns of a history say, by name; None for a mean over some events if there were none."""
        left, found = iter(self.totals), dict[str, float | None]()
        for curve in curves:
            total = next(left)
            over = next(left) if curve.of_some else self.events
            found[curve.name] = total / over if over else None
        assert next(left, None) is None
        return found

    def plus(self, events: int, numbers: Sequence[float]) -> "Sums":
        """With what a step told of its batch: a mean loss, and sums."""
        loss, *sums = numbers
        found = (loss * events, *sums)
        totals = self.totals or (0.0,) * len(found)
        return Sums(self.events + events, tuple(a + b for a, b in zip(totals, found, strict=True)))


class Running:
    """The sums of several points over batches that may differ in length.

    Parameters
    ----------
    sums : list of Sums
        Where each point starts.
    """

    def __init__(self, sums: list[Sums]) -> None:
        self._sums = list(sums)
        self._unread: list[tuple[Any, int, Iterable[int]]] = []

    def add(self, numbers: Any, events: int, who: Iterable[int] | None = None) -> None:
        """Take what a step told of its batch: a tensor (K, M), read later; of all points, or of these."""
        self._unread.append((numbers, events, range(len(self._sums)) if who is None else who))
        if len(self._unread) == _UNDER_WAY:
            self.read()

    def read(self) -> list[Sums]:
        """The sums so far; waits for the steps."""
        for numbers, events, who in self._unread:
            told = keras.ops.convert_to_numpy(numbers).tolist()
            for place, own in zip(who, told, strict=True):
                self._sums[place] = self._sums[place].plus(events, own)
        self._unread.clear()
        return list(self._sums)
