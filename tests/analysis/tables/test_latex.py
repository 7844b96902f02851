"""A LaTeX table compiles, whatever stands in it."""

import shutil
import subprocess

import pytest

from dlscan.analysis.points.records import load
from dlscan.analysis.tables.formats import render
from dlscan.analysis.tables.table import table

NAMES = ["[64,32]", "*star", "50% & more_$1 #~^{}\\", "<x|y>", 'a"b', "π⁰", "--- -0.5", "\\input{secret}"]
PAGE = r"\documentclass{article}\usepackage{booktabs}\begin{document}\tiny%s\end{document}"

needs_latex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")


def compiled(text, folder):
    (folder / "page.tex").write_text(PAGE % f"\n{text}\n", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


@pytest.fixture
def points(write_scan):
    return load([write_scan(grid={"model.name": NAMES}, classes=("γ & e", "K_S", "[x]"))])


@needs_latex
def test_a_table_of_hostile_names_compiles(points, tmp_path):
    columns = ["Name", "*_AUC", "Train_Seconds", "Events_per_Second", "test_loss"]
    output = compiled(render(table(points, columns, errors=True), "latex"), tmp_path)
    assert "Missing" not in output
    assert "Undefined" not in output


@needs_latex
def test_a_pivot_compiles(write_scan, tmp_path):
    points = load([write_scan()])
    compiled(render(table(points, pivot=["width", "depth"], errors=True), "latex"), tmp_path)


def test_units_stand_in_the_header_and_notes_in_comments(points):
    lines = render(table(points, ["Train_Seconds", "[x]_AUC"], errors=True), "latex").splitlines()
    assert lines[:4] == [
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"Model Name & Train\_Seconds {[}s{]} & {[}x{]}\_AUC \\",
        r"\midrule",
    ]
    assert lines[-4:-1] == [r"\bottomrule", r"\end{tabular}", "% AUC: test split"]


def test_every_row_has_every_column_and_a_minus_is_a_minus(write_scan):
    def change(number, record):
        record["metrics"]["Ele_AUC"] = None if number == 1 else -0.5

    lines = render(table(load([write_scan(change=change)]), ["Ele_AUC"]), "latex").splitlines()
    assert lines[4] == r"Width=64 Depth=2 & - \\"
    assert lines[5] == r"Width=64 Depth=3 & $-0.5000$ \\"
