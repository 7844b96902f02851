"""Which parameters differ, and which points are one model, by the plain definitions of both."""

import json
import random
import types

from dlscan.analysis.points.models import TRAINING_KEYS, groups
from dlscan.analysis.points.parameters import differing, keys_of, telling

VALUES = (1, 1.0, True, None, "a", [1, 2], [1.0, 2], {"a": 1})
KEYS = ("model.family", "model.width", "train.rate", "train.seed", "model.depth", "data.fold")


def point(scan="lcd", varied=(), **params):
    record = types.SimpleNamespace(params=params, varied=varied, seed=params.get("train.seed", 1))
    return types.SimpleNamespace(record=record, scan=scan)


def any_points(seed):
    """Points that often have equal values, and seldom the same keys."""
    rng = random.Random(seed)
    values = {key: rng.sample(VALUES, rng.choice((1, 1, 2))) for key in KEYS}
    values |= {"train.seed": [1, 2], "data.fold": [1, "none"], "model.family": ["dense", "bdt"]}
    families = {"dense": rng.sample(KEYS[1:], 4), "bdt": rng.sample(KEYS[1:], 4)}
    found = []
    for _ in range(rng.randint(2, 12)):
        family = rng.choice(values["model.family"])
        own = {key: rng.choice(values[key]) for key in families[family] if rng.random() < 0.95}
        found.append(point(rng.choice(("lcd", "lcd", "magic")), **{"model.family": family, **own}))
    return found


def plainly_differs(points, key):
    having = {each.record.params["model.family"] for each in points if key in each.record.params}
    own = [each.record.params for each in points if each.record.params["model.family"] in having]
    values = [params.get(key) for params in own]
    return any(value != values[0] or type(value) is not type(values[0]) for value in values)


def plainly_grouped(points):
    found = {}
    for number, each in enumerate(points):
        params = sorted((key, value) for key, value in each.record.params.items() if key not in TRAINING_KEYS)
        found.setdefault((each.scan, json.dumps(params)), []).append(number)
    return list(found.values())


def test_keys_differ_where_a_look_at_every_point_says_so():
    for seed in range(300):
        points = any_points(seed)
        assert differing(points) == {key for key in KEYS if plainly_differs(points, key)}, seed


def test_points_are_one_model_where_all_else_is_the_same_text():
    for seed in range(300):
        # a number on each: points of one seed and fold are no trainings of one model
        points = any_points(seed)
        points[0].record.seed = -1
        assert groups(points) == plainly_grouped(points), seed


def test_lists_are_never_taken_for_the_same_by_their_values_alone():
    assert telling([point(a=[1]), point(a=[1.0])]) == ["a"]
    assert telling([point(a=1, b=2), point(a=1)]) == ["b"]


def test_keys_come_in_the_order_of_the_points():
    assert list(keys_of([point(varied=("c",), b=1), point(varied=("c",), b=2, a=1)])) == ["c", "b", "a"]
