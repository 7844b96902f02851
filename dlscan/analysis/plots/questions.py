"""What is signal and what is background: a class against the rest, or one class against another."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dlscan.analysis.labels import Labels, Marked, called, merged, unicode_of
from dlscan.analysis.lookup import find
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import Floats, Predictions
from dlscan.analysis.points.tasks import metrics_of
from dlscan.config.labels import pair_name
from dlscan.errors import ScanError, UsageError
from dlscan.metrics import pair, weight_sum

PAIRS = "pairs"

# scores, which events are signal, weights
BinaryScores = tuple[Floats, NDArray[np.bool_], Floats]


@dataclasses.dataclass(frozen=True)
class Naming:
    """All classes of the models, and their labels."""

    classes: tuple[str, ...] = ()
    labels: Labels = dataclasses.field(default_factory=dict)

    def title(self, name: str) -> str:
        """Of a class."""
        return called(name, self.labels)

    def rest(self, name: str) -> str | None:
        """The other one of two classes: the rest has a name then."""
        others = [other for other in self.classes if other != name]
        return others[0] if len(self.classes) == 2 and len(others) == 1 else None


@dataclasses.dataclass(frozen=True)
class Question:
    """Signal against background.

    Attributes
    ----------
    signal : str
        A class.
    background : str or None
        A class; None for all others together.
    naming : Naming
        The classes and their labels.
    """

    signal: str
    background: str | None = None
    naming: Naming = dataclasses.field(default=Naming(), compare=False)

    @property
    def name(self) -> str:
        """As in the names of metrics: `Ele`, `Gamma_vs_Pi0`."""
        return self.signal if self.background is None else pair_name(self.signal, self.background)

    @property
    def rest(self) -> str:
        """The background by name: of two classes the other one, of more the rest."""
        return self.background or self.naming.rest(self.signal) or "rest"

    @property
    def title(self) -> Marked:
        """For a person."""
        other = self.background or self.naming.rest(self.signal)
        against = "the rest" if other is None else self.naming.title(other)
        return Marked(f"{self.naming.title(self.signal)} against {against}")

    @property
    def score(self) -> Marked:
        """What the events are cut on."""
        signal = self.naming.title(self.signal)
        if self.background is None:
            return Marked(f"Score of {signal}")
        return Marked(f"Score of {signal} / ({signal} + {self.naming.title(self.background)})")

    def why_none(self, scored: Predictions) -> str:
        """Why `events` gives none."""
        absent = [name for name in (self.signal, self.background) if name and name not in scored.classes]
        if absent:
            return f"no class {absent[0]}"
        signal = scored.labels == scored.classes.index(self.signal)
        positive = scored.weights[signal].sum() > 0
        return f"no test event of {'the background' if positive else self.signal}"

    def events(self, scored: Predictions) -> BinaryScores | None:
        """Scores, which events are signal, and weights.

        None if a class is unknown, without events, or the sum of its weights is not above 0.
        """
        if self.selection(scored) is None:
            return None
        number = scored.classes.index(self.signal)
        if self.background is None:
            found: BinaryScores = (
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


def not_drawn(reasons: Mapping[Question, str]) -> Marked:
    """What to say of questions without a panel, which takes no room then; empty where there is none."""
    said = "; ".join(f"{question.title} ({reason})" for question, reason in reasons.items())
    return Marked(f"Not drawn: {said}." if said else "")


def require_drawn(drawn: Sequence[Question], reasons: Mapping[Question, str]) -> None:
    """Raise a `ScanError` with the reasons if no question is left to draw."""
    if not drawn:
        said = "; ".join(f"{unicode_of(question.title)}: {reason}" for question, reason in reasons.items())
        raise ScanError(f"there is nothing to draw ({said})")


def questions(key: str | None, points: Sequence[DonePoint]) -> list[Question]:
    """The questions that `key` names.

    Parameters
    ----------
    key : str or None
        Classes (`Ele`) and pairs, signal first (`Gamma_vs_Pi0`), joined by commas; `pairs` for every pair;
        None for every class against the rest, or, of two classes, for the first against the second.
    points : sequence of DonePoint
        What they are asked of.

    Raises
    ------
    UsageError
        If there is no such class or pair; the message names the nearest.
    """
    task = next(task for task in metrics_of(points) if "scores" in task.columns)
    classes = task.names
    naming = Naming(classes, merged(point.labels for point in points))
    if key is None:
        return [Question(name, naming=naming) for name in task.each]
    known = {name: Question(name, naming=naming) for name in classes}
    for pair_of in itertools.permutations(classes, 2):
        known.setdefault(pair_name(*pair_of), Question(*pair_of, naming))
    if key.casefold() == PAIRS and PAIRS not in known:
        return [Question(*pair_of, naming) for pair_of in itertools.combinations(classes, 2)]
    try:
        # a class may have a comma in its name
        return [known[find(key, known, "class or pair")]]
    except UsageError:
        if "," not in key:
            raise
    names = [find(name.strip(), known, "class or pair") for name in key.split(",") if name.strip()]
    return [known[name] for name in dict.fromkeys(names)]
