"""Scans of different datasets in one table: a column says which events, and nothing compares across them."""

import pytest

from dlscan.analysis.plots import KINDS, Options
from dlscan.analysis.plots.drawing import draw
from dlscan.analysis.points.records import load
from dlscan.analysis.report.build import report
from dlscan.analysis.tables.table import table
from dlscan.errors import UsageError


@pytest.fixture
def scans(write_scan):
    """Two scans of the same networks on different datasets; the second one's numbers are all better."""

    def other(number, record):
        record["dataset"].update(config_hash="4567", path="/data/prepared/other")
        record["metrics"] = {
            name: value + 0.01 if name.endswith("Mean_AUC") else value
            for name, value in record["metrics"].items()
        }

    def first(number, record):
        record["dataset"].update(path="/data/prepared/first")

    return [write_scan("one", done=3, change=first), write_scan("two", done=3, change=other)]


def test_a_column_says_which_events(scans, caplog):
    points = load(scans)
    assert "numbers on different events cannot be compared, see the column Events" in caplog.text
    shown = table(points)
    assert [column.name for column in shown.columns[:3]] == ["Model Name", "Scan", "Events"]
    assert list(shown.columns[2].values) == ["first"] * 3 + ["other"] * 3
    # where there is nothing to tell apart, it is not in the way
    alone = table(points, where='Events=="other"')
    assert "Events" not in [column.name for column in alone.columns]
    assert "Events" not in [column.name for column in table(load(scans[:1])).columns]


def test_none_is_the_best_of_different_events(scans):
    points = load(scans)
    with pytest.raises(UsageError, match=r"different events \(first: 3 models, other: 3 models\), so none"):
        table(points, best="val_auc")
    chosen = table(points, best="val_auc", where='Events=="first"')
    assert "the highest of 3 models" in " ".join(chosen.notes)


@pytest.mark.parametrize("kind", ["roc", "importance", "pareto", "heatmap"])
def test_pictures_do_not_compare_across_events(scans, kind):
    assert kind in KINDS
    with pytest.raises(UsageError, match=f"plot {kind} compares models, .* 'Events==\"first\"'"):
        draw(kind, load(scans), Options())


def test_a_report_names_the_best_on_each(scans, tmp_path):
    report(scans, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "none is called the best of all" in page
    assert "Tested on first: the best by mean AUC" in page
    assert "Tested on other: the best by mean AUC" in page
    assert "The best model is" not in page
    assert "Best on validation" not in page
    assert "Not drawn: plot roc compares models" in page
