"""The page about a regression: the same sections, with its own numbers and pictures."""

import pytest

from dlscan.analysis.report.build import document
from dlscan.analysis.report.compare import compare
from dlscan.analysis.report.facts import gather
from dlscan.analysis.report.models import choose_columns
from dlscan.analysis.report.summary import summary
from dlscan.analysis.report.words import number_text


@pytest.fixture(scope="module")
def scan(tmp_path_factory, fakes):
    """A scan of a regression of two targets; not to be changed."""
    folder = tmp_path_factory.mktemp("page") / "both"
    return fakes["write_scan"](folder, targets=fakes["TARGETS"], events=300, epochs=3)


def test_the_summary_speaks_of_errors(scan):
    facts = gather([scan])
    text = " ".join(summary(facts, compare(facts)))
    least = min(facts.points, key=lambda point: point.record.metrics["val_Mean_MAE"])
    assert f"The best model is {facts.name(least)}. It was chosen by mean MAE (validation): " in text
    assert "the lowest of 4 models" in text
    whole = number_text(facts.headline, compare(facts).whole)
    assert f"its MAE is {whole}, the mean over the targets in units of their spread (Energy " in text
    assert "AUC" not in text


def test_the_number_of_the_best_is_that_of_its_record(scan):
    facts = gather([scan])
    found = compare(facts)
    metrics, errors = facts.best.record.metrics, facts.best.record.errors
    assert found.whole.value == pytest.approx(metrics["Mean_MAE"])
    assert [found.whole.down, found.whole.up] == pytest.approx(errors["Mean_MAE"])
    for name, part in found.parts.items():
        assert part.value == pytest.approx(metrics[f"{name}_MAE"])
        assert [part.down, part.up] == pytest.approx(errors[f"{name}_MAE"])


def test_less_is_better_in_comparisons(scan):
    facts = gather([scan])
    for point, difference in compare(facts).differences:
        less = facts.best.record.metrics["Mean_MAE"] - point.record.metrics["Mean_MAE"]
        assert difference.value == pytest.approx(less)


def test_the_page_has_the_columns_and_pictures_of_a_regression(scan):
    facts = gather([scan])
    shown = choose_columns(facts)
    names = [column.name for column in shown.columns if column.name not in shown.hidden]
    assert names[4:8] == ["val_Mean_MAE", "Energy_MAE", "Energy_Bias", "Energy_Resolution"]
    page = document(facts)
    for kind in ("heatmap", "pareto", "response", "resolution", "residuals", "history"):
        assert f'id="picture-{kind}"' in page
    for kind in ("roc", "energy", "confusion", "scores", "calibration"):
        assert f'id="picture-{kind}"' not in page
    assert 'data-name="val_Mean_MAE" data-kind="number" aria-sort="ascending"' in page
    assert facts.problems == []
