"""Scores of events whose weights are of both signs: records, tables, pictures and the report."""

import h5py
import numpy as np
import pytest

from dlscan.analysis.plots import KINDS, Options
from dlscan.analysis.points.evaluate import evaluate
from dlscan.analysis.points.records import load
from dlscan.analysis.report.build import report
from dlscan.analysis.tables.table import table

GRID = {"model.width": [8, 16, 32, 64], "model.depth": [1, 2]}


def a_third(rng, labels):
    return np.where(rng.random(len(labels)) < 0.35, -1.0, 1.0)


def one_class_below_nothing(rng, labels):
    return np.where(labels == 1, -1.0, 1.0)


def all_below_nothing(rng, labels):
    return np.where(labels == 1, 1.0, -1.0)


@pytest.fixture(params=[a_third, one_class_below_nothing, all_below_nothing])
def signed(write_scan, request):
    """A scan whose events have such weights, measured again."""
    scan = write_scan(grid=GRID, events=60, epochs=3)
    for path in scan.glob("points/*/predictions.h5"):
        with h5py.File(path, "r+") as file:
            for number, group in enumerate((file, file["validation"], file["train"])):
                rng = np.random.default_rng(number)
                # all points see the same events
                group["labels"][:] = labels = rng.integers(0, 4, len(group["labels"]))
                group["weights"][:] = request.param(rng, labels)
    results = evaluate(load([scan]), processes=1)
    assert [result.problem for result in results] == [""] * 8
    return scan


def test_table_pictures_and_report_stand(signed):
    points = load([signed])
    for point in points:
        missing = {name for name, value in point.record.metrics.items() if value is None}
        assert missing == set(point.record.reasons)
    assert len(table(points, errors=True).frame) == len(table(points, versus=1).frame) == 8
    page = report([signed]).read_text(encoding="utf-8")
    # pictures without any curve say why they are not there
    assert page.count("<figure>") + page.count("Not drawn: there is nothing to draw") >= 4


@pytest.mark.parametrize("kind", ["roc", "scores", "confusion", "energy", "calibration"])
def test_pictures_of_scores_have_shares_in_their_range(write_scan, kind):
    scan = write_scan(grid={"model.width": [8, 16]}, events=80, epochs=3)
    for path in scan.glob("points/*/predictions.h5"):
        with h5py.File(path, "r+") as file:
            file["weights"][:] = a_third(np.random.default_rng(4), file["labels"])
    options = Options(by="target[:,0,1]", efficiency=0.7) if kind == "energy" else Options()
    for row in KINDS[kind](load([scan]), options).rows:
        for name in ("signal_efficiency", "background_efficiency", "share", "correct", "confidence", "auc"):
            value = row.get(name)
            assert value is None or np.isnan(value) or 0 <= value <= 1, (name, value)


def test_curves_have_no_holes(write_scan):
    scan = write_scan(
        grid={"model.width": [*range(6)]}, done=2, events=3000, epochs=3, classes=("Ele", "Pi0")
    )
    for path in scan.glob("points/*/predictions.h5"):
        with h5py.File(path, "r+") as file:
            file["weights"][:] = a_third(np.random.default_rng(4), file["labels"])
    (page,) = KINDS["roc"](load([scan]), Options()).pages
    signal = page.axes[0].lines[0].get_xdata()
    assert len(signal) > 20
    assert np.diff(signal).max() < 0.011
