"""A fresh classifier that tells two samples apart, trained on one half of their events."""

import numpy as np
import threadpoolctl
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

# Light: what it finds has to be there, and a scan has many points.
_ROUNDS, _LEAVES, _RATE, _LEAST = 100, 15, 0.1, 10
_SEED = 1


def twosample_scores(
    real: NDArray[np.float32], made: NDArray[np.float32], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Scores of being generated.

    Parameters
    ----------
    real, made : ndarray, (N, F)
        What is known of real and of generated events, which are pairs.
    weights : ndarray, (N,)
        Of the pairs. Below 0 they count as 0 in training.

    Returns
    -------
    ndarray of float32, (N, 2)
        Of the real and of the generated event of each pair; nan for the half of the pairs that the classifier
        was trained on, and for all where a half has too few events. The same arguments give the same.
    """
    found = np.full((len(real), 2), np.nan, np.float32)
    train = np.zeros(len(real), bool)
    train[np.random.default_rng(_SEED).permutation(len(real))[: len(real) // 2]] = True
    counts = np.maximum(weights[train].astype(np.float64), 0.0)
    finite = np.isfinite(made).all()
    if np.count_nonzero(counts) < _LEAST or not finite:
        return found
    features = np.concatenate([real[train], made[train]])
    truth = np.arange(len(features)) >= len(features) // 2
    forest = HistGradientBoostingClassifier(
        max_iter=_ROUNDS,
        learning_rate=_RATE,
        max_leaf_nodes=_LEAVES,
        early_stopping=False,
        categorical_features=None,
        random_state=_SEED,
    )
    with threadpoolctl.threadpool_limits(1, user_api="openmp"):
        forest.fit(features, truth, np.tile(counts, 2))
        for column, sample in enumerate((real, made)):
            found[~train, column] = forest.decision_function(sample[~train])
    return found
