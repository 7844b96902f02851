"""`response`, `resolution` and `residuals`: what models predict of targets."""

import h5py
import numpy as np
import pytest

from dlscan.analysis.plots.words import measured
from dlscan.analysis.points.records import load
from dlscan.analysis.points.results import predictions as predictions_of
from dlscan.errors import ScanError, UsageError
from dlscan.metrics import (
    Estimate,
    fit_resolution,
    half_width_estimate,
    in_bins_of_truth,
    quantile_estimate,
    resolution,
)

ENERGY = {"Energy": "target[:,0,1]"}


@pytest.fixture(scope="module")
def points(energies):
    return load([energies])


def events_of(point, column=0):
    found = predictions_of(point)
    return found.predictions[:, column].astype(float), found.targets[:, column].astype(float)


def test_predictions_of_a_split_are_those_of_the_file(points):
    for split, events in (("test", 300), ("validation", 300), ("train", 600)):
        found = predictions_of(points[0], split)
        assert found.names == ("Energy", "Angle")
        assert found.predictions.shape == found.targets.shape == found.sigmas.shape == (events, 2)
        assert repr(found) == f"Predictions({events} events of Energy, Angle)"


def test_a_classification_has_no_predictions_of_targets(draw, four):
    with pytest.raises(
        UsageError, match="plot response does not fit a classification of Ele, Gamma, Pi0, ChPi"
    ):
        draw("response", four)


def test_a_damaged_file_of_predictions_is_named(write_scan):
    (point,) = load([write_scan(grid={"model.width": [1]}, targets=ENERGY, events=50)])
    with h5py.File(point.paths.predictions, "r+") as file:
        del file["targets"]
        file["targets"] = np.ones((49, 1), np.float32)
    with pytest.raises(
        ScanError, match=r"predictions\.h5: damaged: targets \(49, 1\) .* for 50 events and 1 targets"
    ):
        predictions_of(point)


def test_a_bin_of_the_response_has_the_median_of_its_events(draw, points):
    drawing = draw("response", points[:2], key="Energy", bins="10,60,110")
    predictions, truth = events_of(points[1])
    here = truth >= 60
    found = quantile_estimate(predictions[here] / truth[here], 0.5)
    row = drawing.data.query("point == 2 and low == 60").iloc[0]
    assert row["median"] == pytest.approx(found.value)
    assert (row["median_down"], row["median_up"]) == pytest.approx((found.down, found.up))
    assert (row["band_high"] - row["band_low"]) / 2 == pytest.approx(row["resolution"])
    assert row["resolution"] == pytest.approx(resolution(predictions[here], truth[here]).value)
    assert row["bias"] == pytest.approx(np.mean(predictions[here] - truth[here]))
    assert (row["events"], row["mean"]) == (here.sum(), pytest.approx(truth[here].mean()))
    (axes,) = drawing.pages[0].axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("True Energy", "Prediction / truth")
    # the first line is that of perfection; then median and band of each model
    assert axes.lines[4].get_ydata()[1] == pytest.approx(found.value)
    assert axes.lines[5].get_ydata()[1] == pytest.approx(row["band_low"])
    assert drawing.name == "response-Energy"


def test_the_resolution_is_fitted(draw, points):
    drawing = draw("resolution", points[:1], key="energy", bins="6")
    predictions, truth = events_of(points[0])
    bins = in_bins_of_truth(predictions, truth, np.quantile(truth, np.linspace(0, 1, 7)))
    fit = fit_resolution([each.mean for each in bins], [each.resolution for each in bins])
    row = drawing.data.iloc[0]
    for name in ("stochastic", "constant", "noise"):
        expected = getattr(fit, name)
        found = row[name], row[f"{name}_down"], row[f"{name}_up"]
        assert found == pytest.approx((expected.value, expected.down, expected.up), abs=1e-9)
    assert (row["chi2"], row["degrees"]) == (pytest.approx(fit.chi2), 3)
    (axes,) = drawing.pages[0].axes
    (text,) = [each.get_text() for each in axes.get_legend().get_texts()]
    assert text.startswith(("a = ", "a < "))
    curve = axes.lines[1]
    np.testing.assert_allclose(curve.get_ydata(), fit.at(curve.get_xdata()))


def test_with_too_few_bins_there_are_points_and_no_fit(draw, points):
    drawing = draw("resolution", points[:1], key="Energy", bins="2")
    assert drawing.data["stochastic"].isna().all()
    (axes,) = drawing.pages[0].axes
    assert [each.get_text() for each in axes.get_legend().get_texts()] == ["no fit to fewer than 3 points"]


def test_residuals_add_up_to_all_events_on_the_axis(draw, points, footnote):
    drawing = draw("residuals", points[:3], key="Energy", bins="20")
    predictions, truth = events_of(points[2])
    rows = drawing.data.query("point == 3")
    inside = (predictions - truth >= rows["low"].min()) & (predictions - truth <= rows["high"].max())
    assert np.sum(rows["density"] * (rows["high"] - rows["low"])) == pytest.approx(inside.mean())
    width = half_width_estimate(predictions - truth)
    assert rows["half_width"].iloc[0] == pytest.approx(width.value)
    assert rows["median"].iloc[0] == pytest.approx(np.median(predictions - truth))
    assert drawing.pages[0].axes[0].get_xlabel() == "Predicted - true Energy"


def test_residuals_far_away_are_counted_and_do_not_stretch_the_axis(draw, write_scan, footnote):
    (point,) = load([write_scan(grid={"model.width": [1]}, targets=ENERGY, events=500)])
    with h5py.File(point.paths.predictions, "r+") as file:
        file["predictions"][:5] = 1e6
    (page,) = draw("residuals", [point]).pages
    assert page.axes[0].get_xlim()[1] < 200
    assert "At most 1 % of the events of a model are beyond the axis." in footnote(page)


def test_every_target_has_a_panel_and_key_chooses(draw, points, panels):
    assert list(panels(draw("response", points).pages[0])) == ["Energy", "Angle"]
    assert list(panels(draw("residuals", points, key="angle,Energy").pages[0])) == ["Angle", "Energy"]


def test_a_target_has_the_label_of_its_name(draw, energies):
    (point, *_) = load([energies], {energies: {"Energy": "$E$ [GeV]"}})
    (page,) = draw("resolution", [point], key="Energy").pages
    assert page.axes[0].get_xlabel() == "True $E$ [GeV]"


def test_bins_of_both_signs_have_no_ratio_and_it_says_so(draw, points, footnote):
    drawing = draw("response", points[:1], key="Angle", bins="-3,0,3")
    assert drawing.data["median"].isna().tolist() == [True, False]
    assert "Bins without a point have true values of 0 or less" in footnote(drawing.pages[0])
    assert drawing.data["bias"].notna().all()


def test_a_target_without_any_ratio_is_named_and_has_no_panel(draw, write_scan, footnote, panels):
    points = load(
        [write_scan(grid={"model.width": [1]}, targets=ENERGY | {"Angle": "target[:,0,2]"}, events=100)]
    )
    with h5py.File(points[0].paths.predictions, "r+") as file:
        file["targets"][:, 1] -= 100
    (page,) = draw("response", points).pages
    assert len(page.axes) == 1
    assert "Not drawn: Angle (true values of 0 or less" in footnote(page)
    with pytest.raises(ScanError, match="nothing to draw: true values of 0 or less"):
        draw("resolution", points, key="Angle")


@pytest.mark.parametrize("kind", ["response", "resolution", "residuals"])
def test_weights_of_both_signs_are_drawn(draw, write_scan, kind):
    points = load([write_scan(grid={"model.width": [1, 2]}, targets=ENERGY, events=300)])
    for point in points:
        with h5py.File(point.paths.predictions, "r+") as file:
            file["weights"][::4] = -1.0
    drawing = draw(kind, points)
    drawing.pages[0].draw_without_rendering()
    assert len(drawing.data) > 10


@pytest.mark.parametrize(("kind", "most"), [("response", 6), ("resolution", 6), ("residuals", 6)])
def test_of_many_models_some_are_drawn_and_it_says_so(draw, points, footnote, legend, kind, most):
    (page,) = draw(kind, points, key="Energy").pages
    assert len(legend(page)) == most
    assert f"{most} of 9 models" in footnote(page)


def test_numbers_of_many_models_are_not_crammed_into_a_panel(draw, write_scan, footnote, forty_points):
    points = load([write_scan(grid=forty_points, targets=ENERGY, events=150, epochs=2, done=12)])
    (page,) = draw("resolution", points, most=12).pages
    assert page.axes[0].get_legend() is None
    assert "With more than 10 models, the parameters are in --data alone." in footnote(page)


@pytest.mark.parametrize(
    ("value", "down", "up", "text"),
    [
        (0.512, 0.013, 0.013, "0.512 ± 0.013"),
        (6.6e30, 1.6e30, 1.6e30, "(6.6 ± 1.6)e+30"),
        (1.5e-12, 1e-13, 3e-13, "(1.50 +0.30 -0.10)e-12"),
    ],
)
def test_numbers_far_from_one_have_a_power_of_ten(value, down, up, text):
    assert measured(Estimate(value, down, up)) == text
