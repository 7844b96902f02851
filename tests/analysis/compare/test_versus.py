"""Differences from one point on the same test events."""

import re

import h5py
import numpy as np
import pytest

from dlscan.analysis.points.records import load
from dlscan.analysis.points.results import predictions
from dlscan.analysis.tables.formats import render
from dlscan.analysis.tables.table import table
from dlscan.errors import ScanError, UsageError
from dlscan.metrics import auc, auc_difference

EVENTS = 600


def judge_on_the_same_events(points, change=None):
    """Score the same events by every point, the better the higher its number; `change` alters."""
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 4, EVENTS).astype(np.int32)
    noise = rng.normal(size=(EVENTS, 4))
    for point in points:
        number = point.record.point
        logits = noise + 0.3 * rng.normal(size=noise.shape)
        logits[np.arange(EVENTS), labels] += 1 + 0.1 * number
        with h5py.File(point.paths.predictions, "r+") as file:
            for name, values in {
                "scores": np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),
                "labels": labels,
                "sources": np.stack([np.zeros(EVENTS), np.arange(EVENTS)], axis=1),
                "weights": np.ones(EVENTS),
            }.items():
                kind = file[name].dtype
                del file[name]
                file[name] = values.astype(kind)
            if change is not None:
                change(number, file)
    return points


@pytest.fixture
def points(write_scan):
    return judge_on_the_same_events(load([write_scan()]))


def test_differences_are_paired_and_stand_behind_their_area(points):
    frame = table(points, ["Ele_AUC", "Epochs"], versus=2).frame
    assert list(frame) == [
        *("Model Name", "Ele_AUC", "Ele_AUC_Diff", "Ele_AUC_Diff_Down", "Ele_AUC_Diff_Up", "Ele_AUC_z"),
        "Epochs",
    ]
    one, two = predictions(points[3]), predictions(points[1])
    expected = auc_difference(one.scores[:, 0], two.scores[:, 0], one.labels == 0)
    assert frame["Ele_AUC_Diff"][3] == pytest.approx(expected.value)
    assert frame["Ele_AUC_Diff_Up"][3] == pytest.approx(expected.up)
    assert frame["Ele_AUC_z"][3] == pytest.approx(expected.value / expected.down)
    assert frame["Ele_AUC_Diff"].isna().tolist() == [False, True, False, False]


def test_a_pair_is_compared_on_its_own_events_in_either_order(points):
    frame = table(points, ["pi0_vs_gamma_auc"], versus="1").frame
    areas = []
    for point in (points[3], points[0]):
        scored = predictions(point)
        here = (scored.labels == 1) | (scored.labels == 2)
        gamma, pi0 = scored.scores[here, 1], scored.scores[here, 2]
        areas.append(auc(gamma / (gamma + pi0), scored.labels[here] == 1))
    assert frame["Gamma_vs_Pi0_AUC_Diff"][3] == pytest.approx(areas[0] - areas[1], abs=1e-6)


def test_the_mean_is_less_certain_than_independent_classes_would_make_it(points):
    frame = table(points, ["*_AUC"], versus=1).frame
    classes = ["Ele", "Gamma", "Pi0", "ChPi"]
    differences = [frame[f"{name}_AUC_Diff"][3] for name in classes]
    assert frame["Mean_AUC_Diff"][3] == pytest.approx(np.mean(differences))
    errors = [frame[f"{name}_AUC_Diff_Up"][3] for name in classes]
    # an event counts for its class and against three others
    assert np.linalg.norm(errors) / 4 < frame["Mean_AUC_Diff_Up"][3] < np.mean(errors)


def test_only_areas_of_the_test_split_are_compared(points):
    frame = table(points, ["val_Ele_AUC", "Ele_AUC", "test_loss"], versus=1).frame
    assert [name for name in frame if name.endswith("_z")] == ["Ele_AUC_z"]
    with pytest.raises(UsageError, match="compares AUCs on the test split, but none is shown"):
        table(points, ["Epochs", "val_Ele_AUC"], versus=1)


def test_the_number_of_comparisons_and_what_chance_makes_of_it_are_said(points):
    (note,) = [note for note in table(points, versus=1).notes if "comparisons" in note]
    count, half, rare = re.search(
        r"; (\d+) comparisons: .* above (\d\.\d) in half .* above (\d\.\d) in 5 %", note
    ).groups()
    # four classes and their mean, for three points
    assert count == "15"
    largest = np.abs(np.random.default_rng(1).normal(size=(20000, 15))).max(axis=1)
    assert float(half) == pytest.approx(np.quantile(largest, 0.5), abs=0.06)
    assert float(rare) == pytest.approx(np.quantile(largest, 0.95), abs=0.08)


def test_a_difference_is_read_with_its_sign_and_error(points):
    line = render(table(points, ["Ele_AUC"], versus=1), "text").splitlines()[5]
    assert re.search(r"0\.\d{4}  +\+0\.\d{4} \+- 0\.\d{4}  +\+\d\.\d\d$", line)


def test_the_same_network_twice_has_no_significance(points):
    points[2].paths.predictions.write_bytes(points[0].paths.predictions.read_bytes())
    frame = table(points, ["Ele_AUC"], versus=1).frame
    assert frame["Ele_AUC_Diff"][2] == 0
    assert frame["Ele_AUC_z"].isna().tolist() == [True, False, True, False]


def test_scores_that_cannot_be_read_are_missing_and_named_once(points, caplog):
    points[1].paths.predictions.write_bytes(b"no HDF5")
    points[2].paths.predictions.unlink()
    frame = table(points, ["Ele_AUC", "Pi0_AUC"], versus=1).frame
    assert frame["Ele_AUC_Diff"].isna().tolist() == [True, True, True, False]
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith(f"not compared: {points[1].paths.predictions}: cannot read scores (")
    assert second == f"not compared: {points[2].paths.predictions}: cannot read scores (no such file)"


def test_without_the_reference_there_is_nothing_to_compare_with(points):
    points[0].paths.predictions.unlink()
    with pytest.raises(ScanError, match="cannot read scores"):
        table(points, versus=1)


def test_other_labels_are_other_events(write_scan):
    points = load([write_scan()])
    with pytest.raises(ScanError, match="were tested on different events; only numbers on the same events"):
        table(points, versus=1)


def other_sources(number, file):
    file["sources"][3] = (7, 7 if number == 2 else 3)


def other_weights(number, file):
    file["weights"][3] = number


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_sources, "were tested on different events"),
        (other_weights, "have different weights for the test events"),
    ],
)
def test_events_are_the_same_only_with_source_and_weight(write_scan, change, message):
    points = judge_on_the_same_events(load([write_scan()]), change)
    with pytest.raises(ScanError, match=message):
        table(points, versus=1)


def test_a_choice_may_leave_other_datasets_out(write_scan):
    def change(number, record):
        record["dataset"]["config_hash"] = str(number // 3)

    points = judge_on_the_same_events(load([write_scan(change=change)]))
    with pytest.raises(ScanError, match=r"events cannot be compared .* by --where or fewer scans"):
        table(points, versus=1)
    assert len(table(points, versus=1, where="Point < 3").frame) == 2


def test_the_point_may_be_of_any_scan_and_need_not_be_shown(write_scan):
    points = load([write_scan("a"), write_scan("b")])
    judge_on_the_same_events(points)
    frame = table(points, ["Ele_AUC", "Point"], ["-Point"], versus="b:4", where="Scan=='a'").frame
    assert frame["Point"].tolist() == [4, 3, 2, 1]
    assert frame["Ele_AUC_Diff"].notna().all()
    assert frame["Ele_AUC_Diff"].is_monotonic_decreasing


@pytest.mark.parametrize(
    ("versus", "message"),
    [
        ("9", "no finished point has this number"),
        ("x:1", "no scan 'x' here; valid: lcd"),
        ("a", "finished: 1, 2, 3, 4"),
    ],
)
def test_a_point_that_is_not_there_is_said(points, versus, message):
    with pytest.raises(UsageError, match=message):
        table(points, versus=versus)


def test_repeats_are_compared_singly(write_scan):
    points = load([write_scan(grid={"model.width": [8, 16]}, repeats=2)])
    judge_on_the_same_events(points)
    assert len(table(points, versus=1).frame) == 4
    with pytest.raises(UsageError, match="leave out --repeats mean"):
        table(points, versus=1, repeats="mean")
