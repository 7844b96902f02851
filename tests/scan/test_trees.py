"""Boosted trees among networks: jobs, epochs and estimates of a scan."""

import dataclasses
import json

import pytest

from dlscan.config import Bdt
from dlscan.dataset import Manifest
from dlscan.errors import ConfigError, ScanError
from dlscan.prepare import prepare
from dlscan.scan import Plan, freeze
from dlscan.scan.costs import cost, sections
from dlscan.scan.estimate import Observed, estimate, fitted
from dlscan.scan.packs import pack
from dlscan.scan.resources import Resources
from dlscan.scan.speed import Speed
from dlscan.trees.costs import needed_bytes, round_seconds

GRID = {
    "model": [{"family": "dense", "width": 4}, {"family": "bdt", "trees": 7}, {"family": "bdt", "leaves": 5}],
    "train.learning_rate": [0.1, 0.01],
}


@pytest.fixture
def both(make_experiment):
    """Two networks and two boosted trees, up to four in a job."""
    return make_experiment(scan={"grid": GRID}, batch={"models_per_job": 4})


def test_a_job_has_networks_or_trees(both):
    plan = Plan.of(both)
    assert [[point.number for point in points] for points in pack(plan, plan.points, both.batch)] == [
        [1, 2],
        [3, 4],
    ]


def test_epochs_of_trees_are_their_rounds(both):
    plan = freeze(both)
    for known in (plan, Plan.read(plan.directory)):
        assert [known.epochs(point) for point in known.points] == [2, 2, 7, Bdt().trees]
    # of a file whose own family is the other one too
    turned = dataclasses.replace(plan, config=plan.config | {"model": {"family": "bdt", "trees": 3}})
    assert [turned.epochs(point) for point in turned.points] == [2, 2, 7, 3]


def test_estimate_of_trees_follows_from_finished_ones(both):
    prepare(both, processes=1)
    manifest, plan = Manifest.of(both), Plan.of(both)
    packs = pack(plan, plan.points, both.batch, manifest, resources=Resources(None, 1))
    guess = Speed.guess(False, manifest)
    trees = [cost(sections(plan, point), manifest) for point in packs[1]]
    assert [each.epochs * each.round for each in trees] == pytest.approx(
        [7 * round_seconds(Bdt(), manifest, 3), 200 * round_seconds(Bdt(leaves=5), manifest, 3)]
    )
    # ten times as slow as a middling machine, whatever networks are
    observed = [Observed((each,), 10 * each.round, 1.0) for each in trees]
    speed = fitted(guess, observed)
    assert dataclasses.replace(speed, trees=1.0) == guess
    found = estimate(plan, packs, manifest, speed, 1)
    expected = sum(10 * each.epochs * each.round for each in trees)
    assert found.jobs[1] == pytest.approx(speed.startup + expected)
    assert found.jobs[0] == estimate(plan, packs, manifest, guess, 1).jobs[0]


def test_memory_of_trees_grows_with_events_and_values(both):
    prepare(both, processes=1)
    manifest = Manifest.of(both)
    train = manifest.splits["train"]
    twice = dataclasses.replace(train, counts=tuple(2 * count for count in train.counts))
    more = dataclasses.replace(manifest, splits={**manifest.splits, "train": twice})
    # 127 values of 4 + 8 + 1 bytes, and what goes with an event
    assert needed_bytes(more, 3) - needed_bytes(manifest, 3) == sum(train.counts) * (127 * 13 + 64 + 3 * 64)


@pytest.mark.parametrize("key", ["model.trees", "model.family"])
def test_a_plan_with_a_value_of_another_type_is_refused(both, key):
    plan = freeze(both)
    file = plan.directory / "plan.json"
    value = json.loads(file.read_text())
    value["points"][2]["params"][key] = ["many"]
    file.write_text(json.dumps(value))
    with pytest.raises(ScanError, match="damaged plan"):
        Plan.read(plan.directory)


def test_bench_measures_networks_alone(make_experiment):
    from dlscan.bench.run import bench

    experiment = make_experiment(model={"family": "bdt"})
    prepare(experiment, processes=1)
    with pytest.raises(
        ConfigError, match=r"model\.family: bench measures a network together with its stream"
    ):
        bench(experiment, "train", 0.1)
