import itertools
import json
import math
from fractions import Fraction

import numpy as np
import pytest

from dlscan.analysis.plots.search import _best_of
from dlscan.analysis.points.records import load
from dlscan.errors import UsageError

WIDTHS, RATES = [4, 8, 16, 32, 64, 128], [1e-4, 1e-3, 1e-2]


@pytest.fixture
def scan(write_scan):
    """A search of 18 points, whose number is best at a width of 32 and a rate of 1e-3."""
    points = [(width, rate) for width in WIDTHS for rate in RATES]

    def change(number, record):
        width, rate = points[number - 1]
        value = 0.9 - 0.02 * abs(np.log2(width / 32)) - 0.05 * abs(np.log10(rate / 1e-3))
        record["metrics"]["val_Mean_AUC"] = float(value)
        record["train_seconds"] = 360.0

    grid = {"model.width": WIDTHS, "train.learning_rate": RATES}
    return write_scan(grid=grid, classes=("Ele", "Pi0"), events=50, change=change)


def with_method(scan, method, **more):
    plan = json.loads((scan / "plan.json").read_text())
    plan["config"] = {"scan": {"search": {"method": method, "points": 18, **more}}}
    (scan / "plan.json").write_text(json.dumps(plan))


def test_the_best_so_far_never_gets_worse(draw, scan):
    data = draw("search", scan).data
    assert data["tried"].tolist() == list(range(1, 19))
    assert data["best"].is_monotonic_increasing
    assert data["best"].iloc[-1] == pytest.approx(0.9) == data["val_Mean_AUC"].max()
    assert data["hours"].iloc[-1] == pytest.approx(1.8)
    assert (data["low"] <= data["best"]).all()
    # of a loss the lowest
    losses = draw("search", scan, key="test_loss").data["best"]
    assert losses.is_monotonic_decreasing


def test_models_that_halving_stopped_were_tried_too(draw, scan, footnote, fakes):
    fakes["stop_early"](scan, 3, 1, 2, 6, 18)
    drawing = draw("search", scan)
    data = drawing.data
    assert data["tried"].tolist() == [number for number in range(1, 19) if number not in (1, 2, 6, 18)]
    assert data["best"].is_monotonic_increasing
    assert data["hours"].tolist()[:4] == pytest.approx(
        [(stopped * 3 + 360 * n) / 3600 for stopped, n in ((2, 1), (2, 2), (2, 3), (3, 4))]
    )
    (page,) = drawing.pages
    assert page.axes[0].lines[0].get_xdata()[[0, -1]].tolist() == [1, 18]
    assert np.isnan(page.axes[0].lines[0].get_ydata()[:2]).all()
    assert "4 models of 18 were paused or stopped by scan.halving: no cross." in footnote(page)
    # who selects some of those that are finished has selected none of these
    some = draw("search", [point for point in load([scan]) if point.record.point > 9])
    assert some.data["tried"].tolist() == list(range(1, 9))
    assert "halving" not in footnote(some.pages[0])


def test_of_points_at_random_those_that_halving_stopped_are_the_last_in_rank(draw, scan, fakes):
    with_method(scan, "random")
    fakes["stop_early"](scan, 3, *range(1, 13))
    data = draw("search", scan).data
    assert data["tried"].tolist() == list(range(13, 19))
    (page,) = draw("search", scan).pages
    line = page.axes[0].lines[0].get_ydata()
    # the first of an order is one that was stopped in more than half of all
    assert np.isnan(line).tolist() == [True] + [False] * 17
    assert line[-1] == data["val_Mean_AUC"].max()


def test_repeats_that_halving_stopped_are_one_model(draw, write_scan, fakes):
    grid = {"model.width": [4, 8, 16]}
    scan = write_scan(grid=grid, classes=("Ele", "Pi0"), events=50, repeats=2)
    fakes["stop_early"](scan, 3, 3, 4)
    data = draw("search", scan).data
    assert data["tried"].tolist() == [1, 3]
    assert data["hours"].iloc[1] * 3600 == pytest.approx(4 * 30 + 2 * 3)


@pytest.mark.parametrize(
    ("seconds", "unit"),
    [
        (0.003, "Seconds"),
        (0.31, "Seconds"),
        (5.0, "Seconds"),
        (7.7, "Minutes"),
        (300.0, "Minutes"),
        (1e3, "Hours"),
        (1e7, "Hours"),
    ],
)
def test_times_have_a_unit_that_fits_and_their_labels_do_not_touch(draw, write_scan, seconds, unit):
    def change(number, record):
        record["train_seconds"] = seconds * (1 + 0.01 * number)

    scan = write_scan(grid={"model.width": WIDTHS, "train.learning_rate": RATES}, events=50, change=change)
    (page,) = draw("search", scan).pages
    page.canvas.draw()
    left, right = page.axes
    assert right.get_xlabel() == f"{unit} of training, one after the other"
    high = right.get_xlim()[1]
    for axes in (left, right):
        shown = [
            label.get_window_extent()
            for place, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
            if axes.get_xlim()[0] <= place <= axes.get_xlim()[1]
        ]
        assert len(shown) > 2
        assert all(one.x1 + 4 < other.x0 for one, other in itertools.pairwise(shown))
    assert high * dict(Seconds=1, Minutes=60, Hours=3600)[unit] == pytest.approx(
        seconds * 18 * 1.095, rel=0.06
    )


def test_points_at_random_are_the_median_over_their_orders(draw, scan, footnote):
    with_method(scan, "random")
    drawing = draw("search", scan)
    note = footnote(drawing.pages[0])
    assert "median over all orders" in note
    assert note.casefold().count("band:") == 1
    values = np.sort(drawing.data["val_Mean_AUC"])[::-1]
    rng = np.random.default_rng(1)
    drawn = [rng.permutation(values)[:5].max() for _ in range(4000)]
    assert drawing.data["best"].iloc[4] == pytest.approx(np.median(drawn), abs=0.011)
    assert _best_of(values, 0.5)[0] == np.quantile(values, 0.5, method="higher")


@pytest.fixture
def losses(write_scan):
    """A scan whose models with the best loss are not those with the best area, nor is the accuracy."""

    def change(number, record):
        record["metrics"] |= {
            "val_Mean_AUC": 0.9 - 0.01 * number,
            "best_val_loss": 0.5 - 0.01 * number,
            "val_kept_accuracy": 0.8 - 0.01 * abs(number - 2),
        }

    return lambda name: write_scan(name, {"model.width": WIDTHS}, classes=("Ele", "Pi0"), change=change)


@pytest.mark.parametrize(
    ("metric", "column", "best"),
    [
        ("val_loss", "best_val_loss", 6),
        ("-best_val_loss", "best_val_loss", 6),
        (["-Parameters", "val_accuracy"], "val_kept_accuracy", 2),
        ("val_auc", "val_Mean_AUC", 1),
        # none of the validation split, or none that a model has
        ("-Parameters", "val_Mean_AUC", 1),
        ("val_Mu_AUC", "val_Mean_AUC", 1),
    ],
)
def test_models_are_drawn_by_what_their_search_makes_good(draw, losses, footnote, metric, column, best):
    scan = losses("lcd")
    with_method(scan, "tpe", metric=metric)
    drawing = draw("search", scan)
    assert drawing.name == f"search-{column}"
    assert drawing.data["best"].iloc[-1] == drawing.data[column][best - 1]
    for kind in ("slice", "parallel", "pareto"):
        assert column in draw(kind, scan).name
    assert f"Diamond: Width={WIDTHS[best - 1]}," in footnote(draw("slice", scan).pages[0])
    assert draw("slice", scan, key="val_auc").name == "slice-val_Mean_AUC"


def test_searches_by_different_metrics_are_drawn_by_what_the_task_chooses_by(draw, losses):
    scans = [losses(name) for name in ("grid", "tpe", "zoom")]
    with_method(scans[1], "tpe", metric="val_loss")
    assert draw("search", load(scans)).name == "search-best_val_loss"
    with_method(scans[2], "zoom")
    assert draw("search", load(scans)).name == "search-val_Mean_AUC"


def test_slices_have_a_panel_per_parameter(draw, scan):
    (page,) = draw("slice", scan).pages
    panels = [axes for axes in page.axes if axes.get_visible()]
    assert [axes.get_xlabel() for axes in panels] == ["Width", "Learning_Rate"]
    assert {axes.get_xscale() for axes in panels} == {"log"}
    assert len(draw("slice", scan, by="width").pages[0].axes) == 1


def test_parameters_that_are_lists_are_places_on_an_axis(draw, write_scan):
    """Widths of layers, and windows that are pairs in some points and numbers in others."""
    grid = {"model.widths": [[8], [8, 16], 4], "model.width": [4, 8, 16]}
    scan = write_scan(grid=grid, classes=("Ele", "Pi0"), events=50)
    (page,) = draw("slice", scan).pages
    texts = {axes.get_xlabel(): [text.get_text() for text in axes.get_xticklabels()] for axes in page.axes}
    assert sorted(texts["Widths"]) == ["4", "[8,16]", "[8]"]
    (widths,) = [axes for axes in page.axes if axes.get_xlabel() == "Widths"]
    assert widths.get_xlim() == (-0.5, 2.5)  # no value is cut off
    for kind in ("parallel", "importance", "heatmap", "pareto", "bar"):
        assert draw(kind, scan).pages
    with pytest.raises(UsageError, match="two parameters that are numbers"):
        draw("contour", scan)


def test_a_contour_takes_two_numbers(draw, scan):
    drawing = draw("contour", scan)
    assert drawing.name == "contour-val_Mean_AUC-Width-Learning_Rate"
    assert len(drawing.rows) == 18
    with pytest.raises(UsageError, match=r"two parameters that are numbers.* vary: Width, Learning_Rate$"):
        draw("contour", scan, by="width")


def test_a_contour_says_which_models_it_cannot_draw(draw, write_scan, footnote):
    grid = {"model.width": [4, 8, 16], "model.dropout": [0.0, 0.5, None]}
    scan = write_scan(grid=grid, classes=("Ele", "Pi0"), events=50)
    note = footnote(draw("contour", scan, by="width,dropout").pages[0])
    assert "of the 6 models drawn" in note
    assert "3 models without these numbers: not drawn" in note


def test_a_contour_of_one_line_is_refused(draw, write_scan):
    scan = write_scan(grid={"model.width": [4, 8, 16]}, classes=("Ele", "Pi0"), events=50)
    with pytest.raises(UsageError, match="two parameters"):
        draw("contour", scan)


def test_whole_numbers_have_ticks_at_whole_numbers_and_no_model_is_cut_off(draw, write_scan):
    grid = {"model.depth": [1, 2, 3], "model.width": [4, 8]}
    scan = write_scan(grid=grid, classes=("Ele", "Pi0"), events=50)
    (page,) = draw("contour", scan, by="width,depth").pages
    assert all(tick == round(tick) for tick in page.axes[0].get_yticks())
    assert not any(mark.get_clip_on() for mark in (page.axes[0].lines[0], page.axes[0].collections[-1]))
    assert "Other parameters" not in " ".join(text.get_text() for text in page.texts)
    (page,) = draw("slice", scan, by="depth").pages
    assert all(tick == round(tick) for tick in page.axes[0].get_xticks())


def test_the_best_of_points_at_random_is_that_of_all_orders():
    """By the chances themselves, as exact numbers."""
    for count in (1, 2, 7, 30):
        ranked = np.arange(count, 0, -1.0)
        for share in (0.5, 0.16, 0.84):
            for tried in range(1, count + 1):
                none = (
                    Fraction(math.comb(count - k, tried), math.comb(count, tried))
                    for k in range(1, count + 1)
                )
                reached = next(k for k, chance in enumerate(none, 1) if 1 - chance >= Fraction(str(share)))
                assert _best_of(ranked, share)[tried - 1] == ranked[reached - 1]
