import shutil

import h5py
import numpy as np
import pytest

from dlscan.analysis.report.compare import MOST_COMPARED, compare
from dlscan.analysis.report.facts import gather
from dlscan.metrics import auc_difference, measure

SIX = {"model.width": [8, 16, 32], "model.depth": [1, 2]}


def chosen_first(number, record):
    """Point 1 is the best on validation, then 2, 3 ..."""
    record["metrics"]["val_Mean_AUC"] = 0.99 - 0.001 * number


def same_events(scan):
    """Give every point the events of the first: its scores with more and more noise."""
    folders = sorted((scan / "points").iterdir())
    for number, folder in enumerate(folders[1:], 1):
        shutil.copy(folders[0] / "predictions.h5", folder / "predictions.h5")
        with h5py.File(folder / "predictions.h5", "r+") as file:
            noise = np.random.default_rng(number).random(file["scores"].shape)
            file["scores"][...] = file["scores"][...] + (0 if number == 1 else number) * noise
    return scan


@pytest.fixture
def scan(write_scan):
    return same_events(write_scan(grid=SIX, change=chosen_first))


def numbers(points):
    return [point.record.point for point in points]


def test_the_best_has_the_areas_and_intervals_of_the_metrics(scan):
    facts = gather([scan])
    compared = compare(facts)
    scored = facts.scores(facts.best)
    measured = measure(scored.scores, scored.labels, scored.classes)
    assert compared.whole.value == pytest.approx(measured.values["Mean_AUC"], abs=1e-12)
    assert [compared.whole.down, compared.whole.up] == pytest.approx(measured.errors["Mean_AUC"])
    assert compared.parts["Ele"].value == pytest.approx(measured.values["Ele_AUC"], abs=1e-12)
    assert compared.events == 400


def test_a_twin_is_alike_and_a_much_worse_model_is_not(scan):
    compared = compare(gather([scan]))
    assert numbers(point for point, _ in compared.differences) == [2, 3, 4, 5, 6]
    assert 2 in numbers(compared.alike)
    assert 6 not in numbers(compared.alike)
    assert compared.better == []


def test_a_much_better_model_is_named_although_it_was_not_chosen(scan):
    worst_first = gather([scan])
    for path in sorted((scan / "points").glob("*/record.json")):
        text = path.read_text()
        number = int(path.parent.name[:4])
        path.write_text(
            text.replace(f'"val_Mean_AUC": {0.99 - 0.001 * number}', f'"val_Mean_AUC": 0.{80 + number}')
        )
    facts = gather([scan])
    assert facts.best.record.point == 6 != worst_first.best.record.point
    assert 1 in numbers(compare(facts).better)


def test_two_classes_give_the_paired_difference_of_the_metrics(write_scan):
    scan = same_events(write_scan(classes=("Gamma", "Hadron"), change=chosen_first))
    facts = gather([scan])
    (point, difference), *_ = compare(facts).differences[1:]
    one, other = facts.scores(point), facts.scores(facts.best)
    parts = [
        auc_difference(one.scores[:, label], other.scores[:, label], one.labels == label).value
        for label in (0, 1)
    ]
    assert difference.value == pytest.approx(np.mean(parts), abs=1e-12)


def test_points_tested_on_other_events_are_not_compared(write_scan):
    compared = compare(gather([write_scan(change=chosen_first)]))
    assert compared.differences == ()
    assert compared.left_out == 3


def test_scores_that_cannot_be_read_are_left_out_and_noted(scan):
    next(scan.glob("points/0003*/predictions.h5")).write_bytes(b"not HDF5")
    facts = gather([scan])
    assert numbers(point for point, _ in compare(facts).differences) == [2, 4, 5, 6]
    assert [text for text in facts.problems if "0003" in text]


def test_nothing_is_compared_if_the_best_has_no_scores(scan):
    next(scan.glob("points/0001*/predictions.h5")).unlink()
    assert compare(gather([scan])) is None


def test_only_so_many_are_compared(write_scan, forty_points):
    facts = gather([same_events(write_scan(grid=forty_points, change=chosen_first, events=50))])
    compared = compare(facts)
    assert len(compared.differences) == MOST_COMPARED
    assert compared.left_out == 40 - 1 - MOST_COMPARED
