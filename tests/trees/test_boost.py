"""Trees as scikit-learn grows them, and as dlscan keeps and applies them."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from dlscan.config import Bdt
from dlscan.trees.boost import Booster, classifier, regressor
from dlscan.trees.forest import Forest, logits_of, scores_of

INPUTS = {"image": (2, 2), "vector": (3,)}
FEW = Bdt(trees=6, leaves=6, min_events=5)


@dataclasses.dataclass(frozen=True)
class Events:
    features: Any
    truth: Any
    weights: Any = None


def make_events(classes: int, weighted: bool = False, missing: bool = False) -> Events:
    rng = np.random.default_rng(classes)
    # fewer values than bins, of which any version of scikit-learn makes the same bins, with weights too
    features = np.round(20 * rng.normal(size=(400, 7))).astype(np.float32) / 20
    # ties too: a cut at a value that many events have
    features[:, 1] = np.round(features[:, 1])
    truth = np.digitize(features[:, 0] * features[:, 4] + features[:, 1], [0.0, 0.7][: classes - 1])
    if missing:
        features[::7, 2] = np.nan
    return Events(features, truth, rng.uniform(0.5, 2, 400) if weighted else None)


def make_booster(parameters: Bdt, seed: int, events: Events) -> Booster:
    return Booster(
        [classifier(parameters, seed)], events.features, parameters.bins, [events.truth], events.weights
    )


def grown(booster: Booster, rounds: int, classes: int) -> Forest:
    trees = booster.grow(rounds)
    names = tuple(f"class {number}" for number in range(classes))
    return Forest.empty(INPUTS, names[-len(booster.baseline) :], booster.baseline, names).with_trees(trees)


@pytest.mark.parametrize(
    ("classes", "weighted", "missing"), [(2, False, False), (3, True, False), (2, True, True)]
)
def test_scores_are_those_of_scikit_learn(classes: int, weighted: bool, missing: bool) -> None:
    events = make_events(classes, weighted, missing)
    forest = grown(make_booster(FEW, 3, events), 6, classes)
    peer = HistGradientBoostingClassifier(
        max_iter=6, max_leaf_nodes=6, min_samples_leaf=5, early_stopping=False, random_state=3
    ).fit(events.features, events.truth, events.weights)

    other = make_events(classes, missing=missing).features[::-1] * 1.1
    assert scores_of(logits_of(forest.margins(other))) == pytest.approx(peer.predict_proba(other), abs=1e-12)
    # raw events are float32
    narrow = other.astype(np.float32)
    assert scores_of(logits_of(forest.margins(narrow))) == pytest.approx(
        peer.predict_proba(narrow), abs=1e-12
    )
    assert forest.rounds == 6
    assert forest.leaves == sum(tree.get_n_leaf_nodes() for trees in peer._predictors for tree in trees)


def test_margins_of_each_round_are_those_of_a_forest_of_so_many_rounds() -> None:
    events = make_events(3)
    forest = grown(make_booster(FEW, 3, events), 4, 3)
    margins = np.tile(forest.baseline, (400, 1))
    staged = [margins.copy() for _ in forest.staged(events.features, margins)]
    assert len(staged) == 4
    for number, found in enumerate(staged, start=1):
        assert np.array_equal(found, forest.first(number).margins(events.features))


@pytest.mark.parametrize(("classes", "share"), [(2, 1.0), (3, 0.5)])
def test_trees_grown_in_several_goes_and_processes_are_those_of_one(classes: int, share: float) -> None:
    parameters = dataclasses.replace(FEW, features=share)
    events = make_events(classes, weighted=True)
    whole = grown(make_booster(parameters, 3, events), 6, classes)

    first = make_booster(parameters, 3, events)
    begun = grown(first, 1, classes).with_trees(first.grow(2))
    second = make_booster(parameters, 3, make_events(classes, weighted=True))
    second.resume(begun, first.random)
    resumed = begun.with_trees(second.grow(3))

    assert np.array_equal(resumed.nodes, whole.nodes)
    assert np.array_equal(resumed.starts, whole.starts)
    assert np.array_equal(second.baseline, whole.baseline)


def test_seed_decides_which_features_a_cut_chooses_from() -> None:
    parameters = dataclasses.replace(FEW, features=0.3)
    one, same, other = (grown(make_booster(parameters, seed, make_events(2)), 3, 2) for seed in (1, 1, 2))
    assert np.array_equal(one.nodes, same.nodes)
    assert len(one.nodes) != len(other.nodes) or not np.array_equal(one.nodes, other.nodes)


@pytest.mark.parametrize("loss", ["mse", "mae", "quantile"])
def test_numbers_are_those_of_scikit_learn_in_any_unit(loss: str) -> None:
    events = make_events(2, weighted=True)
    numbers = events.features[:, 0].astype(float) + events.truth
    share = 0.7 if loss == "quantile" else None
    estimators = [regressor(FEW, 3, loss, share) for _ in range(2)]
    booster = Booster(estimators, events.features, FEW.bins, [numbers, -numbers], events.weights)
    trees = booster.grow(2)
    forest = Forest.empty(INPUTS, ("up", "down"), booster.baseline).with_trees(trees + booster.grow(4))

    name = {"mse": "squared_error", "mae": "absolute_error", "quantile": "quantile"}[loss]
    peer = HistGradientBoostingRegressor(
        loss=name, quantile=share, max_iter=6, max_leaf_nodes=6, min_samples_leaf=5, early_stopping=False
    ).fit(events.features, numbers, events.weights)
    margins = forest.margins(events.features)
    assert margins[:, 0] == pytest.approx(peer.predict(events.features), abs=1e-12)
    scaled = forest.in_units([3.0, 0.0], [2.0, 1.0]).margins(events.features)
    assert scaled == pytest.approx(margins * [2.0, 1.0] + [3.0, 0.0], abs=1e-12)
