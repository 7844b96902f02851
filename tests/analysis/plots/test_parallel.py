import numpy as np
import pytest

from dlscan.errors import UsageError


def ends(page):
    """Where each line crosses each axis, by axis."""
    return np.array([patch.get_path().vertices[::3, 1] for patch in page.axes[0].patches]).T


def labels(page):
    return [text.get_text() for text in page.axes[0].texts]


def test_each_model_is_a_line_through_its_values(draw, four):
    drawing = draw("parallel", four, key="Mean_AUC")
    (page,) = drawing.pages
    assert [text.get_text() for text in page.axes[0].get_xticklabels()] == ["Width", "Depth", "mean AUC"]
    ranked = sorted(four, key=lambda point: point.record.metrics["Mean_AUC"])
    width, depth, height = ends(page)
    for column, key, low in ((width, "model.width", 64), (depth, "model.depth", 2)):
        assert [value < 0.5 for value in column] == [point.record.params[key] == low for point in ranked]
    values = np.array([point.record.metrics["Mean_AUC"] for point in ranked])
    np.testing.assert_allclose(height, (values - values[0]) / (values[-1] - values[0]))
    # behind it from the best to the worst
    assert drawing.data["Mean_AUC"].tolist() == list(values[::-1])


def test_lines_through_one_value_are_told_apart(draw, forty):
    width, depth, _ = ends(draw("parallel", forty).pages[0])
    assert len(set(width)) == len(set(depth)) == 40


def test_the_best_is_thick_and_named(draw, four, footnote):
    (page,) = draw("parallel", four).pages
    best = max(four, key=lambda point: point.record.metrics["val_Mean_AUC"])
    widths = [patch.get_linewidth() for patch in page.axes[0].patches]
    assert widths.index(max(widths)) == 3
    params = best.record.params
    expected = f"Thick: Width={params['model.width']} Depth={params['model.depth']}, highest of all"
    assert footnote(page).startswith(expected)
    assert "chance" not in footnote(page)
    (page,) = draw("parallel", four, key="test_loss").pages
    assert "lowest of all" in footnote(page)
    assert "is partly due to chance" in footnote(page)


def test_texts_truths_and_missing_values_have_their_places(draw, write_scan):
    grid = {
        "model.activation": ["relu", "elu"],
        "model.batch_norm": [True, False],
        "model.dropout": [0.0, None],
    }
    (page,) = draw("parallel", write_scan(grid=grid, events=50, classes=("Ele", "Pi0"))).pages
    assert labels(page)[:6] == ["elu", "relu", "false", "true", "0.0", "(none)"]


def test_very_many_values_stand_on_a_scale(draw, write_scan):
    grid = {"train.learning_rate": [0.1 * number for number in range(1, 16)]}
    (page,) = draw("parallel", write_scan(grid=grid, events=30, classes=("Ele", "Pi0"))).pages
    assert len(labels(page)) == 10
    assert {0.0, 1.0} <= set(ends(page)[0])


def test_many_values_over_decades_stand_on_a_logarithmic_scale(draw, write_scan):
    rates = [1e-5 * 2.0**number for number in range(15)]
    grid = {"train.learning_rate": rates}
    points = write_scan(grid=grid, events=30, classes=("Ele", "Pi0"))
    (page,) = draw("parallel", points, key="val_Mean_AUC").pages
    (found, _) = ends(page)
    np.testing.assert_allclose(sorted(found), np.linspace(0, 1, 15), atol=1e-9)
    shown = [float(text) for text in labels(page)[:5]]
    np.testing.assert_allclose(shown, np.geomspace(rates[0], rates[-1], 5), rtol=0.01)


def test_points_that_vary_nothing_are_refused(draw, write_scan):
    with pytest.raises(UsageError, match="do not vary any parameter"):
        draw("parallel", write_scan(grid={}, events=50))


def test_of_very_many_models_the_best_and_some_others_are_drawn(draw, forty, footnote, monkeypatch):
    monkeypatch.setattr("dlscan.analysis.plots.parallel.MOST_LINES", 12)
    monkeypatch.setattr("dlscan.analysis.plots.parallel.BEST_LINES", 4)
    drawing = draw("parallel", forty)
    (page,) = drawing.pages
    assert len(page.axes[0].patches) == len(drawing.rows) == 12
    assert "Drawn: the best 4 of 40 models and 8 of the others" in footnote(page)
    values = sorted((point.record.metrics["val_Mean_AUC"] for point in forty), reverse=True)
    assert drawing.data["val_Mean_AUC"].tolist()[:4] == values[:4]
    assert drawing.data["val_Mean_AUC"].iloc[-1] == values[-1]
