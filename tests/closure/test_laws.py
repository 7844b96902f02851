"""Laws give what they promise; a law of a user is checked; levels draw anew what they say."""

import dataclasses
import math
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from dlscan.closure import find_law
from dlscan.closure.replica import Replica
from dlscan.closure.settings import TESTED, TRAINING, TRUE, Settings
from dlscan.closure.summary import summarize
from dlscan.errors import ConfigError, UsageError
from dlscan.metrics import auc_estimate

OWN = """
import numpy as np

def mine(events, seed, slope=1.0):
    x = np.random.default_rng(seed).normal(size=(events, 2))
    return {"x": x}, (x[:, 0] > 0).astype(int), slope * x[:, 0]

def short(events, seed):
    return {"x": np.zeros((events - 1, 2))}, np.arange(events) % 2, np.zeros(events)

def broken(events, seed):
    raise ValueError("no such thing")

def nothing(events, seed):
    return {"x": np.full((events, 1), np.nan)}, np.arange(events) % 2, np.zeros(events)
"""


@pytest.mark.parametrize(("distance", "area"), [(1, 0.76025), (2, 0.92135), (3, 0.98305)])
def test_the_likelihood_ratio_of_two_gaussians_has_the_area_of_theory(distance: float, area: float) -> None:
    assert NormalDist().cdf(distance / math.sqrt(2)) == pytest.approx(area, abs=5e-6)
    drawn = find_law("gaussians", {"distance": distance}).draw(100_000, 1)
    found = auc_estimate(drawn.exact, drawn.truth == 1)
    assert found is not None
    assert abs(found.value - area) < 4 * found.up
    # no input alone, and no wrong direction, does as well
    other = auc_estimate(drawn.inputs["x"][:, 0], drawn.truth == 1)
    assert other is not None
    assert other.value < area - 0.03


def test_the_exact_mean_of_an_energy_is_better_than_the_sum_and_unbiased() -> None:
    drawn = find_law("resolution", {}).draw(50_000, 1)
    error, plain = drawn.exact - drawn.truth, drawn.inputs["layers"].sum(axis=1) - drawn.truth
    assert abs(error.mean()) < 4 * error.std() / math.sqrt(len(error))
    assert error.std() < plain.std()
    # in the middle of the range, at 60, the resolution is that of the law
    middle = np.abs(drawn.truth - 60) < 5
    assert plain[middle].std() / 60 == pytest.approx(0.5 / math.sqrt(60) + 0.02, rel=0.03)


def test_a_law_in_a_file_is_drawn_from(tmp_path: Path) -> None:
    file = tmp_path / "laws.py"
    file.write_text(OWN)
    drawn = find_law(f"{file}:mine", {"slope": 2}).draw(30, 1)
    assert drawn.classified
    np.testing.assert_array_equal(drawn.exact, 2 * drawn.inputs["x"][:, 0])
    assert find_law(f"{file}:mine", {}).identity["sha256"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("short", r"x has the shape \(29, 2\), not 30 events"),
        ("broken", "ValueError: no such thing"),
        ("nothing", "x must be finite numbers"),
        ("absent", "has no function 'absent'"),
    ],
)
def test_a_law_that_gives_anything_else_is_refused(tmp_path: Path, name: str, message: str) -> None:
    file = tmp_path / "laws.py"
    file.write_text(OWN)
    with pytest.raises(ConfigError, match=message):
        find_law(f"{file}:{name}", {}).draw(30, 1)


def test_names_of_laws_and_parameters_are_checked() -> None:
    with pytest.raises(UsageError, match=r"neither FILE.py:FUNCTION nor a law; did you mean 'gaussians'"):
        find_law("gausians", {})
    with pytest.raises(UsageError, match="no such parameter; did you mean 'distance'"):
        find_law("gaussians", {"distanc": 1})
    with pytest.raises(UsageError, match="no such file"):
        find_law("nowhere.py:f", {})


@pytest.mark.parametrize(("level", "anew"), [(0, ()), (1, (TESTED,)), (2, (TRAINING, TESTED))])
def test_a_level_draws_anew_what_it_says(level: int, anew: tuple[int, ...]) -> None:
    settings = Settings(find_law("gaussians", {}), level)
    for what in (TRAINING, TESTED, TRUE):
        one, other = (settings.draw(what, replica, 20).inputs["x"] for replica in (1, 2))
        assert np.array_equal(one, other) == (what not in anew)
    # training and test never have events in common
    kinds = [settings.draw(what, 1, 20).inputs["x"] for what in (TRAINING, TESTED, TRUE)]
    assert not np.isin(kinds[0], kinds[1]).any()
    assert not np.isin(kinds[1], kinds[2]).any()


def test_shuffled_labels_keep_their_number_and_know_nothing() -> None:
    settings = Settings(find_law("gaussians", {}), permute=True)
    plain = Settings(find_law("gaussians", {})).draw(TRAINING, 1, 2000)
    drawn = settings.draw(TRAINING, 1, 2000)
    np.testing.assert_array_equal(drawn.inputs["x"], plain.inputs["x"])
    assert drawn.truth.sum() == plain.truth.sum()
    found = auc_estimate(plain.exact, drawn.truth == 1)
    assert found is not None
    assert abs(found.value - 0.5) < 4 * found.up


@pytest.mark.parametrize(("level", "same"), [(0, (True, True)), (1, (True, False)), (2, (False, False))])
def test_labels_are_shuffled_anew_only_where_events_are(level: int, same: tuple[bool, bool]) -> None:
    settings = Settings(find_law("gaussians", {}), level=level, permute=True)
    for what, alike in zip((TRAINING, TESTED), same, strict=True):
        one, two = (settings.draw(what, replica, 500).truth for replica in (1, 2))
        assert np.array_equal(one, two) == alike


def replicas(count: int, width: float = 1.0, promise: float = 0.0, models: int = 1) -> list[Replica]:
    rng = np.random.default_rng(1)
    made = []
    for number in range(count):
        test, validation = 0.9 + 0.01 * width * rng.normal(size=2)
        made.append(
            Replica(
                *(number + 1, "Mean_AUC", "only", models, test, 0.01, 0.01),
                *(validation + promise, 0.01, 0.01, 0.9, 0.92),
            )
        )
    return made


def test_right_intervals_cover_and_wrong_ones_do_not() -> None:
    right, narrow = summarize(replicas(400)), summarize(replicas(400, width=2))
    assert right.covers
    assert right.coverage_error == pytest.approx(math.sqrt(0.6827 * 0.3173 / 400))
    assert right.width == pytest.approx(1, abs=0.1)
    assert right.gap.value == pytest.approx(-0.02)
    assert not narrow.covers
    assert narrow.coverage == pytest.approx(NormalDist().cdf(0.5) * 2 - 1, abs=0.08)
    assert "hold the truth less often than they should" in narrow.sentence


@pytest.mark.parametrize(("law", "exact"), [("gaussians", 0.921350), ("resolution", 5.0)])
def test_exact_answers_cover_as_often_as_they_should(law: str, exact: float) -> None:
    settings = Settings(find_law(law, {}), events=2000)
    if law == "resolution":
        drawn = settings.law.draw(200_000, 5)
        exact = float(np.sqrt(np.mean((drawn.exact - drawn.truth) ** 2)))
    made = [dataclasses.replace(each, exact=exact) for each in replicas(600)]
    share = np.mean([settings.best_covers(each.number, each.exact) for each in made])
    assert share == pytest.approx(0.6827, abs=3 * math.sqrt(0.6827 * 0.3173 / 600))


def test_the_promise_of_a_choice_is_a_bias_of_validation_alone() -> None:
    found = summarize(replicas(400, promise=0.005, models=16))
    assert found.validation_bias.differs
    assert not found.test_bias.differs
    assert "the test split shows no bias; the validation split" in found.sentence
