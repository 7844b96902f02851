import json
import re

import numpy as np
import pytest

from dlscan.analysis.plots.history import BEST, RESUMED
from dlscan.analysis.points.records import load
from dlscan.attempts import resumptions

KEPT, WENT_ON = BEST["marker"], RESUMED["marker"]


def lines(page):
    """The lines of a page's models, without the marks on them."""
    return [line for line in page.axes[0].lines if line.get_linestyle() != "None"]


def marks(page, marker):
    """Epochs that stand marked, line by line."""
    found = [line for line in page.axes[0].lines if line.get_marker() == marker]
    return [list(line.get_xdata()) for line in found]


def write_attempts(point, *attempts):
    point.paths.attempts.mkdir()
    for number, attempt in enumerate(attempts, 1):
        text = attempt if isinstance(attempt, str) else json.dumps({"number": number} | attempt)
        (point.paths.attempts / f"{number:04}.json").write_text(text)


def test_training_and_validation_are_drawn_together(draw, four, legend):
    (page,) = draw("history", four).pages
    (axes,) = page.axes
    names = ["Width=64 Depth=2", "Width=64 Depth=3", "Width=256 Depth=2", "Width=256 Depth=3"]
    assert legend(page) == [*names, "training", "validation", "epoch whose weights were kept"]
    written = np.loadtxt(four[2].paths.history, delimiter=",", skiprows=1)
    loss, val_loss = lines(page)[4:6]
    np.testing.assert_array_equal(loss.get_data(), written[:, [0, 1]].T)
    np.testing.assert_array_equal(val_loss.get_data(), written[:, [0, 3]].T)
    assert loss.get_color() == val_loss.get_color() != lines(page)[0].get_color()
    assert (loss.get_linestyle(), val_loss.get_linestyle()) == ("-", "--")
    assert (axes.get_ylabel(), page.get_suptitle()) == ("loss", "Loss over the epochs")


@pytest.mark.parametrize("key", ["VAL_LOSS", "events_per_second"])
def test_a_key_without_a_partner_is_one_line_per_model(draw, four, key):
    drawing = draw("history", four, key=key)
    assert len(lines(drawing.pages[0])) == 4
    assert list(drawing.data) == [
        "scan", "point", "model", "epoch", key.casefold(), "best", "resumed_after",
    ]  # fmt: skip


def test_the_numbers_behind_it_are_the_history(draw, four):
    rows = draw("history", four).data
    written = np.loadtxt(four[1].paths.history, delimiter=",", skiprows=1)
    np.testing.assert_array_equal(
        rows[rows["point"] == 2][["epoch", "loss", "val_loss"]], written[:, [0, 1, 3]]
    )
    assert list(rows[rows["best"]]["epoch"]) == [10, 10, 10, 10]


def test_the_kept_epoch_is_marked_on_the_line_of_validation(draw, four):
    (page,) = draw("history", four).pages
    assert marks(page, KEPT) == [[10]] * 4
    star = next(line for line in page.axes[0].lines if line.get_marker() == KEPT)
    assert star.get_ydata()[0] == lines(page)[1].get_ydata()[9]


def test_where_another_attempt_went_on_is_marked(draw, write_scan, legend, footnote):
    points = load([write_scan(events=50)])
    write_attempts(points[0], {"resumed_after": 0}, {"resumed_after": 3}, {"resumed_after": 7})
    # one died on the way, one had only the record to write
    write_attempts(points[1], {"resumed_after": 0}, {"resumed_after": None}, {"resumed_after": 12})
    drawing = draw("history", points)
    (page,) = drawing.pages
    assert marks(page, WENT_ON) == [[3.5, 7.5]]
    assert "continued in another attempt" in legend(page)
    assert footnote(page) == ""
    rows = drawing.data
    assert list(rows[rows["resumed_after"]]["epoch"]) == [3, 7]


def test_an_epoch_that_is_not_on_record_is_said_and_not_made_up(draw, write_scan, footnote):
    points = load([write_scan(events=50)])
    write_attempts(points[0], {}, {})
    write_attempts(points[2], {}, "{")
    (page,) = draw("history", points).pages
    assert marks(page, WENT_ON) == []
    assert footnote(page) == "2 models continued in another attempt after an epoch that was not recorded."


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        ([], []),
        ([{"resumed_after": 0}], []),
        ([{}, {}], [None]),
        ([{"resumed_after": 0}, {"resumed_after": 4}, "[1]"], [4, None]),
        # the checkpoint was removed, and training began anew
        ([{"resumed_after": 0}, {"resumed_after": 4}, {"resumed_after": 0}, {"resumed_after": 2}], [2]),
    ],
)
def test_resumptions_are_those_that_led_to_the_history(four, write_scan, attempts, expected):
    point = load([write_scan(events=50)])[0]
    write_attempts(point, *attempts)
    assert resumptions(point.paths) == expected


def test_the_legend_stands_right_of_the_axes(draw, four):
    (page,) = draw("history", four).pages
    page.draw_without_rendering()
    assert page.legends[0].get_window_extent().x0 >= page.axes[0].get_window_extent().x1


def test_pages_hold_as_many_models_as_asked_on_one_scale(draw, forty, legend):
    pages = draw("history", forty[:10], per_page=4).pages
    assert [len(lines(page)) for page in pages] == [8, 8, 4]
    names = [name for page in pages for name in legend(page) if name.startswith("Width")]
    assert names == [f"Width={width} Depth={depth}" for width in (16, 32) for depth in range(1, 6)]
    assert len({(page.axes[0].get_ylim(), page.axes[0].get_xlim()) for page in pages}) == 1
    assert pages[1].get_suptitle() == "Loss over the epochs (page 2 of 3)"


def test_twenty_models_on_a_page_can_be_told_apart(draw, forty, legend):
    (page,) = draw("history", forty[:20], per_page=20).pages
    looks = {(line.get_color(), line.get_marker()) for line in page.legends[0].legend_handles[:20]}
    assert len(looks) == 20


def test_models_follow_the_order_asked_for(draw, four, legend):
    (page,) = draw("history", four, sort=("-Width", "Depth")).pages
    assert legend(page)[:4] == [
        "Width=256 Depth=2",
        "Width=256 Depth=3",
        "Width=64 Depth=2",
        "Width=64 Depth=3",
    ]


def test_one_explosion_does_not_press_the_other_lines_flat_and_is_said(draw, write_scan):
    points = load([write_scan(epochs=60, events=50)])
    path = points[1].paths.history
    text = path.read_text().splitlines()
    text[5] = "5,1e6,0.5,1e6,0.5,2,1e5"
    path.write_text("\n".join(text))
    (axes,) = draw("history", points).pages[0].axes
    assert axes.get_ylim()[1] < 3
    assert re.fullmatch(r"\d+ values lie outside the range shown", axes.get_title(loc="left"))


def test_a_usual_history_is_shown_whole(draw, four):
    (page,) = draw("history", four).pages
    (axes,) = page.axes
    values = np.concatenate([line.get_ydata() for line in lines(page)])
    assert axes.get_ylim()[0] < values.min() < values.max() < axes.get_ylim()[1]
    assert axes.get_title(loc="left") == ""


def test_a_history_of_one_epoch_can_be_seen(draw, write_scan):
    (page,) = draw("history", write_scan(epochs=1, events=50)).pages
    assert all(line.get_marker() not in ("", "None", None) for line in page.axes[0].lines)


def test_a_point_without_history_is_left_out_and_named(draw, write_scan, warnings_in):
    points = load([write_scan(events=50)])
    points[1].paths.history.unlink()
    assert set(draw("history", points).data["point"]) == {1, 3, 4}
    (warning,) = warnings_in()
    assert str(points[1].paths.history) in warning


@pytest.mark.parametrize(("epochs", "expected"), [(1, (0.5, 1.5)), (3, (0.94, 3.06))])
def test_the_axis_begins_with_the_first_epoch(draw, write_scan, epochs, expected):
    scan = write_scan(grid={"model.width": [1]}, classes=("Ele", "Pi0"), events=50, epochs=epochs)
    assert draw("history", scan).pages[0].axes[0].get_xlim() == pytest.approx(expected)


def stop_early(directory, number, epochs):
    """Make a finished point one that has paused at a rung."""
    plan = json.loads((directory / "plan.json").read_text())
    plan["config"] = {"scan": {"halving": {"first": epochs, "factor": 3}}}
    (directory / "plan.json").write_text(json.dumps(plan))
    (folder,) = directory.glob(f"points/{number:04}-*")
    (folder / "record.json").unlink()
    lines = (folder / "history.csv").read_text().splitlines()
    (folder / "history.csv").write_text("\n".join(lines[: epochs + 1]) + "\n")
    (folder / "attempts").mkdir()
    attempt = {"number": 1, "host": "a", "pid": 1, "job": None, "started": "2026-01-01T00:00:00+00:00"}
    attempt["outcome"] = "paused"
    (folder / "attempts" / "0001.json").write_text(json.dumps(attempt))


def test_points_that_halving_stopped_are_thin_lines_behind_the_others(draw, write_scan, legend, caplog):
    directory = write_scan(events=50)
    stop_early(directory, 3, 2)
    with caplog.at_level("INFO"):
        points = load([directory])
    assert "1 of 4 points paused or stopped by scan.halving; see dlscan status" in caplog.text
    assert "not done" not in caplog.text  # nothing is left to do
    drawing = draw("history", points)
    (page,) = drawing.pages
    assert "paused or stopped by scan.halving" in legend(page)
    rows = drawing.data
    assert list(rows[rows["point"] == 3]["epoch"]) == [1, 2]
    assert sorted(set(rows["point"])) == [1, 2, 3, 4]


def test_losses_of_different_kinds_do_not_share_an_axis(draw, write_scan):
    def change(number, record):
        record["params"]["train.loss"] = "focal" if number == 2 else "cross_entropy"

    points = load([write_scan(events=50, change=change)])
    pages = draw("history", points).pages
    titles = [page.get_suptitle() for page in pages]
    assert titles == [
        "Loss over the epochs: cross_entropy (page 1 of 2)",
        "Loss over the epochs: focal with gamma 2 (page 2 of 2)",
    ]
    assert [len(lines(page)) for page in pages] == [6, 2]
    assert len(draw("history", points, key="accuracy").pages) == 1


def test_of_very_many_models_the_best_are_drawn(draw, four, monkeypatch):
    monkeypatch.setattr("dlscan.analysis.plots.history.MOST_MODELS", 3)
    drawing = draw("history", four)
    best = sorted(four, key=lambda point: -point.record.metrics["val_Mean_AUC"])[:3]
    assert set(drawing.data["point"]) == {point.record.point for point in best}
    (remark,) = drawing.remarks
    assert remark.startswith("3 of 4 models: the best by")
