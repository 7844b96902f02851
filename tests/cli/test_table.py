import csv
import io
import json
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dlscan.cli.table import table
from dlscan.errors import UsageError

write_scan = runpy.run_path(str(Path(__file__).parents[1] / "analysis/fakes.py"))["write_scan"]


@pytest.fixture
def scan(tmp_path):
    return write_scan(tmp_path / "lcd")


def run(*arguments):
    return CliRunner().invoke(table, [str(argument) for argument in arguments], catch_exceptions=False)


def test_table_prints_the_table_to_stdout(scan):
    result = run(scan, "--columns", "Width,epochs", "--sort", "-Width,Depth")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Model Name           Width    Epochs",
        "-----------------  -------  --------",
        "Width=256 Depth=2      256        12",
        "Width=256 Depth=3      256        12",
        "Width=64 Depth=2        64        12",
        "Width=64 Depth=3        64        12",
    ]


def test_a_descending_sort_may_stand_alone(scan):
    rows = json.loads(run(scan, "--sort", "-Depth", "--format", "json").stdout)
    assert [row["Depth"] for row in rows] == [3, 3, 2, 2]


def test_table_takes_an_experiment_file(tmp_path):
    write_scan(tmp_path / "scans" / "lcd")
    experiment = tmp_path / "experiment.yaml"
    experiment.write_text("name: lcd\ndata: {raw: raw, inputs: [ECAL]}\n")
    assert "Width=256 Depth=3" in run(experiment).stdout


def test_several_scans_share_a_table(scan, tmp_path):
    other = write_scan(tmp_path / "other", {"model.width": [8]})
    rows = list(csv.DictReader(io.StringIO(run(scan, other, "--format", "csv").stdout)))
    assert [row["Scan"] for row in rows] == ["lcd"] * 4 + ["other"]


def test_table_writes_a_file_whole_and_nothing_to_stdout(scan, tmp_path):
    file = tmp_path / "new folder" / "table.md"
    result = run(scan, "--format", "markdown", "-o", file)
    assert result.stdout == ""
    assert file.read_text().startswith("| Model Name")
    assert file.read_text().endswith("\n\nAUC, test_loss: test split\n")
    assert list(file.parent.iterdir()) == [file]


def test_an_unknown_column_is_a_usage_error_with_the_nearest(scan):
    with pytest.raises(UsageError, match="did you mean 'Ele_AUC'"):
        run(scan, "--columns", "Eel_AUC")


def test_points_that_are_not_done_are_no_part_of_stdout(tmp_path, caplog):
    result = run(write_scan(tmp_path / "part", done=1), "--format", "json")
    assert len(json.loads(result.stdout)) == 1
    assert "3 of 4 points are not done" in caplog.text


def test_errors_are_one_line_on_stderr_with_their_exit_code(dlscan, scan, tmp_path):
    wrong_column, no_scan = dlscan("table", scan, "--sort", "Widht"), dlscan("table", tmp_path)
    assert (wrong_column.returncode, no_scan.returncode) == (2, 1)
    assert wrong_column.stderr == "Error: no column to sort by 'Widht'; did you mean 'Width'?\n"
    assert no_scan.stderr.startswith(f"Error: {tmp_path}: not a scan")
    assert wrong_column.stdout == no_scan.stdout == ""


def test_help_teaches_by_example():
    help_text = run("--help").stdout
    assert "    dlscan table lcd.yaml --sort Width,-Ele_AUC --errors" in help_text.splitlines()
    assert max(map(len, help_text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "first", "last"),
    [
        (["--columns", "*_AUC", "--where", "Width==64 and Depth==2"], "Model Name", "AUC: test split; val_*"),
        (["--name", "depth,width", "--columns", "Epochs"], "Model Name", "Depth=3 Width=256"),
        (["--errors", "--columns", "Ele_AUC"], "Model Name", "+-: statistical uncertainty (68 %)"),
        (["--best", "val_auc"], "Model Name", "Chosen by val_Mean_AUC (validation split): "),
        (
            ["--pivot", "width,depth", "--value", "gamma_vs_pi0_auc"],
            "  Width",
            "Cells: Gamma_vs_Pi0_AUC (test",
        ),
        (["--list"], "Column", "Stopped"),
        (["--list", "--format", "csv"], "Column,Kind,Unit,Split,Meaning,Missing", "Stopped,text,"),
        (["--repeats", "each", "--columns", "Seed"], "Model Name", "Width=256 Depth=3"),
    ],
)
def test_every_option_does_what_it_says(scan, arguments, first, last):
    lines = run(scan, *arguments).stdout.splitlines()
    assert lines[0].startswith(first)
    assert lines[-1].startswith(last)


def test_versus_compares_the_same_events(scan):
    predictions = sorted(scan.glob("points/*/predictions.h5"))
    for other in predictions[1:]:
        other.write_bytes(predictions[0].read_bytes())
    lines = run(scan, "--versus", "lcd:2", "--columns", "Ele_AUC").stdout.splitlines()
    assert lines[0].split() == ["Model", "Name", "Ele_AUC", "Ele_AUC_Diff", "Ele_AUC_z"]
    assert lines[2].split()[-4:] == ["+0.0000", "+-", "0", "-"]
    assert "3 comparisons" in lines[-1]


@pytest.mark.parametrize("style", ["csv", "json", "html"])
def test_what_belongs_below_a_table_is_a_message_where_data_have_no_place_for_it(scan, caplog, style):
    caplog.set_level("INFO")
    result = run(scan, "--best", "val_auc", "--format", style)
    assert "Chosen by val_Mean_AUC" in caplog.text
    assert "Chosen by" not in result.stdout


def test_a_choice_on_the_test_split_is_a_usage_error(dlscan, scan):
    done = dlscan("table", scan, "--best", "Ele_AUC")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: --best Ele_AUC: choosing the best of many models on the test split")


def test_every_example_of_the_help_runs(dlscan, scan, tmp_path):
    grid = {"model.width": [64], "model.depth": list(range(1, 9)), "train.optimizer": ["adam"]}
    write_scan(tmp_path / "scans" / "lcd", grid)
    predictions = sorted(tmp_path.glob("scans/lcd/points/*/predictions.h5"))
    for other in predictions[1:]:
        other.write_bytes(predictions[0].read_bytes())
    for name in ("a", "b", "lcd-dense"):
        (tmp_path / "scans" / name).symlink_to(tmp_path / "scans" / "lcd")
    (tmp_path / "lcd.yaml").write_text("name: lcd\ndata: {raw: raw, inputs: [ECAL]}\n")
    examples = [line for line in run("--help").stdout.splitlines() if line.startswith("    dlscan table")]
    assert len(examples) >= 10
    for example in examples:
        done = dlscan(*shlex.split(example)[1:], cwd=tmp_path)
        assert done.returncode == 0 or "no finished model matches this" in done.stderr, (example, done.stderr)


COMMAND = """
import sys
from dlscan.cli.{name} import {name}
before = set(sys.modules)
{name}(sys.argv[1:], standalone_mode=False)
print(*sorted(before), file=sys.stderr)
print(*sorted(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("name", "arguments", "absent"),
    [
        ("table", [], {"keras", "tensorflow", "matplotlib", "h5py", "sklearn", "pandas"}),
        ("plot", ["bar"], {"keras", "tensorflow", "matplotlib.pyplot"}),
    ],
)
def test_a_command_imports_only_what_it_needs_and_only_when_it_runs(scan, name, arguments, absent):
    command = [sys.executable, "-c", COMMAND.format(name=name), *arguments, str(scan)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    before, after = (set(line.split()) for line in done.stderr.splitlines()[-2:])
    assert not before & {"numpy", "pandas", "matplotlib", "h5py", "tabulate"}
    assert not after & absent
    assert "dlscan.analysis.tables.table" in after
