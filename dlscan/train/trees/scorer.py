"""Trees as scorers."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from dlscan.config import network_name
from dlscan.train.scorer import Scored, timed
from dlscan.train.trees.objectives import TreeObjective
from dlscan.trees import Forest


class TreeScorer:
    """Forests of one task; see `Scorer`."""

    def __init__(self, forests: Sequence[Forest], objective: TreeObjective) -> None:
        self._forests, self._objective = forests, objective
        self.seconds: list[float] = []

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Iterator[Scored]:
        """See `Scorer`."""
        for number, forest in enumerate(self._forests):
            named = {name: inputs[network_name(name)] for name in forest.inputs}
            margins = forest.margins(forest.flat(named))
            if len(self.seconds) == number:
                self.seconds.append(timed(functools.partial(_apply, forest, named)))
            yield Scored(self._objective.final(margins), self._objective.raw(margins))


def _apply(forest: Forest, inputs: Mapping[str, NDArray[Any]]) -> None:
    forest.margins(forest.flat(inputs))
