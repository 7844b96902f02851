import h5py
import numpy as np
import pytest

from dlscan.metrics import calibration_error, reliability


def test_points_are_the_reliability_of_the_scores(draw, four):
    drawing = draw("calibration", four, bins="5")
    with h5py.File(four[1].paths.predictions) as file:
        scores, labels = file["scores"][:], file["labels"][:]
    expected = reliability(scores, labels, 5)
    rows = drawing.data.query("point == 2")
    for name in ("confidence", "correct", "weight"):
        np.testing.assert_allclose(rows[name], getattr(expected, name))
    np.testing.assert_allclose(rows["correct_up"], expected.up)
    error = calibration_error(scores, labels, bins=5)
    assert rows["calibration_error"].iloc[0] == pytest.approx(error.value)
    upper, lower = drawing.pages[0].axes
    there = expected.weight > 0
    # the first line is that of perfection
    np.testing.assert_allclose(upper.lines[2].get_ydata(), expected.correct[there])
    assert f"{error.value:.4f}" in upper.get_legend().get_texts()[1].get_text()
    assert lower.get_xlabel() == "Highest score"
