"""Trainings on the folds of a dataset share a line, and are compared event by event, fold by fold."""

import dataclasses
import math
import statistics

import h5py
import numpy as np
import pytest
from scipy import stats

from dlscan.analysis.points.folds import all_folds_of
from dlscan.analysis.points.ranked import ranked_models
from dlscan.analysis.points.records import load
from dlscan.analysis.points.results import predictions
from dlscan.analysis.points.same_events import OtherEventsError, aligned
from dlscan.analysis.tables.formats import render
from dlscan.analysis.tables.table import table
from dlscan.errors import UsageError

FOLDS, EVENTS, TEST = 4, 300, 500


def judge(points, change=None):
    """Score the validation events of each fold, and the same test events, by every point."""
    for point in points:
        fold, width = point.record.params["data.fold"], point.record.params["model.width"]
        own = np.random.default_rng([point.record.point, point.record.seed])
        with h5py.File(point.paths.predictions, "r+") as file:
            for split, seed, events in (("/", 0, TEST), ("validation", fold, EVENTS)):
                rng = np.random.default_rng([seed, events])
                labels = rng.integers(0, 4, events).astype(np.int32)
                logits = rng.normal(size=(events, 4)) + 0.3 * own.normal(size=(events, 4))
                logits[np.arange(events), labels] += 0.8 + width / 400
                scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
                group = file[split]
                for name in ("scores", "labels", "weights"):
                    del group[name]
                group["scores"], group["labels"] = scores.astype(np.float32), labels
                group["weights"] = np.ones(events, np.float32)
            del file["sources"]
            sources = np.stack([np.zeros(TEST), np.arange(TEST)], axis=1)
            file["sources"] = sources.astype(np.uint32)
    return points


@pytest.fixture
def points(write_scan):
    """Two widths on four folds; numbers as their scores have them."""
    from dlscan.analysis.points.evaluate import evaluate

    scan = write_scan("lcd", {"model.width": [64, 256], "data.fold": [1, 2, 3, 4]})
    found = judge(load([scan]))
    evaluate(found, processes=1)
    return load([scan])


def test_folds_share_a_line_with_mean_and_spread(points):
    frame = table(points, errors=False).frame
    assert list(frame["Model Name"]) == ["Width=64", "Width=256"]
    assert list(frame["Folds"]) == [FOLDS, FOLDS]
    assert "Repeats" not in frame
    assert "Fold" not in frame
    values = [point.record.metrics["Mean_AUC"] for point in points[:FOLDS]]
    assert frame["Mean_AUC"][0] == pytest.approx(statistics.fmean(values))
    assert frame["Mean_AUC_Spread"][0] == pytest.approx(statistics.stdev(values))
    assert "+-: standard deviation over folds" in render(table(points), "text")
    each = table(points, repeats="each").frame
    assert list(each["Fold"]) == [1, 2, 3, 4] * 2


def test_pairs_of_folds_that_are_left_out_are_named(write_scan):
    points = load([write_scan("pairs", {"model.width": [64], "data.fold": [[1, 2], [1, 3], [2, 3]]})])
    assert "[1,2], [1,3], [2,3]" in render(table(points, columns=["Fold", "Folds"]), "text")


def test_the_interval_of_a_mean_over_folds_has_the_events_of_all(points):
    frame = table(points, ["Ele_AUC", "val_Ele_AUC"], errors=True).frame
    errors = [point.record.errors for point in points[:FOLDS]]
    # test events are the same for all folds, validation events are four times as many
    test, validation = (statistics.fmean(own[f"{v}Ele_AUC"][0] for own in errors) for v in ("", "val_"))
    assert frame["Ele_AUC_Down"][0] == pytest.approx(test)
    assert frame["val_Ele_AUC_Down"][0] == pytest.approx(validation / math.sqrt(FOLDS))


def test_the_best_is_that_of_the_mean_over_its_folds(points):
    values = {64: [], 256: []}
    for point in points:
        values[point.record.params["model.width"]].append(point.record.metrics["val_Mean_AUC"])
    best = max(values, key=lambda width: statistics.fmean(values[width]))
    shown = table(points, best="val_auc")
    assert list(shown.frame["Model Name"]) == [f"Width={best}"]
    assert any("the mean over 4 folds" in note for note in shown.notes)


def test_models_without_all_folds_are_named_and_not_chosen(points):
    best = int(table(points, best="val_auc").frame["Model Name"][0].removeprefix("Width="))
    left = [
        point
        for point in points
        if not (point.record.params["model.width"] == best and point.record.params["data.fold"] == 2)
    ]
    shown = table(left)
    assert any("1 of 2 models is not yet validated by all 4 folds" in note for note in shown.notes)
    chosen = table(left, best="val_auc")
    assert chosen.frame["Model Name"][0] != f"Width={best}"
    assert any("1 without all folds was not considered" in note for note in chosen.notes)


def test_a_scan_without_folds_is_whole_and_may_have_the_best(points, write_scan):
    def change(number, record):
        record["dataset"] = {"path": "prepared/lcd", "config_hash": "4567"}
        record["metrics"]["val_Mean_AUC"] = 0.99 if number == 2 else 0.01

    plain = load([write_scan("plain", {"model.width": [8, 16]}, change=change)])
    both = [dataclasses.replace(point, events="") for point in (*points, *plain)]
    notes = table(both).notes
    apart = "2 models with folds and 2 without were validated on different events"
    assert not any("not yet validated" in note for note in notes)
    assert any(apart in note for note in notes)
    best = table(both, best="val_auc")
    assert list(best.frame["Model Name"]) == ["Width=16"]
    assert any("the highest of 4 models" in note and apart in note for note in best.notes)
    assert ranked_models(both)[0] == [9]


def test_repeats_of_folds_are_averaged_before_the_spread_is_taken(write_scan):
    def repeat(number, record):
        record["metrics"]["Mean_AUC"] = 0.8 + 0.01 * record["params"]["data.fold"] + 0.1 * record["seed"]

    scan = write_scan("lcd", {"data.fold": [1, 2, 3]}, repeats=2, change=repeat)
    shown = table(load([scan]))
    assert list(shown.frame["Folds"]) == [3]
    assert list(shown.frame["Repeats"]) == [2]
    assert shown.frame["Mean_AUC"][0] == pytest.approx(0.97)
    assert shown.frame["Mean_AUC_Spread"][0] == pytest.approx(0.01)
    assert "standard deviation over folds and repeats" in render(shown, "text")


def test_models_are_compared_on_all_events_that_validate_once_each(points):
    frame = table(points, ["Ele_AUC", "val_Ele_AUC"], versus=2).frame
    assert frame["Ele_AUC_Diff"].isna().tolist() == [True, False]
    narrow, wide = points[:FOLDS], points[FOLDS:]
    differences, variance = [], 0.0
    for one, other in zip(wide, narrow, strict=True):
        mine, theirs = (predictions(point, "validation").influenced("Ele_AUC") for point in (one, other))
        found = mine.less(theirs)
        differences.append(found.value)
        variance += found.up**2
    assert frame["val_Ele_AUC_Diff"][1] == pytest.approx(statistics.fmean(differences))
    assert frame["val_Ele_AUC_Diff_Up"][1] == pytest.approx(math.sqrt(variance) / FOLDS)
    # Nadeau and Bengio: 1/k + 1/(k - 1), where ordinary folds would be independent
    plain = stats.ttest_1samp(differences, 0).statistic
    ratio = math.sqrt((1 / FOLDS) / (1 / FOLDS + 1 / (FOLDS - 1)))
    assert frame["val_Ele_AUC_t"][1] == pytest.approx(plain * ratio)
    # test events are common to all folds
    mean = [
        np.mean([predictions(point).influenced("Ele_AUC").influence for point in model], axis=0)
        for model in (wide, narrow)
    ]
    assert frame["Ele_AUC_Diff_Up"][1] == pytest.approx(float(np.linalg.norm(mean[0] - mean[1])))
    notes = [
        next(note for note in table(points, names, versus=2).notes if "_Diff" in note)
        for names in (["Ele_AUC"], ["val_Ele_AUC"])
    ]
    assert all("mean over 4 folds" in note for note in notes)
    # which only numbers of the validation split have
    assert ["3 degrees of freedom" in note for note in notes] == [False, True]


def test_validation_events_of_different_folds_are_never_paired(points):
    one, other = points[0], points[1]
    scored, base = predictions(one, "validation"), predictions(other, "validation")
    with pytest.raises(OtherEventsError, match="were validated on different folds"):
        aligned(one, scored, other, base)


def test_a_fold_alone_is_compared_as_ever(points):
    first = [point for point in points if point.record.params["data.fold"] == 1]
    frame = table(first, ["Ele_AUC"], versus=1).frame
    expected = predictions(first[1]).influenced("Ele_AUC").less(predictions(first[0]).influenced("Ele_AUC"))
    assert frame["Ele_AUC_Diff"][1] == expected.value
    with pytest.raises(UsageError, match="on the test split"):
        table(first, ["val_Ele_AUC"], versus=1)


def test_the_folds_of_a_model_are_found_by_one_of_them(write_scan):
    scan = write_scan("lcd", {"model.width": [64, 256], "data.fold": [1, 2, 3]})
    other = write_scan("other", {"model.width": [64], "data.fold": [1, 2]})
    points = load([scan, other])
    chosen = next(point for point in points if point.record.point == 5)
    assert [point.record.point for point in all_folds_of(chosen, points)] == [4, 5, 6]
    plain = load([write_scan("plain", {"model.width": [64, 256]})])
    assert all_folds_of(plain[0], plain) == [plain[0]]
