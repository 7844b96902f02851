"""What all replicas have in common: the law, and which events are drawn from it."""

import dataclasses
from typing import Any

import numpy as np

from dlscan.closure.laws import Drawn, Law
from dlscan.metrics import auc_estimate, root_mean_square_error

# what numbers are drawn for
TRAINING, TESTED, TRUE, _SHUFFLED = range(4)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What all replicas have in common.

    Attributes
    ----------
    law : Law
        Where events come from.
    level : {0, 1, 2}
        What is drawn anew for each replica: nothing but the seed of training, the test events too, or all.
    events : int
        Of a replica, in all splits.
    true_events : int
        By which the truth about a network is measured.
    seed : int
        Of everything.
    permute : bool
        Whether labels are shuffled, so that there is nothing to learn.
    tested : float
        The share of the events that test.
    """

    law: Law
    level: int = 2
    events: int = 4000
    true_events: int = 100_000
    seed: int = 1
    permute: bool = False
    tested: float = 0.25

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the results of replicas, as plain values."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**own, "law": self.law.identity}

    def draw(self, what: int, replica: int, events: int) -> Drawn:
        """Events of one kind for a replica, or for all where the level says so."""
        anew = {TRAINING: self.level >= 2, TESTED: self.level >= 1, TRUE: False}[what]
        seed = self._seed(what, replica if anew else 0)
        drawn = self.law.draw(events, seed)
        if not self.permute:
            return drawn
        rng = np.random.default_rng(self._seed(_SHUFFLED, seed))
        nothing = np.zeros(events) if drawn.classified else np.full(events, drawn.truth.mean())
        return drawn._replace(truth=rng.permutation(drawn.truth), exact=nothing)

    @property
    def test_events(self) -> int:
        """Of a replica, in its test split."""
        return max(round(self.events * self.tested), 2)

    def best_covers(self, replica: int, true: float) -> bool:
        """Whether the interval of the exact answer on the test events of a replica holds what is true of it.

        No network is in that: how often it is so tells how the test events happen to lie.
        """
        drawn = self.draw(TESTED, replica, self.test_events)
        if drawn.classified:
            told = auc_estimate(drawn.exact, drawn.truth == 1)
        else:
            told = root_mean_square_error(drawn.exact, drawn.truth)
        return told is not None and told.value - told.down <= true <= told.value + told.up

    def _seed(self, what: int, replica: int) -> int:
        return int(np.random.SeedSequence([self.seed, what, replica]).generate_state(1)[0])
