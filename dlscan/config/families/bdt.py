"""The parameters of boosted decision trees, `family: bdt`."""

import dataclasses
from typing import Annotated, ClassVar

from dlscan.config.build import Above, Max, Min


@dataclasses.dataclass(frozen=True)
class Bdt:
    """Boosted decision trees on the values of all inputs, one behind the other.

    Attributes
    ----------
    trees : int
        Boosting rounds, at most: an epoch of the history is a round. Each grows one tree, or one for each
        class where there are more than two.
    learning_rate : float
        What of each tree is added to those before it.
    leaves : int
        Of a tree, at most.
    max_depth : int or None
        Cuts between root and leaf, at most; null is no limit but `leaves`.
    min_events : int
        Training events of a leaf, at least.
    l2 : float
        Penalty on the values of leaves.
    bins : int
        Values of each feature that cuts are sought between, at most.
    features : float
        Share of the features that each cut chooses from, drawn anew.
    """

    trees: Annotated[int, Min(1)] = 200
    learning_rate: Annotated[float, Above(0)] = 0.1
    leaves: Annotated[int, Min(2)] = 31
    max_depth: Annotated[int, Min(1)] | None = None
    min_events: Annotated[int, Min(1)] = 20
    l2: Annotated[float, Min(0)] = 0.0
    bins: Annotated[int, Min(2), Max(255)] = 255
    features: Annotated[float, Above(0), Max(1)] = 1.0

    trainer: ClassVar = "trees"
    # of the sections that decide how a network is trained, the keys that are for trees too
    reads: ClassVar = {
        "train": ("loss", "early_stopping", "time_limit", "keep_checkpoint", "seed"),
        "data": ("fold", "fraction"),
    }
    # what trees can minimise, by the kind of the task
    losses: ClassVar = {"classify": ("cross_entropy",), "regress": ("mse", "mae", "quantile")}
