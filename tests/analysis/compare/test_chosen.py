"""What the best on validation owes to chance, and who else may be it."""

import dataclasses
import json

import h5py
import numpy as np
import pytest

from dlscan.analysis.compare.chosen import _luck, chosen, sentence
from dlscan.analysis.points.records import load
from dlscan.analysis.tables.best import choose
from dlscan.analysis.tables.rows import rows_of
from dlscan.analysis.tables.table import table

EVENTS = 2000
# of events with the same noise, how well each point tells two classes apart
SKILLS = (1.0, 1.0, 1.0, 0.6)


@pytest.fixture
def scan(write_scan):
    """Four points whose networks judge the same validation events alike, but for the last, which is worse."""
    found = write_scan(grid={"model.width": [8, 16, 32, 64]}, classes=("Ele", "Pi0"), events=EVENTS)
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 2, EVENTS).astype(np.int32)
    noise = rng.normal(size=(EVENTS, 2))
    for point in load([found]):
        logits = noise + 0.1 * rng.normal(size=noise.shape)
        logits[np.arange(EVENTS), labels] += SKILLS[point.record.point - 1]
        with h5py.File(point.paths.predictions, "r+") as file:
            group = file["validation"]
            group["scores"][...] = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            group["labels"][...] = labels
        record = json.loads(point.paths.record.read_text())
        record["metrics"]["val_Mean_AUC"] = (0.76, 0.762, 0.764, 0.66)[point.record.point - 1]
        point.paths.record.write_text(json.dumps(record))
    return found


def test_the_best_is_named_with_those_that_cannot_be_told_apart(scan):
    rows = rows_of(load([scan]))
    choice = choose(rows, "val_auc")
    found = chosen(rows.models, choice.column, choice.position, choice.considered)
    assert (choice.position, found.alike, found.compared) == (2, (0, 1), 3)
    text = sentence(found, rows.models, choice.column, 2, "Width=32")
    assert text.startswith(
        "Best on validation is Width=32 (3); 1 and 2 cannot be told apart from it (numbers are those of the "
    )
    assert "Because it is the best of 4, its val_Mean_AUC is 0.00" in text
    for luck, said in ((None, "is not known: scores of some models are missing"), (0.0, "hardly too high")):
        other = dataclasses.replace(found, luck=luck)
        assert said in sentence(other, rows.models, choice.column, 2, "Width=32")
    # the noise that all share makes nobody the best
    half = sum(choice.column.errors[2]) / 2
    assert 0 < found.luck < 0.5 * half


def test_models_that_could_not_be_chosen_are_no_part_of_the_comparison(scan):
    rows = rows_of(load([scan]))
    choice = choose(rows, "val_auc")
    found = chosen(rows.models, choice.column, 2, (0, 2, 3))
    assert (found.alike, found.compared, found.considered) == ((0,), 2, 3)
    assert "the best of 3" in sentence(found, rows.models, choice.column, 2, "Width=32")
    assert found.luck == _luck(rows.models, choice.column, (0, 2, 3))


def test_equal_models_of_independent_events_owe_the_expected_maximum(write_scan):
    points = load([write_scan(grid={"model.width": [8, 16, 32, 64]}, classes=("Ele", "Pi0"), events=EVENTS)])
    rows = rows_of(points)
    column = choose(rows, "val_auc").column
    same = dataclasses.replace(column, values=(0.9, 0.9, 0.9, 0.9 + 1e-9))
    # the largest of four standard normal numbers is 1.029 on average
    error = np.sqrt(np.mean([(sum(each) / 2) ** 2 for each in column.errors]))
    assert _luck(rows.models, same, range(4)) == pytest.approx(1.029 * error, rel=0.15)


def test_the_table_says_it_of_searches_and_where_the_best_is_asked_for(scan):
    points = load([scan])
    assert any(
        note.startswith("Best on validation is Width=32 (3);") for note in table(points, best="val_auc").notes
    )
    assert not any("Best on validation" in note for note in table(points).notes)
    plan = json.loads((scan / "plan.json").read_text())
    plan["config"] = {"scan": {"search": {"method": "tpe", "points": 4}}}
    (scan / "plan.json").write_text(json.dumps(plan))
    assert any(note.startswith("Best on validation is Width=32 (3);") for note in table(points).notes)


def test_models_that_halving_stopped_are_said_not_to_count(scan, fakes):
    fakes["stop_early"](scan, 3, 4)
    points = load([scan])

    def said(where=None):
        made = table(points, where=where, best="val_auc")
        (note,) = (note for note in made.notes if note.startswith("Best on validation"))
        return note

    assert "Because it is the best of 3," in said()
    assert said().endswith("; 1 model that scan.halving paused or stopped is not counted here")
    # who has selected models has left these out
    assert "halving" not in said("Width<32")


def test_of_very_many_models_the_best_tell_how_large_the_noise_is(write_scan, monkeypatch):
    grid = {"model.width": list(range(8, 28))}
    points = load([write_scan(grid=grid, classes=("Ele", "Pi0"), events=EVENTS)])
    rows = rows_of(points)
    column = choose(rows, "val_auc").column
    far = dataclasses.replace(column, values=(*(0.9 + 1e-9 * n for n in range(10)), *[0.5] * 10))
    every = _luck(rows.models, far, range(20))
    monkeypatch.setattr("dlscan.analysis.compare.chosen.MOST_TRAININGS", 12)
    # those far below are never the best
    assert _luck(rows.models, far, range(20)) == pytest.approx(every, rel=0.1)
