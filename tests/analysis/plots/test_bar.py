import dataclasses
import math

import pytest

from dlscan.analysis.points.records import load
from dlscan.errors import UsageError


@pytest.fixture
def widths_with(write_scan):
    """A scan whose points have these values of Ele_AUC, without uncertainties."""

    def write(values, errors=None, **options):
        def change(number, record):
            record["metrics"]["Ele_AUC"] = values[number - 1]
            record["errors"] = {} if errors is None else {"Ele_AUC": errors[number - 1]}

        grid = {"model.width": list(range(len(values) // options.get("repeats", 1)))}
        return write_scan(grid=grid, classes=("Ele", "Pi0"), events=20, change=change, **options)

    return write


def shown(axes):
    return [text.get_text() for text in axes.texts]


def bars(axes):
    names = [text.get_text() for text in axes.get_yticklabels()]
    return dict(zip(names, shown(axes), strict=True))


def points(axes):
    """Where the point of each model is."""
    return [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "o"]


def error_bars(axes):
    """The ends of all error bars."""
    return [tuple(segment[:, 0]) for lines in axes.collections for segment in lines.get_segments()]


def test_bars_go_from_high_to_low_with_their_numbers(draw, widths_with):
    drawing = draw("bar", widths_with([0.9, None, 0.99, 0.95]), key="ele_auc")
    (axes,) = drawing.pages[0].axes
    assert list(bars(axes).items()) == [
        ("Width=2", "0.9900"),
        ("Width=3", "0.9500"),
        ("Width=0", "0.9000"),
        ("Width=1", "not defined"),
    ]
    assert points(axes) == pytest.approx([0.99, 0.95, 0.9])
    assert list(drawing.data["Ele_AUC"].dropna()) == [0.99, 0.95, 0.9]
    assert list(drawing.data["point"]) == ["3", "4", "1", "2"]


def test_bars_keep_an_order_that_was_asked_for(draw, widths_with):
    (axes,) = draw("bar", widths_with([0.9, 0.99, 0.95]), key="Ele_AUC", sort=("Width",)).pages[0].axes
    assert list(bars(axes)) == ["Width=0", "Width=1", "Width=2"]


def test_error_bars_are_the_intervals_of_the_record(draw, widths_with, footnote):
    loaded = load([widths_with([0.5, 0.7, 0.6], [[0.1, 0.2], [0.05, 0.0], [0.0, 0.0]])])
    open_ended = dataclasses.replace(loaded[1].record, errors={"Ele_AUC": [0.05, math.inf]})
    loaded[1] = dataclasses.replace(loaded[1], record=open_ended)
    drawing = draw("bar", loaded, key="Ele_AUC", sort=("Width",))
    (axes,) = drawing.pages[0].axes
    assert error_bars(axes)[0] == pytest.approx((0.4, 0.7))
    # an end without bound is not drawn
    assert error_bars(axes)[1] == pytest.approx((0.65, 0.7))
    assert list(drawing.data["low"]) == pytest.approx([0.4, 0.65, 0.6])
    assert drawing.data["high"].isna().tolist() == [False, True, False]
    assert footnote(drawing.pages[0]) == "Error bars: statistical uncertainty (68 %)."


def test_without_intervals_nothing_is_said_of_them(draw, widths_with, footnote):
    (page,) = draw("bar", widths_with([0.5, 0.7]), key="Ele_AUC").pages
    assert error_bars(page.axes[0]) == []
    assert footnote(page) == ""


def test_repeats_are_one_bar_with_their_mean_spread_and_points(draw, widths_with, footnote):
    drawing = draw("bar", widths_with([0.5, 0.7, 0.8, 0.9], repeats=2), key="Ele_AUC", sort=("Width",))
    (axes,) = drawing.pages[0].axes
    assert bars(axes) == {"Width=0": "0.6000", "Width=1": "0.8500"}
    spread = 0.1 * 2**0.5
    assert error_bars(axes)[0] == pytest.approx((0.6 - spread, 0.6 + spread))
    assert [0.5, 0.7] in [list(line.get_xdata()) for line in axes.lines]
    assert list(drawing.data["repeats"]) == [2, 2]
    assert "standard deviation over repeats" in footnote(drawing.pages[0])


def test_the_number_stands_behind_all_that_is_drawn_of_a_bar(draw, widths_with):
    (axes,) = draw("bar", widths_with([0.5, 0.9], repeats=2), key="Ele_AUC").pages[0].axes
    assert axes.texts[0].xy[0] == pytest.approx(0.7 + 0.2 * 2**0.5)


@pytest.mark.parametrize("values", [[0.97, 0.98, 0.99], [0.2, 0.9], [0.5, 0.5], [-0.5, 0.5]])
def test_no_length_stands_for_a_number_where_the_axis_need_not_start_at_zero(draw, widths_with, values):
    (axes,) = draw("bar", widths_with(values), key="Ele_AUC").pages[0].axes
    start, end = axes.get_xlim()
    assert start < min(values)
    assert max(values) < end
    assert len(axes.patches) == 0
    assert sorted(points(axes)) == pytest.approx(values)


def test_very_many_bars_go_on_several_pages_on_one_scale(draw, widths_with):
    pages = draw("bar", widths_with([0.5] * 61), key="Parameters").pages
    assert [len(points(page.axes[0])) for page in pages] == [60, 1]
    assert pages[0].axes[0].get_xlim() == pages[1].axes[0].get_xlim()
    assert pages[1].get_suptitle() == "Trainable parameters of 61 models (page 2 of 2)"


def test_a_bar_can_show_any_numeric_column(draw, four):
    (axes,) = draw("bar", four, key="parameters").pages[0].axes
    assert shown(axes) == ["4000", "3000", "2000", "1000"]


@pytest.mark.parametrize("key", ["Host", "Model Name", "Family"])
def test_a_column_of_text_is_no_key(draw, four, key):
    with pytest.raises(UsageError, match="numeric column"):
        draw("bar", four, key=key)


def test_a_number_that_no_point_has_is_an_error(draw, widths_with):
    with pytest.raises(UsageError, match="no point has a value for Ele_AUC"):
        draw("bar", widths_with([None, None]), key="Ele_AUC")


def test_of_very_many_models_the_best_are_drawn(draw, forty, footnote, monkeypatch):
    monkeypatch.setattr("dlscan.analysis.plots.bar.MOST_BARS", 7)
    drawing = draw("bar", forty)
    assert len(drawing.rows) == 7
    assert "The best 7 of 40 models; the others are not shown." in footnote(drawing.pages[0])
    assert drawing.remarks
    assert not draw("bar", forty[:7]).remarks
