"""`scan.halving.racing`: whom the paired test drops, how often by mistake, and a race to its end."""

import csv
import dataclasses
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
import pytest

from dlscan import event_losses
from dlscan.cli.status_text import table
from dlscan.config import Experiment
from dlscan.errors import ConfigError
from dlscan.event_losses import FEWEST
from dlscan.prepare import prepare
from dlscan.record import Record
from dlscan.scan import Plan, freeze, scan_status
from dlscan.scan.halving import standing
from dlscan.scan.promotion import Compared, promote
from dlscan.scan.racing import ALPHA, Losses, Race, averaged, critical, excess
from dlscan.training import train_planned
from tests.records import finish
from tests.scan.test_halving import TRAIN, leave, read, scan_of

Make = Callable[..., Experiment]
RACING = {"first": 1, "factor": 3, "racing": True}
EVENTS = 1000


def drawn(rng: np.random.Generator, means: list[float]) -> dict[int, list[float]]:
    """Losses of events that have much in common, as those of networks on the same events."""
    easy = rng.exponential(1.0, EVENTS)
    return {n: easy + mean + rng.exponential(0.3, EVENTS) for n, mean in enumerate(means, 1)}


@pytest.mark.parametrize(("points", "rungs"), [(2, 1), (6, 2)])
def test_equal_points_are_dropped_no_more_often_than_it_says(points: int, rungs: int) -> None:
    """Of 2,000 races each; the limit is 3 standard deviations of a binomial above the level."""
    race = Race(range(1, rungs + 1), points, lambda rung, number: None)
    rng = np.random.default_rng(7)
    toys, mistakes = 2000, 0
    for _ in range(toys):
        looks = [drawn(rng, [0.0] * points) for _ in range(rungs)]
        race = dataclasses.replace(race, losses=lambda rung, number, looks=looks: {(): looks[rung][number]})
        for rung, own in enumerate(looks):
            ranked = sorted(own, key=lambda number: own[number].mean())
            # point 1 is as good as any: it must hardly ever leave, at whichever rung
            if race.compare(rung, ranked, [1]).worse:
                mistakes += 1
                break
    most = ALPHA * toys + 3 * (ALPHA * (1 - ALPHA) * toys) ** 0.5
    assert mistakes < most
    # the test has the power that it may have: a level of its own for each comparison would show here
    assert points > 2 or mistakes > ALPHA * toys / 2


@pytest.mark.parametrize("tail", [-1.0, 1.0])
def test_skewed_differences_are_told_apart_no_more_often_than_it_says(tail: float) -> None:
    """A few events that one of two equal networks gets badly wrong: t alone has five times the level."""
    level, toys = Race((1, 2, 4), 28, lambda rung, number: None).level, 5000
    draws = tail * np.random.default_rng(11).exponential(1.0, (toys, FEWEST)) ** 2
    draws -= tail * 2
    nothing = {(): np.zeros(FEWEST)}
    limit = critical(level, FEWEST - 1)
    mistakes = sum(excess({(): own}, nothing)[0] > limit for own in draws)
    assert mistakes < level * toys + 3 * (level * toys) ** 0.5
    # a clear loser is one whatever the tail
    assert excess({(): draws[0] + 9}, nothing)[0] > limit


def test_too_few_events_and_missing_losses_are_said() -> None:
    losses: dict[int, Losses | None] = dict(enumerate([{(): each} for each in drawn_list()], 1))
    race = Race((3,), 3, lambda rung, number: losses[number])
    assert set(race.compare(0, [1, 2, 3], [2, 3]).worse) == {2, 3}
    losses[1] = None
    found = race.compare(0, [1, 2, 3], [2, 3])
    assert found.worse[3].endswith("; the losses of the events of point 1 are missing")
    assert "above that of point 2" in found.worse[3]
    losses[3] = None
    assert race.compare(0, [1, 2, 3], [3]).unknown == {
        3: "not compared: the losses of its validation events are missing"
    }
    few: Losses = {(): np.zeros(FEWEST - 1)}
    found = dataclasses.replace(race, losses=lambda rung, number: few).compare(0, [1, 2], [2])
    assert (found.worse, found.unknown) == (
        {},
        {2: "not compared: 999 validation events are too few, racing needs 1,000"},
    )
    # why a point goes on is told too
    assert promote({1: [0.0], 2: [1.0]}, 2, compare=lambda *_: found).reasons == found.unknown


def drawn_list() -> list[np.ndarray]:
    return list(drawn(np.random.default_rng(2), [0.0, 0.5, 1.0]).values())


def test_a_clear_loser_leaves_at_the_first_rung_and_one_that_is_close_stays() -> None:
    # the errors of the difference are .02: half the sample's spread is common to all
    losses = drawn(np.random.default_rng(1), [0.0, 0.02, 0.4])
    scores = {number: [float(own.mean())] for number, own in losses.items()}
    race = Race((3, 9), 3, lambda rung, number: {(): losses[number]})
    found = promote(scores, 3, compare=race.compare)
    assert (found.promoted, found.pruned) == ({1, 2}, {3})
    assert found.reasons[3].startswith("its loss after 3 epochs is above that of point 1 by ")
    # nobody is compared before there are as many as the factor says, unless no more can come
    assert promote({**scores, 3: []}, 3, compare=race.compare).promoted == set()
    assert promote({1: scores[1], 3: scores[3]}, 3, compare=race.compare).pruned == {3}

    def all_worse(rung: int, ranked: Sequence[int], asked: Collection[int]) -> Compared:
        return Compared(dict.fromkeys(asked, ""))

    # of very many events nearly every difference is significant: the best of every `factor` go on anyway
    assert promote(scores, 2, compare=all_worse).promoted == {1}


def test_the_test_is_paired_and_folds_are_combined() -> None:
    rng = np.random.default_rng(3)
    easy = rng.exponential(10.0, (2, 500))
    one: Losses = {(n,): easy[n] + rng.normal(0.1, 0.5, 500) for n in range(2)}
    other: Losses = {(n,): easy[n] + rng.normal(0.0, 0.5, 500) for n in range(2)}
    errors, free = excess(one, other)
    together = np.concatenate([one[(n,)] - other[(n,)] for n in range(2)])
    # differences that are hardly skewed are hardly corrected
    assert errors == pytest.approx(together.mean() / (together.std() / 1000**0.5), rel=0.03)
    assert free == 499
    assert excess(other, one)[0] == pytest.approx(-errors)
    whole = excess({(): easy[0]}, {(): np.ones(500)})[0]
    halves = {(n,): easy[0][n::2] for n in range(2)}
    assert excess(halves, {fold: np.ones(250) for fold in halves})[0] == pytest.approx(whole, rel=0.02)
    # other folds or events: nothing is said
    assert excess({(0,): easy[0]}, other)[0] == 0
    assert excess({(0,): easy[0][:9]}, {(0,): easy[0]})[0] == 0
    assert excess({(): easy[0]}, {(): easy[0]})[0] == 0
    # repeats are averaged event by event
    found = averaged([((), np.array([1.0, 2.0])), ((), np.array([3.0, 6.0]))])
    assert found is not None
    assert found[()].tolist() == [2.0, 4.0]
    assert averaged([((), np.array([1.0])), ((), None)]) is None


def test_decisions_come_from_the_files_of_points_alone(make_experiment: Make) -> None:
    scan = {"grid": {"model.width": [2, 3, 4, 5]}, "halving": {"first": 2, "factor": 2, "racing": True}}
    plan = freeze(make_experiment(scan=scan, train={"epochs": 8, "batch_size": 32}))
    losses = drawn(np.random.default_rng(5), [0.0, 0.01, 0.5, 0.5])
    for number, own in losses.items():
        best = float(own.mean())
        # the second epoch is worse, and the weights of the first are those that are kept
        leave(plan, number, [best, best + 1])
        if number < 4:
            event_losses.keep(plan.paths(plan.point(number)), 1, own.astype(np.float32), 0)
    # point 4, which came to the rung without losses of its events, goes on
    found = standing(plan)
    assert (found.promoted, found.pruned) == ({1, 2, 4}, {3})
    assert standing(Plan.read(plan.directory)) == found
    statuses = scan_status(plan)
    assert [each.state for each in statuses] == ["pending", "pending", "pruned", "pending"]
    assert "its loss after 2 epochs is above that of point 1" in statuses[2].error
    assert statuses[3].error == "not compared: the losses of its validation events are missing"
    # at the next rung the losses of a better epoch count, and only these
    for number in (1, 2, 4):
        leave_more(plan, number, [float(losses[number].mean()) - 0.1])
    assert standing(plan).promoted == {1, 2, 4}
    event_losses.keep(plan.paths(plan.point(1)), 3, losses[1].astype(np.float32) - 0.1, 2)
    event_losses.keep(plan.paths(plan.point(4)), 3, losses[4].astype(np.float32) - 0.1, 2)
    found = standing(plan)
    assert (found.promoted, found.pruned) == ({1, 2}, {3, 4})


@pytest.mark.parametrize("folds", [False, True])
def test_too_few_events_are_said_until_all_points_are_done_and_after(
    make_experiment: Make, folds: bool
) -> None:
    scan = {
        "grid": {"model.width": [2, 3]},
        "halving": {"first": 2, "factor": 2, "racing": True},
        "folds": folds,
    }
    plan = freeze(make_experiment(*(["data.folds=2"] if folds else []), scan=scan, train={"epochs": 4}))

    def shown() -> str:
        return table(plan, scan_status(plan))

    assert "too few" not in shown()
    for point in plan.points:
        leave(plan, point.number, [0.5, 0.4])
        event_losses.keep(plan.paths(point), 2, np.zeros(250, np.float32), 0)
    count = 500 if folds else 250
    said = f"\n{count} validation events are too few for racing, which needs 1,000: it drops no point"
    assert said in shown()
    for point in plan.points:
        finish(plan.paths(point), epochs=4)
    assert [each.state for each in scan_status(plan)] == ["done"] * len(plan.points)
    assert said in shown()
    for point in plan.points:
        event_losses.keep(plan.paths(point), 2, np.zeros(1000, np.float32), 0)
    assert "too few" not in shown()


def leave_more(plan: Plan, number: int, losses: list[float]) -> None:
    """Two more epochs, of which the first is the better one."""
    history = plan.paths(plan.point(number)).history
    lines = [f"{epoch},1,{loss!r},0.5,1,1,1" for epoch, loss in enumerate([*losses, losses[-1] + 1], 3)]
    history.write_text(history.read_text() + "\n".join(lines) + "\n")


def test_losses_of_epochs_that_count_no_more_are_removed(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=scan_of(2, 3), train=TRAIN))
    paths = plan.paths(plan.point(1))
    for epoch, after in ((1, 0), (2, 0), (3, 0), (4, 3), (5, 3)):
        event_losses.keep(paths, epoch, np.array([epoch], np.float32), after)
    assert sorted(each.name for each in paths.losses.iterdir()) == ["epoch-0003.npy", "epoch-0005.npy"]
    found = event_losses.read(paths, 5)
    assert found is not None
    assert found.tolist() == [5.0]
    assert event_losses.read(paths, 4) is None
    (paths.losses / "epoch-0005.npy").write_bytes(b"\x93NUMPY")
    assert event_losses.read(paths, 5) is None


@pytest.mark.parametrize(
    ("halving", "sections", "said"),
    [
        ({"racing": 1}, {}, "scan.halving.racing: must be true or false, got 1"),
        (
            {},
            {"train": {**TRAIN, "early_stopping": {"monitor": "val_accuracy"}}},
            "scan.halving.racing: compares losses of single events, and train.early_stopping.monitor is val",
        ),
        (
            {},
            {"task": "reconstruct", "model": {"family": "autoencoder"}},
            "scan.halving.racing: compares losses of single events, which are not kept for the task reconst",
        ),
        (
            {},
            {"folds": {"leave_out": 2}},
            "scan.halving.racing: compares means over all folds, and cannot where these overlap",
        ),
    ],
)
def test_what_cannot_race_is_refused(
    make_experiment: Make, halving: dict[str, object], sections: dict[str, object], said: str
) -> None:
    folds = {"folds": sections.pop("folds")} if "folds" in sections else {}
    scan = {"grid": {"train.learning_rate": [0.1, 0.01]}, "halving": {**RACING, **halving}, **folds}
    with pytest.raises(ConfigError) as caught:
        make_experiment(*(["data.folds=3"] if folds else []), scan=scan, **{"train": TRAIN, **sections})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_race_to_its_end(make_experiment: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Points that go on end as if they had never paused; what is kept of events is what the history says."""
    monkeypatch.setattr("dlscan.event_losses.FEWEST", 10)
    # one learns, one learns nothing, and one that equals the first is in a job of its own
    scan = {
        "points": [{"model.dropout": 0.0}, {"train.learning_rate": 1e-6}, {"model.dropout": 1e-9}],
        "halving": {"first": 2, "factor": 3, "racing": True},
    }
    whole = {"train": {"epochs": 4, "batch_size": 16}, "stream": {"workers": 0}}
    experiment = make_experiment(scan=scan, **whole)
    manifest = prepare(experiment, processes=1).manifest
    plan = freeze(experiment, manifest.config_hash)
    assert train_planned(plan, plan.points[:2]) == {1: "paused", 2: "paused"}
    train_planned(plan, plan.points[2:])
    train_planned(plan, [plan.point(number) for number in standing(plan).promoted])
    assert [each.state for each in scan_status(plan)] == ["done", "pruned", "done"]

    for number in (1, 2, 3):
        paths = plan.paths(plan.point(number))
        with paths.history.open(newline="") as file:
            values = [float(row["val_loss"]) for row in csv.DictReader(file)]
        for until in range(2, len(values) + 1, 2):
            best = min(range(until), key=values.__getitem__)
            kept = event_losses.read(paths, best + 1)
            assert kept is not None
            assert kept.mean() == pytest.approx(values[best], rel=1e-5)

    plain = make_experiment("name=unpaused", scan={**scan, "halving": None}, **whole)
    alone = freeze(plain, manifest.config_hash)
    train_planned(alone, [alone.point(1), alone.point(3)])
    for number in (1, 3):
        found, right = (each.paths(each.point(number)) for each in (plan, alone))
        assert read(found.history) == read(right.history)
        assert Record.read(found.record).metrics == Record.read(right.record).metrics
        assert not right.losses.exists()


def test_a_plan_without_racing_is_as_before(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=scan_of(2, 3), train=TRAIN))
    assert plan.config["scan"]["halving"] == {"first": 1, "factor": 3}
    assert not Path(plan.paths(plan.point(1)).losses).exists()


def test_folds_of_a_regression_race(make_experiment: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folds of a choice leave together, or go on together."""
    monkeypatch.setattr("dlscan.event_losses.FEWEST", 10)
    scan = {
        "points": [{"model.dropout": 0.0}, {"train.learning_rate": 1e-6}, {"model.dropout": 1e-9}],
        "halving": {"first": 2, "factor": 3, "racing": True},
        "folds": True,
    }
    task = {"kind": "regress", "targets": {"Kind": "target[:,0,0]"}}
    train = {"epochs": 3, "batch_size": 16, "learning_rate": 0.01}
    experiment = make_experiment("data.folds=2", scan=scan, task=task, train=train, stream={"workers": 0})
    manifest = prepare(experiment, processes=1).manifest
    plan = freeze(experiment, manifest.config_hash)
    train_planned(plan, plan.points)
    statuses = scan_status(plan)
    assert [each.state for each in statuses] == ["done"] * 2 + ["pruned"] * 2 + ["done"] * 2
    assert statuses[2].error == statuses[3].error != ""
