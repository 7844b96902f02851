"""Pictures ask the task: which fit, which way is better, what is drawn where nothing is asked for."""

import pytest

from dlscan.analysis.plots import KINDS, NEEDS
from dlscan.analysis.points.records import load
from dlscan.errors import UsageError


@pytest.fixture
def nine(energies):
    """The points of a regression of nine points and two targets."""
    return load([energies])


@pytest.mark.parametrize("kind", [kind for kind, needed in NEEDS.items() if needed == "scores"])
def test_a_picture_of_scores_does_not_fit_a_regression(draw, nine, kind):
    with pytest.raises(UsageError) as error:
        draw(kind, nine)
    start, fit = str(error.value).split("; plots that fit: ")
    assert start == f"plot {kind} does not fit a regression of Energy, Angle: it needs scores of classes"
    assert fit.split(", ") == [kind for kind in KINDS if NEEDS.get(kind) in (None, "predictions")]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("bar", "bar-Mean_MAE"),
        ("heatmap", "heatmap-Mean_MAE-Width-Depth"),
        ("history", "history-loss"),
        ("importance", "importance-val_Mean_MAE"),
        ("parallel", "parallel-val_Mean_MAE"),
        ("pareto", "pareto-val_Mean_MAE-Parameters"),
    ],
)
def test_other_pictures_show_the_error(draw, nine, kind, name):
    assert draw(kind, nine).name == name


def test_the_least_error_is_the_best(draw, nine, footnote):
    errors = {point.record.point: point.record.metrics["Mean_MAE"] for point in nine}
    best = min(errors, key=errors.get)
    assert draw("bar", nine).data["point"].iloc[0] == str(best)
    assert "lowest of all" in footnote(draw("parallel", nine, key="Mean_MAE").pages[0])
    (front,) = {*draw("pareto", nine, key="Mean_MAE").data.query("on_front")["Mean_MAE"]} & {errors[best]}
    assert front == errors[best]


def test_a_bias_is_best_near_zero(draw, nine):
    values = draw("bar", nine, key="Energy_Bias").data["Energy_Bias"].abs()
    assert list(values) == sorted(values)


def test_what_costs_more_stands_first(draw, nine):
    assert list(draw("bar", nine, key="Parameters").data["Parameters"]) == [
        1000 * number for number in range(9, 0, -1)
    ]


def test_models_of_another_task_are_left_out(draw, nine, four, warnings_in):
    drawing = draw("roc", [*nine, *four], key="Ele", plain=True)
    assert set(drawing.data["scan"]) == {"lcd"}
    assert warnings_in() == ["left out 9 of 13 models: they have no scores of classes"]


def test_repeats_of_different_cost_stand_singly(draw, write_scan):
    drawing = draw("pareto", write_scan(events=40, repeats=2, classes=("Ele", "Pi0")), by="Point")
    assert list(drawing.data["Point"]) == list(range(1, 9))


@pytest.mark.parametrize("kind", ["response", "resolution", "residuals"])
def test_a_point_without_predictions_is_left_out_with_a_warning(draw, write_scan, warnings_in, kind):
    grid = {"model.width": [1, 2]}
    points = load([write_scan(grid=grid, targets={"Energy": "target[:,0,1]"}, events=200)])
    points[0].paths.predictions.unlink()
    assert set(draw(kind, points).data["point"]) == {2}
    (warning,) = warnings_in()
    assert warning.startswith(f"left out: {points[0].paths.predictions}: ")
