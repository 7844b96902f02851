"""`anomaly` and `code`: what is drawn of autoencoders."""

import numpy as np
import pytest

from dlscan.analysis.plots.code import principal
from dlscan.analysis.points.records import load
from dlscan.errors import UsageError


def test_each_class_has_a_distribution_and_each_anomaly_a_curve_with_its_area(draw, anomalies):
    drawing = draw("anomaly", anomalies, most=1)
    found = drawing.data.set_index("curve")
    assert set(found.loc["distribution"]["class"]) == {"Ele", "Pi0", "ChPi"}
    shares = found.loc["distribution"].groupby("class")["share"].sum()
    np.testing.assert_allclose(shares, 1)
    curves = found.loc["roc"]
    assert set(curves["class"]) == {"Pi0", "ChPi"}
    number = drawing.rows[0]["point"]
    (point,) = (each for each in load([anomalies]) if each.record.point == number)
    for name, curve in curves.groupby("class"):
        area = np.trapezoid(curve["anomaly"].to_numpy(float), curve["normal"].to_numpy(float))
        assert area == pytest.approx(point.record.metrics[f"{name}_Anomaly_AUC"], abs=1e-6)
        legend = drawing.pages[0].axes[1].get_legend()
        (text,) = (each.get_text() for each in legend.get_texts() if each.get_text().startswith(name))
        assert f"AUC {area:.3f}" in text


def test_distances_of_codes_are_another_picture_and_other_keys_are_refused(draw, anomalies):
    assert draw("anomaly", anomalies, most=1, key="Distances").name == "anomaly-distances"
    with pytest.raises(UsageError, match="anomaly draws --key errors or distances, got 'loss'"):
        draw("anomaly", anomalies, key="loss")
    with pytest.raises(UsageError, match="code has no --key"):
        draw("code", anomalies, key="loss")


def test_a_picture_of_codes_does_not_fit_a_classification(draw, small):
    with pytest.raises(
        UsageError, match="plot code does not fit a classification of Ele, Pi0: it needs codes"
    ):
        draw("code", small)


def test_codes_are_drawn_along_the_directions_in_which_they_differ_most():
    rng = np.random.default_rng(1)
    codes = rng.normal(5, [1.0, 9.0, 3.0], (4000, 3))
    places, (first, second) = principal(codes)
    np.testing.assert_allclose(places.std(axis=0), [9, 3], rtol=0.05)
    assert (first, second) == ("Component 1 (89% of the variance)", "Component 2 (10% of the variance)")
    # as they are
    assert principal(codes[:, :2])[0] is not None
    np.testing.assert_array_equal(principal(codes[:, :2])[0], codes[:, :2])
    assert principal(codes[:, :1])[0].shape == (4000, 2)
