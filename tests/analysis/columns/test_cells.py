"""How a number with its uncertainty is written."""

import pytest

from dlscan.analysis.columns.cells import PLAIN, UNICODE, cell, entry
from dlscan.analysis.columns.column import Column
from dlscan.analysis.tables.latex import MATH, escaped


def with_error(kind, value, down, up):
    return Column("x", kind, (value,), errors=((down, up),))


@pytest.mark.parametrize(
    ("kind", "value", "down", "up", "text"),
    [
        ("auc", 0.942, 0.0031, 0.0031, "0.9420 +- 0.0031"),
        ("auc", 0.942, 0.00309, 0.00311, "0.9420 +- 0.0031"),
        ("auc", 0.942, 0.0029, 0.0031, "0.9420 +- 0.0031"),
        ("auc", 0.942, 0.0020, 0.0031, "0.9420 +0.0031 -0.0020"),
        ("auc", 0.99981, 0.000042, 0.000042, "0.99981 +- 0.00004"),
        ("auc", 0.9, 0.123, 0.123, "0.9000 +- 0.1230"),
        ("auc", 0.9, 0.5, 0.00001, "0.9000 +0.0000 -0.5000"),
        ("auc", 1.0, 0.0, 0.0, "1.0000 +- 0"),
        ("auc", 0.5, -0.1, 0.1, "0.5000 +0.1000 --0.1000"),
        ("auc", 1.0, 0.012, 0.0, "> 0.9880 (68 %)"),
        ("number", 12.3, 0.9, 1.2, "12.3 +1.2 -0.9"),
        ("number", 12.34567, 1.1, 1.2, "12.3 +- 1.2"),
        ("number", 123456.7, 1234, 1234, "123457 +- 1234"),
        ("number", 250.0, 80.0, None, "250 +inf -80"),
        ("number", 0.5123, 0.0123, 0.0123, "0.512 +- 0.012"),
        ("number", 1.3444e31, 1.157e30, 1.157e30, "(1.34 +- 0.12)e+31"),
        ("number", -1.5e-12, 3.2e-13, None, "(-1.50 +inf -0.32)e-12"),
        ("number", 0.0, 4e-13, 4e-13, "(0.0 +- 4.0)e-13"),
        ("difference", 0.0012, 0.0009, 0.0009, "+0.0012 +- 0.0009"),
        ("difference", -0.01, 0.002, 0.002, "-0.0100 +- 0.0020"),
    ],
)
def test_an_uncertain_number_has_the_decimals_of_its_uncertainty(kind, value, down, up, text):
    assert entry(with_error(kind, value, down, up), 0, PLAIN) == text


def test_a_spread_is_written_like_an_error_and_its_absence_not_at_all():
    column = Column("x", "auc", (0.942, 0.9), spreads=(0.0031, None))
    assert [entry(column, row) for row in (0, 1)] == ["0.9420 +- 0.0031", "0.9000"]


def test_a_missing_value_has_no_uncertainty():
    assert entry(with_error("auc", None, 0.1, 0.1), 0) == "-"
    assert entry(Column("x", "auc", (0.5,), errors=(None,)), 0) == "0.5000"


def test_each_format_has_its_signs():
    symmetric, other = with_error("auc", 0.942, 0.0031, 0.0031), with_error("number", 12.3, 0.91, None)
    assert entry(symmetric, 0, UNICODE) == "0.9420 ± 0.0031"
    assert entry(other, 0, UNICODE) == "12.30 +∞ -0.91"
    assert entry(symmetric, 0, MATH) == r"$0.9420 \pm 0.0031$"
    assert entry(other, 0, MATH) == r"$12.30^{+\infty}_{-0.91}$\rule[-1.2ex]{0pt}{3.8ex}"


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("auc", 0.94196, "0.9420"),
        ("difference", 0.0, "+0.0000"),
        ("significance", -2.345, "-2.35"),
        ("number", 0.00123456, "0.001235"),
        ("number", 123456.7, "123457"),
        ("integer", 7, "7"),
        ("parameter", 1e-05, "1e-05"),
        ("parameter", True, "true"),
        ("parameter", [64, 32], "[64,32]"),
        ("text", "a\nb", "a b"),
        ("auc", None, "-"),
    ],
)
def test_a_number_alone_is_rounded_by_its_kind(kind, value, text):
    assert cell(value, Column("x", kind)) == text


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("Train_Seconds [s]", r"Train\_Seconds {[}s{]}"),
        ("50% & $1 #~^\\", r"50\% \& \$1 \#\textasciitilde{}\textasciicircum{}\textbackslash{}"),
        (
            "π⁰ → γγ",
            r"\ensuremath{\pi}\textsuperscript{0} \ensuremath{\to} \ensuremath{\gamma}\ensuremath{\gamma}",
        ),
        ("K⁻ Λ Αο λ₂", r"K\textsuperscript{-} \ensuremath{\Lambda} Ao \ensuremath{\lambda}\textsubscript{2}"),
        ("é", "é"),
    ],
)
def test_latex_prints_names_as_they_are(text, latex):
    assert escaped(text) == latex
