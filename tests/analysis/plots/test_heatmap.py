import statistics

import matplotlib as mpl
import pytest

from dlscan.analysis.points.records import load
from dlscan.errors import UsageError

GRID = {"model.width": [64, 8], "model.depth": [3, 2]}


def written(axes):
    """The texts of the cells."""
    return [
        text.get_text() for text in axes.findobj(mpl.text.Text) if text.axes is axes and text in axes.texts
    ]


def test_cells_hold_the_number_of_their_model_in_the_order_of_values(draw, write_scan):
    scan = write_scan(grid=GRID, events=50)
    drawing = draw("heatmap", scan)
    axes, _ = drawing.pages[0].axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["8", "64"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["2", "3"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("Width", "Depth")
    record = {
        (p.record.params["model.width"], p.record.params["model.depth"]): p.record for p in load([scan])
    }
    cells = axes.images[0].get_array()
    for row, width in enumerate((8, 64)):
        for column, depth in enumerate((2, 3)):
            value = record[width, depth].metrics["Mean_AUC"]
            assert cells[row, column] == value
            assert f"{value:.4f}" in written(axes)
    rows = drawing.data.set_index(["Width", "Depth"])
    assert rows.loc[(8, 3), "Mean_AUC"] == record[8, 3].metrics["Mean_AUC"]
    assert rows.loc[(8, 3), "low"] == pytest.approx(
        record[8, 3].metrics["Mean_AUC"] - record[8, 3].errors["Mean_AUC"][0]
    )


def test_the_parameters_can_be_chosen(draw, four):
    drawing = draw("heatmap", four, by="depth,model.width", key="Parameters")
    assert drawing.name == "heatmap-Parameters-Depth-Width"
    assert drawing.pages[0].axes[0].get_ylabel() == "Depth"


def test_repeats_are_averaged(draw, write_scan, footnote):
    scan = write_scan(grid=GRID, repeats=3, events=50, classes=("Ele", "Pi0"))
    drawing = draw("heatmap", scan)
    values = [point.record.metrics["Mean_AUC"] for point in load([scan])[:3]]
    row = drawing.data.query("Width == 64 and Depth == 3").iloc[0]
    assert row["Mean_AUC"] == pytest.approx(statistics.fmean(values))
    assert row["high"] - row["Mean_AUC"] == pytest.approx(statistics.stdev(values))
    assert row["repeats"] == 3
    assert footnote(drawing.pages[0]) == "±: standard deviation over repeats."


def test_several_models_in_one_cell_are_refused_with_what_to_choose(draw, write_scan):
    scan = write_scan(grid=GRID | {"model.activation": ["relu", "elu"]}, events=50, classes=("Ele", "Pi0"))
    with pytest.raises(UsageError, match=r"share the cell Width=64 Depth=3 and differ in Activation; select "
                                         r"one, such as with --where 'Activation==\"relu\"'"):  # fmt: skip
        draw("heatmap", scan)
    points = [point for point in load([scan]) if point.record.params["model.activation"] == "relu"]
    assert len(draw("heatmap", points).data) == 4


def test_a_cell_without_a_model_is_empty_and_said(draw, four, footnote):
    (page,) = draw("heatmap", four[:3]).pages
    assert page.axes[0].images[0].get_array().mask.sum() == 1
    assert "Grey: no finished model." in footnote(page)


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("Width", "a heatmap needs two parameters"),
        ("Width,Width", "names a parameter twice"),
        ("Width,Dept", "did you mean 'Depth'"),
        ("Width,Mean_AUC", "no parameter 'Mean_AUC'"),
    ],
)
def test_wrong_parameters_are_refused(draw, four, by, message):
    with pytest.raises(UsageError, match=message):
        draw("heatmap", four, by=by)


def test_a_scan_of_one_parameter_has_no_heatmap(draw, write_scan):
    scan = write_scan(grid={"model.width": [1, 2]}, events=50)
    with pytest.raises(UsageError, match="needs two parameters, but these points vary Width"):
        draw("heatmap", scan)


def test_eight_by_five_numbers_do_not_touch(draw, forty):
    (page,) = draw("heatmap", forty).pages
    page.draw_without_rendering()
    boxes = [text.get_window_extent() for text in page.axes[0].texts]
    assert len(boxes) == 80
    assert not any(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[number + 1 :])


def test_colours_do_not_paint_noise(draw, write_scan):
    def close(number, record):
        record["metrics"]["Mean_AUC"] = 0.9 + 0.001 * number
        record["errors"]["Mean_AUC"] = [0.02, 0.01]

    def apart(number, record):
        record["metrics"]["Mean_AUC"] = 0.5 + 0.1 * number
        record["errors"]["Mean_AUC"] = [0.02, 0.01]

    limits = []
    for name, change in (("close", close), ("apart", apart)):
        drawing = draw("heatmap", write_scan(name, GRID, events=20, change=change))
        limits.append(drawing.pages[0].axes[0].images[0].get_clim())
    assert limits[0] == pytest.approx((0.9025 - 0.03, 0.9025 + 0.03))
    assert limits[1] == pytest.approx((0.6, 0.9))


def test_of_very_many_cells_there_are_colours_alone(draw, forty, footnote, monkeypatch):
    (plain,) = draw("heatmap", forty).pages
    monkeypatch.setattr("dlscan.analysis.plots.heatmap.MOST_WRITTEN", 3)
    monkeypatch.setattr("dlscan.analysis.plots.heatmap.MOST_TICKS", 3)
    (page,) = draw("heatmap", forty).pages
    assert plain.axes[0].texts
    assert not page.axes[0].texts
    assert "Too many cells for their numbers" in footnote(page)
    assert len(page.axes[0].get_xticks()) <= 3
    assert len(page.axes[0].get_yticks()) <= 3
