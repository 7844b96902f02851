import pytest

from dlscan.analysis.plots.pareto import front
from dlscan.errors import UsageError


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(1, 0.5), (2, 0.7), (3, 0.6), (4, 0.9)], [0, 1, 3]),
        ([(1, -0.5), (2, -0.7), (3, -0.6), (4, -0.1)], [0, 3]),
        # of equal cost the better, of equal pairs the first
        ([(1, 0.5), (1, 0.6), (1, 0.6)], [1]),
        # as good for more is not on it
        ([(1, 0.5), (2, 0.5)], [0]),
        ([(7, 0.1)], [0]),
    ],
)
def test_the_front_is_what_no_other_beats(pairs, expected):
    assert front(pairs) == expected


@pytest.fixture
def scan(write_scan):
    values, costs = [0.5, 0.7, 0.6, 0.9], [10, 2000, 30000, 400000]

    def change(number, record):
        record["metrics"] |= {"val_Mean_AUC": values[number - 1], "test_loss": 1 - values[number - 1]}
        record["model_parameters"] = costs[number - 1]

    return write_scan(grid={"model.width": [1, 2, 3, 4]}, classes=("Ele", "Pi0"), events=50, change=change)


def test_the_front_is_of_the_validation_split_and_named(draw, scan, legend, footnote):
    drawing = draw("pareto", scan)
    (page,) = drawing.pages
    assert drawing.data[["Parameters", "val_Mean_AUC", "on_front"]].values.tolist() == [
        [10, 0.5, True],
        [2000, 0.7, True],
        [30000, 0.6, False],
        [400000, 0.9, True],
    ]
    assert legend(page) == ["other models", "1: Width=1, 0.5000", "2: Width=2, 0.7000", "3: Width=4, 0.9000"]
    assert page.axes[0].get_xscale() == "log"
    assert "chance" not in footnote(page)


def test_a_front_of_the_test_split_says_what_that_means(draw, scan, footnote):
    drawing = draw("pareto", scan, key="test_loss", by="time")
    assert "in a pack" not in footnote(drawing.pages[0])
    assert drawing.name == "pareto-test_loss-Train_Seconds"
    assert "The best of many on the test split is partly due to chance" in footnote(drawing.pages[0])
    # a loss is better the lower it is, and all cost the same
    assert drawing.data.query("on_front")["point"].tolist() == ["4"]


@pytest.mark.parametrize("by", ["flops", "FLOPs", "Seconds_per_Epoch", "Width"])
def test_costs_go_by_their_names(draw, scan, by):
    assert draw("pareto", scan, by=by).name.casefold() == f"pareto-val_mean_auc-{by.casefold()}"


def test_the_time_of_a_pack_is_said_to_be_shared(draw, write_scan, footnote):
    packed = write_scan("packed", change=lambda number, record: record.update(pack=4))
    assert "count an equal share of its time each" in footnote(draw("pareto", packed, by="time").pages[0])


def test_models_without_either_number_are_left_out_and_counted(draw, write_scan, footnote):
    def change(number, record):
        record["flops"] = None if number == 1 else 5
        record["metrics"]["val_Mean_AUC"] = 0.5

    scan = write_scan(grid={"model.width": [1, 2]}, events=50, change=change)
    drawing = draw("pareto", scan, by="flops")
    assert drawing.data["point"].tolist() == ["2"]
    assert footnote(drawing.pages[0]).endswith("1 model has no mean AUC (validation) or no FLOPs.")


def test_a_cost_that_no_point_has_is_an_error(draw, write_scan):
    def change(_, record):
        record["flops"] = None

    with pytest.raises(UsageError, match="no point has both val_Mean_AUC and FLOPs"):
        draw("pareto", write_scan(events=50, change=change), by="flops")


def test_numbers_on_the_front_do_not_hide_each_other(draw, forty):
    (page,) = draw("pareto", forty).pages
    page.draw_without_rendering()
    boxes = [text.get_window_extent() for text in page.axes[0].texts]
    assert len(boxes) > 2
    assert not any(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[number + 1 :])


def test_very_many_models_have_no_error_bars_but_on_the_front(draw, forty, footnote, monkeypatch):
    monkeypatch.setattr("dlscan.analysis.plots.pareto.MOST_BARS", 10)
    (page,) = draw("pareto", forty).pages
    others, front = page.axes[0].containers
    assert (others.has_yerr, front.has_yerr) == (False, True)
    assert "without their error bars" in footnote(page)
