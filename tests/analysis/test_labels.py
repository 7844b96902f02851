"""What classes and datasets are called for people: `data.labels`."""

import dataclasses
import json

import pytest

from dlscan.analysis.columns.column import Column
from dlscan.analysis.columns.of_points import columns_of
from dlscan.analysis.labels import Marked, called, literal, merged, unicode_of
from dlscan.analysis.plots import style
from dlscan.analysis.plots.questions import questions
from dlscan.analysis.points.ranked import about_metric
from dlscan.analysis.points.records import load
from dlscan.analysis.tables.formats import render
from dlscan.analysis.tables.table import table
from dlscan.config import scans_and_labels
from dlscan.errors import UsageError

LABELS = {"Ele": "$e^-$", "Gamma": r"$\gamma$", "Pi0": r"$\pi^0$", "target[:,0,1]": "E [GeV]"}


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (r"$\gamma$", "γ"),
        (r"$\pi^{\pm}$", "π±"),
        (r"$\Lambda_c^+$", "Λc⁺"),
        (r"$p_T$ [GeV]", "pT [GeV]"),
        (r"$H \to b\bar{b}$", "H → bb̄"),
        (r"$m_{\ell\ell}$", "mℓℓ"),
        (r"$\mathrm{e}^{10}$ at 5 \$", "e¹⁰ at 5 $"),
    ],
)
def test_formulas_become_letters(label, text):
    assert unicode_of(Marked(label)) == text


def test_a_name_without_a_label_is_itself_letter_by_letter():
    assert called("a$b$", {}) == r"a\$b\$"
    assert unicode_of(called("a$b$", {})) == "a$b$"
    # what is no marked text is what it says
    assert unicode_of("$x$") == "$x$"
    assert literal(literal("$")) == r"\$"


def test_spaces_in_an_index_do_not_matter_and_the_first_scan_counts():
    assert called("target[:, 0,1]", LABELS) == "E [GeV]"
    assert merged([{"a": "1"}, {"a": "2", "b": "3"}]) == {"a": "1", "b": "3"}


def test_a_long_text_is_wrapped_but_no_formula_is_cut():
    formula = r"$\frac{1}{2} + x$"
    wrapped = style.label(Marked(" ".join([formula] * 8)))
    assert wrapped.count(formula) == 8
    assert "\n" in wrapped


def test_a_formula_that_cannot_be_drawn_is_named():
    with pytest.raises(UsageError, match=r"data.labels: \$\\nosuch\$: matplotlib cannot draw this formula"):
        style.label(Marked(r"$\nosuch$"))


@pytest.fixture
def points(write_scan):
    return [dataclasses.replace(point, labels=LABELS) for point in load([write_scan()])]


def test_metrics_have_titles_with_labels(points):
    columns = columns_of(points)

    def spoken(name):
        return unicode_of(columns[name].full_title)

    assert spoken("Gamma_AUC") == "AUC of γ (test)"
    assert spoken("val_Mean_AUC") == "mean AUC (validation)"
    assert spoken("Gamma_vs_Pi0_AUC") == "AUC of γ against π⁰ (test)"
    assert spoken("Gamma_vs_ChPi_Rejection@50") == "rejection of ChPi at 50 % efficiency for γ (test)"
    assert about_metric(points, "best_val_loss").title == "loss of the kept weights"
    assert spoken("Train_Seconds") == "training time"
    assert spoken("Width") == "Width"


def test_latex_has_labels_and_units_and_other_formats_have_names(points):
    made = table(points, ["Gamma_AUC", "Mean_AUC", "Train_Seconds"])
    header = render(made, "latex").splitlines()[2]
    assert header == r"Model Name & AUC of $\gamma$ & Mean AUC & Training time {[}s{]} \\"
    assert "Gamma_AUC" in render(made, "markdown")
    without = [dataclasses.replace(point, labels={}) for point in points]
    assert r"Gamma\_AUC" in render(table(without, ["Gamma_AUC"]), "latex")


def test_labels_are_those_of_the_plan_or_of_the_experiment_file_that_is_named(small_scan, tmp_path):
    scan = small_scan.parent / "scans/lcd-dense"
    assert load([scan])[0].labels == {}
    text = small_scan.read_text().replace("  inputs:", "  labels: {Ele: $e^-$}\n  inputs:")
    other = small_scan.parent / "labelled.yaml"
    other.write_text(text)
    try:
        directories, labels = scans_and_labels([other])
        assert directories == [scan]
        assert load(directories, labels)[0].labels == {"Ele": "$e^-$"}
    finally:
        other.unlink()


def test_a_damaged_plan_has_no_labels(write_scan):
    scan = write_scan()
    plan = json.loads((scan / "plan.json").read_text())
    for config, expected in (({"data": {"labels": {"Ele": "e"}}}, {"Ele": "e"}), ({"data": None}, {})):
        (scan / "plan.json").write_text(json.dumps(plan | {"config": config}))
        assert load([scan])[0].labels == expected


# two classes


def test_of_two_classes_the_signal_alone_is_asked_against_the_other(write_scan):
    points = load([write_scan(classes=("Gluon", "Quark"))])
    (question,) = questions(None, points)
    assert (question.title, question.rest) == ("Gluon against Quark", "Quark")
    assert questions("quark", points)[0].title == "Quark against Gluon"
    made = table(points)
    assert [column.name for column in made.columns if column.name.endswith("AUC")] == ["Gluon_AUC"]
    column = columns_of(points)["Gluon_AUC"]
    assert column.title == "AUC of Gluon against Quark"
    assert column.about.meaning == "area under the ROC curve of Gluon against Quark"


def test_with_more_classes_all_are_asked_against_the_rest(points):
    assert [question.title for question in questions(None, points)][1:3] == [
        r"$\gamma$ against the rest",
        r"$\pi^0$ against the rest",
    ]
    assert isinstance(columns_of(points)["Ele_AUC"], Column)
