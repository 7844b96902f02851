"""What is signal and what is background: a class against the rest, or one class against another."""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlscan.analysis.lookup import find
from dlscan.analysis.records import DonePoint
from dlscan.analysis.results import Floats, Predictions
from dlscan.config.labels import pair_name
from dlscan.errors import UsageError
from dlscan.metrics import pair, weight_sum

PAIRS = "pairs"

# scores, which events are signal, weights
Events = tuple[Floats, NDArray[np.bool_], Floats]


@dataclasses.dataclass(frozen=True)
class Question:
    """Signal against background.

    Attributes
    ----------
    signal : str
        A class.
    background : str or None
        A class; None for all others together.
    """

    signal: str
    background: str | None = None

    @property
    def name(self) -> str:
        """As in the names of metrics: `Ele`, `Gamma_vs_Pi0`."""
        return self.signal if self.background is None else pair_name(self.signal, self.background)

    @property
    def title(self) -> str:
        """For a person."""
        return f"{self.signal} against {self.background or 'the rest'}"

    @property
    def score(self) -> str:
        """What the events are cut on."""
        if self.background is None:
            return f"Score of {self.signal}"
        return f"Score of {self.signal} / ({self.signal} + {self.background})"

    def events(self, scored: Predictions) -> Events | None:
        """Scores, which events are signal, and weights.

        None if a class is unknown, without events, or the sum of its weights is not above 0.
        """
        if self.selection(scored) is None:
            return None
        number = scored.classes.index(self.signal)
        if self.background is None:
            found: Events = (
                scored.scores[:, number].astype(np.float64),
                scored.labels == number,
                scored.weights.astype(np.float64),
            )
        else:
            other = scored.classes.index(self.background)
            found = pair(scored.scores, scored.labels, number, other, scored.weights)
        _, positive, weights = found
        return found if min(weight_sum(weights[positive]), weight_sum(weights[~positive])) > 0 else None

    def selection(self, scored: Predictions) -> NDArray[np.bool_] | None:
        """Which of all events take part; None if a class is unknown."""
        if not {self.signal, self.background or self.signal} <= set(scored.classes):
            return None
        if self.background is None:
            return np.ones(len(scored.labels), bool)
        numbers = [scored.classes.index(name) for name in (self.signal, self.background)]
        return np.isin(scored.labels, numbers)


def classes_of(points: Sequence[DonePoint]) -> list[str]:
    """All classes, in order."""
    return list(dict.fromkeys(name for point in points for name in point.record.classes))


def questions(key: str | None, points: Sequence[DonePoint]) -> list[Question]:
    """The questions that `key` names.

    Parameters
    ----------
    key : str or None
        Classes (`Ele`) and pairs, signal first (`Gamma_vs_Pi0`), joined by commas; `pairs` for every pair;
        None for every class against the rest.
    points : sequence of DonePoint
        What they are asked of.

    Raises
    ------
    UsageError
        If there is no such class or pair; the message names the nearest.
    """
    classes = classes_of(points)
    if key is None:
        return [Question(name) for name in classes]
    known = {name: Question(name) for name in classes}
    for pair_of in itertools.permutations(classes, 2):
        known.setdefault(pair_name(*pair_of), Question(*pair_of))
    if key.casefold() == PAIRS and PAIRS not in known:
        return [Question(*pair_of) for pair_of in itertools.combinations(classes, 2)]
    try:
        # a class may have a comma in its name
        return [known[find(key, known, "class or pair")]]
    except UsageError:
        if "," not in key:
            raise
    names = [find(name.strip(), known, "class or pair") for name in key.split(",") if name.strip()]
    return [known[name] for name in dict.fromkeys(names)]
