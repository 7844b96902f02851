import csv
import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner

from dlscan.analysis.plots import KINDS
from dlscan.cli.plot import plot
from dlscan.errors import UsageError

write_scan = runpy.run_path(str(Path(__file__).parents[1] / "analysis/fakes.py"))["write_scan"]


@pytest.fixture
def scan(tmp_path):
    return write_scan(tmp_path / "lcd")


def run(*arguments):
    return CliRunner().invoke(plot, [str(argument) for argument in arguments], catch_exceptions=False)


def test_plot_prints_the_file_it_wrote(scan):
    result = run("bar", scan, "--key", "ele_auc")
    assert result.stdout == f"{scan}/plots/bar-Ele_AUC.png\n"
    assert (scan / "plots/bar-Ele_AUC.png").exists()


def test_plot_prints_every_page_it_wrote(scan, tmp_path):
    result = run("history", scan, "--per-page", 3, "-o", tmp_path / "h.svg")
    assert result.stdout == f"{tmp_path}/h-1.svg\n{tmp_path}/h-2.svg\n"


def test_plot_takes_an_experiment_file(tmp_path):
    write_scan(tmp_path / "scans" / "lcd")
    experiment = tmp_path / "experiment.yaml"
    experiment.write_text("name: lcd\ndata: {raw: raw, inputs: [ECAL]}\n")
    assert run("roc", experiment).stdout == f"{tmp_path}/scans/lcd/plots/roc.png\n"


def test_the_order_of_models_can_be_chosen(scan, tmp_path):
    by_value, by_width = tmp_path / "value.svg", tmp_path / "width.svg"
    run("bar", scan, "-o", by_value)
    run("bar", scan, "--sort", "Width", "-o", by_width)
    assert by_value.read_bytes() != by_width.read_bytes()


def test_an_unknown_key_is_a_usage_error_with_the_nearest(scan):
    with pytest.raises(UsageError, match="did you mean 'val_loss'"):
        run("history", scan, "--key", "valloss")


def points_in(path):
    with path.open(newline="") as lines:
        return list(dict.fromkeys(row["point"] for row in csv.DictReader(lines)))


@pytest.mark.parametrize(
    ("options", "points"),
    [
        (["--point", 3, 1], ["3", "1"]),
        (["--point", 3, "--point", "lcd:1"], ["3", "1"]),
        (["--where", "Width==64"], ["1", "2"]),
        (["--most", 1], ["4"]),
    ],
)
def test_points_can_be_chosen(scan, tmp_path, options, points):
    numbers = tmp_path / "numbers.csv"
    result = run("confusion", *options, scan, "--data", numbers, "-o", tmp_path / "c.svg")
    assert result.stdout == f"{tmp_path}/c.svg\n{numbers}\n"
    assert points_in(numbers) == points


def test_a_scan_may_be_called_by_a_number_and_stand_behind_points(tmp_path, monkeypatch):
    write_scan(tmp_path / "7")
    monkeypatch.chdir(tmp_path)
    run("confusion", "--point", 1, 2, 7, "--data", "numbers.csv", "-o", "c.svg")
    assert points_in(tmp_path / "numbers.csv") == ["1", "2"]


def test_options_reach_the_picture(scan, tmp_path):
    one, two = tmp_path / "one.svg", tmp_path / "two.svg"
    energy = ("energy", scan, "--by", "target[:,0,1]", "--key", "Ele", "--point", 1)
    run(*energy, "-o", one)
    run(*energy, "--bins", "equal:3", "--efficiency", "0.9", "--label", "Work in progress", "-o", two)
    # letters are drawn as shapes, each text with a comment that says what it is
    for text in ("Work in progress", "Efficiency of the cut that passes 90 %"):
        assert text in two.read_text()
        assert text not in one.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pie", "x"], "'history', 'bar', 'heatmap', 'roc'"),
        (["history", "x", "--per-page", "0"], "1<=x<=20"),
        (["roc", "x", "--most", "21"], "1<=x<=20"),
        (["energy", "x", "--efficiency", "1"], "0<x<1"),
    ],
)
def test_a_wrong_command_line_is_refused(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_help_teaches_every_kind_with_an_example(kind):
    lines = run("--help").stdout.splitlines()
    assert [line for line in lines if line.startswith(f"    {kind} ")]
    assert [line for line in lines if line.startswith(f"    dlscan plot {kind} ")]


def test_help_teaches_by_example():
    help_text = run("--help").stdout
    assert "    dlscan plot history scans/lcd-dense --key val_loss --per-page 4" in help_text.splitlines()
    assert max(map(len, help_text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("kind", "options", "kinds"),
    [
        (
            "history",
            ["--bins", "3"],
            "anomaly, calibration, dependence, energy, generated, residuals, resolution, response, scores",
        ),
        ("bar", ["--plain"], "roc"),
        ("roc", ["--per-page", "3"], "history"),
        (
            "confusion",
            ["--by", "Width"],
            "contour, dependence, energy, heatmap, importance, parallel, pareto, slice",
        ),
    ],
)
def test_an_option_of_another_kind_is_refused(scan, kind, options, kinds):
    with pytest.raises(UsageError) as caught:
        run(kind, scan, *options)
    assert str(caught.value) == f"plot {kind} has no use for {options[0]}; it is for {kinds}"
