"""What is asked of generated events: the numbers that their network was given in training."""

import dataclasses
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import read_predictions
from dlscan.config.task_kinds import Condition
from dlscan.errors import UsageError
from dlscan.spelling import hint
from dlscan.tasks.generate import CONDITION

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\s*(?::\s*({_NUMBER})\s*)?")


@dataclasses.dataclass(frozen=True)
class Between:
    """A number, or the ends of a range from which numbers are drawn evenly."""

    low: float
    high: float

    @classmethod
    def parse(cls, text: str) -> "Between":
        """Read `50` or `10:110`; errors as for `conditions`."""
        found = _RANGE.fullmatch(text)
        if found is None:
            raise UsageError(f"--at {text}: must be a number, such as 50, or a range, such as 10:110")
        low = float(found[1])
        high = low if found[2] is None else float(found[2])
        if high < low:
            raise UsageError(f"--at {text}: the range ends before it begins")
        return cls(low, high)


class Conditions:
    """Draws what is asked of events of a point.

    Parameters
    ----------
    point : DonePoint
        A generator.
    condition : Condition
        Its task's.
    at : str or None
        A number or range for each number of the condition, joined by commas; without it conditions are drawn
        from those of training events.

    Attributes
    ----------
    outside : list of str
        What was asked that no training event had, in words.

    Raises
    ------
    UsageError
        If that does not fit the condition.
    """

    def __init__(self, point: DonePoint, condition: Condition, at: str | None) -> None:
        self._condition, self._classes = condition, point.record.classes
        names = [str(number) for number in condition.numbers]
        self._at = None if at is None else [Between.parse(text) for text in at.split(",")]
        if self._at is not None and len(self._at) != len(names):
            wanted = f"{len(names)} ({', '.join(names)})" if names else "none"
            raise UsageError(f"--at {at}: gives {len(self._at)} and the generator takes {wanted}")
        self._known: NDArray[np.float32] | None = None
        if condition.names:
            self._known = read_predictions(point.paths.predictions, "train").kept[CONDITION]
        self.outside = self._beyond(names)

    def _beyond(self, names: Sequence[str]) -> list[str]:
        if self._known is None or self._at is None:
            return []
        found = []
        for column, (name, own) in enumerate(zip(names, self._at, strict=True)):
            low, high = self._known[:, column].min(), self._known[:, column].max()
            if own.low < low or own.high > high:
                found.append(f"{name} was between {low:g} and {high:g} in training")
        return found

    def label(self, name: str) -> int:
        """The index of a class.

        Raises
        ------
        UsageError
            If the generator does not know classes apart, or not this one.
        """
        if not self._condition.by_class:
            raise UsageError(
                f"--class {name}: this generator does not take a class; add class to "
                "task.condition to train one that is"
            )
        if name not in self._classes:
            raise UsageError(f"--class {name}: no such class; {hint(name, self._classes)}")
        return self._classes.index(name)

    def draw(self, events: int, label: int | None, rng: np.random.Generator) -> NDArray[np.float32] | None:
        """Conditions of so many events (N, K), of a class or without one; None where there are none.

        Raises
        ------
        UsageError
            If they are to be those of training events, and there is none of the class.
        """
        if self._known is None:
            return None
        if self._at is None:
            known = self._known if label is None else self._known[self._known[:, -1] == label]
            if not len(known):
                name = self._classes[label or 0]
                raise UsageError(f"--class {name}: no training event of this class is known; give --at")
            return known[rng.integers(len(known), size=events)]
        columns = [rng.uniform(own.low, own.high, events) for own in self._at]
        columns += [] if label is None else [np.full(events, label, np.float64)]
        return np.stack(columns, axis=1).astype(np.float32)
