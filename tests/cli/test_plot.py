import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner

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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["pie", "x"], "'history', 'bar', 'roc'"), (["history", "x", "--per-page", "0"], "1<=x<=20")],
)
def test_a_wrong_command_line_is_refused(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_help_teaches_by_example():
    help_text = run("--help").stdout
    assert "    dlscan plot history scans/lcd-dense --key val_loss --per-page 4" in help_text.splitlines()
    assert max(map(len, help_text.splitlines())) <= 80
