"""How long a scan takes: arithmetic on made-up speeds, and on records."""

import dataclasses

import pytest

from dlscan.attempts import ended, new_attempt, write_attempt
from dlscan.dataset import Manifest
from dlscan.prepare import prepare
from dlscan.record import Record
from dlscan.scan import freeze
from dlscan.scan.costs import LOOK, Cost, cost, sections
from dlscan.scan.estimate import Observed, estimate, finished, fitted, known_speed, trial_file
from dlscan.scan.packs import pack
from dlscan.scan.resources import Resources
from dlscan.scan.speed import Speed, Trial

# 10 training batches of 100 events and 3 of validation an epoch, and 6 to score in the end
COST = Cost(step=2000.0, steps=10, looks=3, scored=6, epochs=5, batch_size=100, memory=0)
SPEED = Speed(stream=1000.0, step=0.5, network=0.25, rate=1e-3, overlaps=False, startup=7.0, setup=2.0)
TRIAL = Trial(
    dataset="hash",
    device="CPU",
    seconds=12.0,
    accelerated=False,
    events_per_second=1000.0,
    smallest=(1000.0, 1.75),
    largest=(5000.0, 5.75),
    several=(4, 5.5),
    startup=7.0,
    building=2.0,
)


def test_an_epoch_shares_what_networks_share():
    # a training batch: 0.1 s of stream, 0.5 s of stepping, and 0.25 + 2 s of each network
    for networks in (1, 3):
        training = 10 * (0.1 + 0.5 + networks * 2.25)
        looking = 3 * (0.1 + 0.5 + LOOK * networks * 2.25)
        assert SPEED.epoch([COST] * networks) == pytest.approx(training + looking)


@pytest.mark.parametrize(("stream", "seconds"), [(1000.0, 2.75), (10.0, 10.0)])
def test_a_stream_that_overlaps_counts_only_where_it_is_the_slower_one(stream, seconds):
    speed = dataclasses.replace(SPEED, stream=stream, overlaps=True)

    assert speed.epoch([dataclasses.replace(COST, steps=1, looks=0)]) == pytest.approx(seconds)


def test_points_leave_a_job_after_their_last_epoch():
    short, long = dataclasses.replace(COST, epochs=2), COST
    scoring = 6 * (0.6 + LOOK * 4.5)
    expected = 7 + 2 * 2 + 2 * SPEED.epoch([short, long]) + 3 * SPEED.epoch([long]) + scoring

    assert SPEED.job([long, short]) == pytest.approx(expected)


def test_what_a_job_shares_and_what_is_a_points_own_make_up_the_whole():
    whole = SPEED.shared([COST]) + SPEED.own(COST)

    assert SPEED.job([COST]) == pytest.approx(whole)


def test_a_trial_tells_what_grows_with_the_network_and_what_each_adds():
    speed = TRIAL.speed

    # 1 s per 1000 multiply-adds, 0.75 s whatever the network; three more add 1.25 s each, 1 s to compute
    assert (speed.rate, speed.network, speed.step) == pytest.approx((1e-3, 0.25, 0.5))
    assert (speed.stream, speed.startup, speed.setup) == (1000.0, 7.0, 2.0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # noise: the largest was quicker than the smallest; more together were quicker than one
        ({"largest": (5000.0, 1.0)}, (0.0, 1.25, 0.5)),
        ({"several": (4, 1.0)}, (1e-3, 0.0, 0.75)),
        # one size alone: nothing grows
        ({"largest": (1000.0, 1.75)}, (0.0, 1.25, 0.5)),
    ],
)
def test_a_trial_never_tells_of_negative_times(changes, expected):
    speed = dataclasses.replace(TRIAL, **changes).speed

    assert (speed.rate, speed.network, speed.step) == pytest.approx(expected)


def test_a_trial_reads_back_as_it_was_written(tmp_path):
    TRIAL.write(tmp_path / "trial.json")

    assert Trial.read(tmp_path / "trial.json") == TRIAL
    assert Trial.read(tmp_path / "none.json") is None
    (tmp_path / "trial.json").write_text("[1]")
    assert Trial.read(tmp_path / "trial.json") is None


def test_a_speed_is_fitted_to_small_and_large_networks():
    truth = dataclasses.replace(
        SPEED, stream=2000.0, step=0.25, network=0.125, rate=3e-3, startup=14.0, setup=4.0
    )
    costs = [dataclasses.replace(COST, step=step) for step in (100.0, 1000.0, 9000.0)]
    observed = [Observed((one,), truth.epoch([one]), truth.startup + truth.setup) for one in costs]
    found = fitted(SPEED, observed)

    assert dataclasses.astuple(found) == pytest.approx(dataclasses.astuple(truth))


def test_a_speed_is_scaled_by_networks_of_one_size():
    found = fitted(SPEED, [Observed((COST, COST), 4 * SPEED.epoch([COST, COST]), None)])

    assert found.epoch([COST]) == pytest.approx(4 * SPEED.epoch([COST]))
    assert (found.startup, found.setup) == (7.0, 2.0)


@pytest.fixture
def planned(make_experiment):
    experiment = make_experiment(
        scan={"grid": {"model.width": [8, 16], "model.depth": [1, 2]}}, batch={"models_per_job": 2}
    )
    prepare(experiment, processes=1)
    plan = freeze(experiment)
    return experiment, plan, Manifest.read(experiment.data.prepared)


def test_an_estimate_has_every_point_alone_and_every_job(planned):
    experiment, plan, manifest = planned
    packs = pack(plan, plan.points, experiment.batch, manifest, SPEED, Resources(None, None))
    found = estimate(plan, packs, manifest, SPEED, slots=1)
    costs = [cost(sections(plan, point), manifest) for points in packs for point in points]

    assert found.alone == pytest.approx([SPEED.job([one]) for one in costs])
    assert found.jobs == pytest.approx([SPEED.job(costs[:2]), SPEED.job(costs[2:])])
    assert found.wall == pytest.approx(found.total)
    assert found.wall_alone == pytest.approx(sum(found.alone))
    assert 0 < found.saved < 1
    both = estimate(plan, packs, manifest, SPEED, slots=None)
    assert both.wall == pytest.approx(max(found.jobs))


@pytest.mark.parametrize(
    ("size", "slots", "said"),
    [
        (2, 1, "4 points in 2 jobs, 1 at a time: at most"),
        (2, None, "4 points in 2 jobs, all at once: at most"),
        (1, 8, "4 points in 4 jobs, all at once: at most"),
    ],
)
def test_the_sentence_says_what_packing_saves(planned, size, slots, said):
    _, plan, manifest = planned
    packs = [plan.points[n : n + size] for n in range(0, 4, size)]
    found = estimate(plan, packs, manifest, SPEED, slots)
    sentence = found.sentence("a guess", stops=True)

    assert sentence.startswith(said)
    assert ("packing saves" in sentence) == (size > 1)
    assert sentence.endswith("Estimated from a guess; early stopping ends points sooner.")
    assert found.sentence("a guess", stops=False).endswith("Estimated from a guess.")


def record(plan, point, manifest, seconds, pack=1):
    return Record(
        point=point.number,
        name=point.name,
        scan=plan.name,
        varied=plan.varied,
        params={},
        classes=manifest.classes,
        metrics={},
        epochs=2,
        best_epoch=1,
        stopped="epochs",
        seconds_per_epoch=seconds,
        train_seconds=2 * seconds,
        events_per_second=1.0,
        model_parameters=1,
        seed=1,
        started="",
        ended="",
        attempts=1,
        host="",
        device="CPU",
        backend="jax",
        versions={},
        git_commit=None,
        dataset={"path": "", "config_hash": manifest.config_hash},
        pack=pack,
        beside_seconds=4.0,
    )


def finish(plan, point, manifest, seconds, pack=1, process="a"):
    paths = plan.paths(point)
    paths.attempts.mkdir()
    write_attempt(paths, ended(dataclasses.replace(new_attempt(1, pack=pack), process=process), "done"))
    record(plan, point, manifest, seconds, pack).write(paths.record)


def test_finished_points_tell_what_epochs_took(planned):
    _, plan, manifest = planned
    one, two, three, four = plan.points
    finish(plan, one, manifest, 3.0)
    finish(plan, two, manifest, 8.0, pack=2, process="b")
    finish(plan, three, manifest, 8.0, pack=2, process="b")
    # the other of its pack is not done: what it took is not known
    finish(plan, four, manifest, 9.0, pack=2, process="c")
    seen = finished(plan, manifest)

    assert [(len(group.costs), group.epoch, group.beside) for group in seen] == [(1, 3.0, 4.0), (2, 8.0, 8.0)]


def test_records_count_more_than_a_trial_and_a_trial_more_than_nothing(planned):
    _, plan, manifest = planned
    here = Resources(None, None)
    assert known_speed(plan, manifest, here) is None
    assert known_speed(plan, None, here) is None

    dataclasses.replace(TRIAL, dataset=manifest.config_hash).write(trial_file(plan))
    assert known_speed(plan, manifest, here) == (TRIAL.speed, "a trial of 12 s on CPU")
    # it says nothing about another kind of device
    assert known_speed(plan, manifest, Resources(None, None, accelerated=True)) is None

    finish(plan, plan.points[0], manifest, 3.0)
    assert known_speed(plan, manifest, here)[1] == "1 finished point"
