import h5py
import numpy as np
import pytest

from dlscan.analysis.points.records import load
from dlscan.metrics import efficiency_estimate


def test_cells_hold_shares_of_the_true_class_and_counts(draw, four, panels):
    drawing = draw("confusion", four)
    with h5py.File(four[1].paths.predictions) as file:
        labels, guesses = file["labels"][:], file["scores"][:].argmax(axis=1)
    count = np.sum((labels == 2) & (guesses == 1))
    total = np.sum(labels == 2)
    row = drawing.data.query("point == 2 and true == 'Pi0' and predicted == 'Gamma'").iloc[0]
    assert (row["count"], row["share"]) == (count, pytest.approx(count / total))
    found = efficiency_estimate(count, total)
    assert (row["share_down"], row["share_up"]) == (pytest.approx(found.down), pytest.approx(found.up))
    axes = panels(drawing.pages[0])["Width=64 Depth=3"]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["Ele", "Gamma", "Pi0", "ChPi"]
    cell = next(text for text in axes.texts if text.get_position() == (1, 2))
    assert cell.get_text() == f"{100 * count / total:.1f} %\n{count}"
    sums = drawing.data.groupby(["point", "true"])["share"].sum()
    np.testing.assert_allclose(sums, 1)


def test_with_weights_sums_stand_in_the_cells(draw, write_scan, footnote):
    points = load([write_scan(grid={"model.width": [1]}, classes=("Ele", "Pi0"), events=100)])
    with h5py.File(points[0].paths.predictions, "a") as file:
        file["weights"][...] = np.full(100, 0.25, np.float32)
    drawing = draw("confusion", points)
    assert drawing.data["count"].sum() == pytest.approx(25)
    assert drawing.data["share_up"].isna().all()
    assert "the sum of weights" in footnote(drawing.pages[0])


def test_a_class_without_events_has_no_shares(draw, write_scan):
    points = load([write_scan(grid={"model.width": [1]}, classes=("Ele", "Pi0"), events=50)])
    with h5py.File(points[0].paths.predictions, "a") as file:
        file["labels"][...] = 0
    drawing = draw("confusion", points)
    assert drawing.data.query("true == 'Pi0'")["share"].isna().all()
    assert [text.get_text() for text in drawing.pages[0].axes[0].texts][2:] == ["-", "-"]


def test_many_classes_take_a_page_per_model(draw, write_scan):
    names = [str(number) for number in range(10)]
    scan = write_scan(grid={"model.width": [1, 2]}, classes=names, events=200)
    assert [len(page.axes) for page in draw("confusion", scan).pages] == [1, 1]
    scan = write_scan("few", {"model.width": [1, 2]}, events=50)
    assert [len(page.axes) for page in draw("confusion", scan).pages] == [2]
