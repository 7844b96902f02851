"""Boosted trees grown by scikit-learn, some rounds at a time.

What is taken of scikit-learn beside its public names: the arrays of nodes of a fitted estimator
(`_predictors`), its first guess (`_baseline_prediction`) and the state of its random numbers
(`_feature_subsample_rng`). The names are the same since version 1.4; `tests/trees` notice a change.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import sklearn
import threadpoolctl
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from dlscan.config import Bdt
from dlscan.machine import usable_cpus
from dlscan.trees.bins import Bins
from dlscan.trees.forest import NODE, Forest

# Of a node, by scikit-learn's names and ours.
_NAMES = {
    "feature_idx": "feature",
    "num_threshold": "threshold",
    "left": "left",
    "right": "right",
    "missing_go_to_left": "missing_left",
    "value": "value",
    "count": "events",
    "gain": "gain",
    "bin_threshold": "bin",
}
# Values of features for each thread: of fewer, threads wait for each other more than they help.
_OF_A_THREAD = 200_000


class Booster:
    """Trees in training: those of one classifier, or of a regressor for each target.

    Parameters
    ----------
    estimators : sequence
        Of scikit-learn, see `classifier`.
    features : ndarray of float32, (N, F)
        Of the training events; a copy of twice the size is made.
    bins : int
        Of each feature, at most.
    truths : sequence of ndarray, (N,)
        What each estimator learns.
    weights : ndarray of float64, (N,), or None
        Of the events.
    """

    def __init__(
        self,
        estimators: Sequence[Any],
        features: NDArray[np.float32],
        bins: int,
        truths: Sequence[NDArray[Any]],
        weights: NDArray[Any] | None,
    ) -> None:
        self._estimators, self._truths, self._weights = estimators, truths, weights
        self._bins = Bins(features, bins)
        self._numbers = self._bins.numbers(features)
        self._rounds = 0

    def grow(self, rounds: int) -> list[NDArray[Any]]:
        """Add so many rounds; their trees, round by round, as nodes of a `Forest`."""
        before, self._rounds = self._rounds, self._rounds + rounds
        self._fit(self._rounds)
        grown = [estimator._predictors[before:] for estimator in self._estimators]
        return [self._ours(tree.nodes) for trees in zip(*grown, strict=True) for own in trees for tree in own]

    @property
    def baseline(self) -> NDArray[np.float64]:
        """The margins before the first tree, (K,)."""
        return np.concatenate([np.ravel(estimator._baseline_prediction) for estimator in self._estimators])

    @property
    def random(self) -> str:
        """The state of the random numbers, for `resume`."""
        generators = [estimator._feature_subsample_rng.bit_generator for estimator in self._estimators]
        return json.dumps([generator.state for generator in generators])

    def resume(self, forest: Forest, random: str) -> None:
        """Go on behind the trees of `forest`, which were grown on the same events."""
        # a round that is thrown away: it bins the features and makes the first guess as they were
        self._fit(1)
        states, count = json.loads(random), len(forest.baseline) // len(self._estimators)
        rounds = [
            [forest.tree(number * len(forest.baseline) + own) for own in range(len(forest.baseline))]
            for number in range(forest.rounds)
        ]
        for place, (estimator, state) in enumerate(zip(self._estimators, states, strict=True)):
            model = estimator._predictors[0][0]
            own = slice(place * count, (place + 1) * count)
            estimator._predictors = [[_theirs(tree, model) for tree in trees[own]] for trees in rounds]
            estimator._feature_subsample_rng.bit_generator.state = state
        self._rounds = forest.rounds

    def _ours(self, nodes: NDArray[Any]) -> NDArray[Any]:
        """A tree of ours, which cuts at values rather than between bins."""
        found = np.zeros(len(nodes), NODE)
        for theirs, name in _NAMES.items():
            found[name] = nodes[theirs]
        is_leaf = nodes["is_leaf"] != 0
        found["left"][is_leaf] = found["right"][is_leaf] = -1
        found["threshold"] = self._bins.border(nodes["feature_idx"], nodes["num_threshold"])
        return found

    def _fit(self, rounds: int) -> None:
        threads = min(usable_cpus(), 1 + self._numbers.size // _OF_A_THREAD)
        with threadpoolctl.threadpool_limits(threads, user_api="openmp"):
            for estimator, truth in zip(self._estimators, self._truths, strict=True):
                estimator.set_params(max_iter=rounds).fit(self._numbers, truth, self._weights)


def versions() -> dict[str, str]:
    """That of scikit-learn, which decides a result."""
    return {"scikit-learn": sklearn.__version__}


def classifier(parameters: Bdt, seed: int) -> Any:
    """What grows the trees of a classification; `seed` is that of all that is drawn."""
    return HistGradientBoostingClassifier(**_options(parameters, seed))


def regressor(parameters: Bdt, seed: int, loss: str, quantile: float | None = None) -> Any:
    """What grows the trees of a target; `loss` is `mse`, `mae` or `quantile` with its number."""
    name = {"mse": "squared_error", "mae": "absolute_error", "quantile": "quantile"}[loss]
    return HistGradientBoostingRegressor(loss=name, quantile=quantile, **_options(parameters, seed))


def _options(parameters: Bdt, seed: int) -> dict[str, Any]:
    return {
        "learning_rate": parameters.learning_rate,
        "max_leaf_nodes": parameters.leaves,
        "max_depth": parameters.max_depth,
        "min_samples_leaf": parameters.min_events,
        "l2_regularization": parameters.l2,
        "max_features": parameters.features,
        # it is given the numbers of bins
        "max_bins": 255,
        "categorical_features": None,
        # dlscan stops by the validation split, and scikit-learn would cut one out of the training events
        "early_stopping": False,
        "warm_start": True,
        "random_state": seed,
    }


def _theirs(nodes: NDArray[Any], model: Any) -> Any:
    """A tree of scikit-learn, of the kind of `model`."""
    found = np.zeros(len(nodes), model.nodes.dtype)
    is_leaf = nodes["left"] < 0
    for theirs, name in _NAMES.items():
        found[theirs] = np.where(is_leaf, 0, nodes[name]) if name in ("left", "right") else nodes[name]
    found["is_leaf"] = is_leaf
    return type(model)(found, model.binned_left_cat_bitsets[:0], model.raw_left_cat_bitsets[:0])
