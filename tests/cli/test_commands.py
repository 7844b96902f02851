"""The commands as a user types them: what they print, where, and with which exit code."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import dlscan as package
from dlscan.cli.main import cli
from dlscan.config import Experiment

Run = Callable[..., "subprocess.CompletedProcess[str]"]
HEAVY = {"keras", "tensorflow", "jax", "torch"}


def loaded_by(*arguments: str) -> set[str]:
    code = (
        "import sys\nfrom dlscan.cli import main\nsys.argv[1:] = sys.argv[2:]\n"
        "try:\n    main.main()\nexcept SystemExit:\n    pass\nprint(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "-", *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


def test_help_is_light() -> None:
    assert not loaded_by("--help") & (HEAVY | {"numpy", "pandas", "h5py", "matplotlib", "distributed"})


def every_command(group: click.Group, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*above, name)
        if isinstance(command, click.Group):
            yield from every_command(command, (*above, name))


def parsed(words: list[str]) -> list[str]:
    """Parse a command line as dlscan does, and give the names of its commands."""
    context, command, names = click.Context(cli, info_name="dlscan"), cli, []
    while isinstance(command, click.Group) and words:
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command, names = found, [*names, str(name)]
        context = click.Context(command, info_name=name, parent=context)
    if not isinstance(command, click.Group):
        command.make_context(names[-1], list(words), parent=context.parent)
    return names


@pytest.mark.parametrize("command", [(), *every_command(cli)], ids=" ".join)
def test_every_help_ends_with_examples_that_parse(command: tuple[str, ...]) -> None:
    text = CliRunner().invoke(cli, [*command, "--help"]).output
    _, title, ending = text.partition("\n  Examples:\n")
    assert title
    lines = ending.splitlines()
    assert lines
    for line in lines:
        assert line.startswith("    ")
        ours = line.split("&&")[-1].partition("|")[0]
        name, *words = shlex.split(ours, comments=True)
        assert name == "dlscan"
        assert tuple(parsed(words))[: len(command)] == command or command == ("pack-up",)


COMPLETE = """
PATH="$(dirname "$0"):$PATH"
eval "$(_DLSCAN_COMPLETE=bash_source dlscan)"
complete -p dlscan
compopt() { :; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_dlscan_completion dlscan "${COMP_WORDS[COMP_CWORD]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        (["dlscan", "pr"], ["predict", "prepare"]),
        (["dlscan", "table", "--piv"], ["--pivot"]),
        (["dlscan", "plot", "par"], ["parallel", "pareto"]),
        (["dlscan", "export", "scans/x", "1", "--format", "s"], ["saved-model"]),
    ],
)
def test_bash_completes(typed: list[str], completed: list[str]) -> None:
    name = Path(sys.executable).with_name("dlscan")
    done = subprocess.run(
        ["bash", "-c", COMPLETE, str(name), *typed], capture_output=True, text=True, check=True
    )
    offered, *found = done.stdout.splitlines()
    assert offered.endswith("-F _dlscan_completion dlscan")
    assert sorted(found) == completed
    page = Path(__file__).parents[2] / "docs" / "how-to.md"
    assert 'eval "$(_DLSCAN_COMPLETE=bash_source dlscan)"' in page.read_text(encoding="utf-8")


def test_bash_completes_the_files_of_a_scan() -> None:
    """Which files there are, the shell knows itself."""
    words = {"COMP_WORDS": "dlscan table sca", "COMP_CWORD": "2", "_DLSCAN_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [Path(sys.executable).with_name("dlscan")],
        env={**os.environ, **words},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split(",")[0] == "file", done.stderr


def test_version(dlscan: Run) -> None:
    assert dlscan("--version").stdout.split()[-1] == package.__version__


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["prepare"], 2, "Missing argument 'EXPERIMENT'"),
        (["perpare", "x"], 2, "No such command 'perpare'"),
        (["prepare", "nowhere.yaml"], 1, "nowhere.yaml: no such experiment file"),
        (["scan", "nowhere.yaml"], 1, "nowhere.yaml: no such experiment file"),
        (["train", "nowhere", "--point", "1"], 1, "nowhere"),
        (["train", "nowhere", "--point", "one"], 2, "not a valid integer"),
        (["status", "nowhere"], 1, "nowhere"),
        (["table", "nowhere"], 1, "nowhere"),
    ],
)
def test_mistakes_are_said_on_stderr_without_a_traceback(
    dlscan: Run, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    done = dlscan(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_prepare_prints_a_summary_and_then_that_it_is_up_to_date(dlscan: Run, experiment: Experiment) -> None:
    first = dlscan("prepare", experiment.file)
    assert first.returncode == 0, first.stderr
    assert "built in" in first.stdout
    assert "building" in first.stderr
    assert "there is no dataset yet" in first.stderr
    for word in ("Ele", "ECAL", "4x5x6", "sparse", "HCAL", "dense", "300 events from 6 files"):
        assert word in first.stdout
    second = dlscan("prepare", experiment.file)
    assert second.returncode == 0
    assert "up to date" in second.stdout
    assert second.stderr == ""


def test_prepare_skip_bad_exits_1_and_names_the_list(dlscan: Run, experiment: Experiment, raw: Path) -> None:
    (raw / "Ele/Ele_1.h5").write_text("no HDF5")
    stopped = dlscan("prepare", experiment.file)
    assert stopped.returncode == 1
    assert "Ele_1.h5: " in stopped.stderr
    assert "--skip-bad" in stopped.stderr
    skipped = dlscan("prepare", experiment.file, "--skip-bad")
    assert skipped.returncode == 1
    assert "1 bad file left out" in skipped.stderr
    assert "bad_files.csv" in skipped.stderr
    assert "250 events from 5 files" in skipped.stdout


def test_scan_wants_the_dataset_first(dlscan: Run, experiment: Experiment) -> None:
    done = dlscan("scan", experiment.file)
    assert done.returncode == 1
    assert "; run `dlscan prepare " in done.stderr
    assert not experiment.directory.exists()


def test_scan_wants_the_dataset_of_this_experiment(dlscan: Run, experiment: Experiment) -> None:
    dlscan("prepare", experiment.file)
    done = dlscan("scan", experiment.file, "data.inputs=[HCAL]")
    assert done.returncode == 1
    assert "other values of data.inputs than" in done.stderr


def test_dry_run_lists_points_and_writes_nothing(dlscan: Run, experiment: Experiment) -> None:
    done = dlscan("scan", experiment.file, "--dry-run", "scan.grid.model.width=[8,16]")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["0001-width=8", "0002-width=16"]
    assert lines[1].endswith("--point 2")
    assert not experiment.directory.exists()


def test_an_unknown_system_is_said(dlscan: Run, experiment: Experiment) -> None:
    done = dlscan("scan", experiment.file, "--on", "slrum")
    assert done.returncode == 1
    assert "batch.system: must be one of local" in done.stderr


def test_without_a_back_end_training_names_the_extra(
    dlscan: Run, experiment: Experiment, tmp_path: Path
) -> None:
    """Hide the back ends of this environment: other commands work, scan says what to install."""
    hide = tmp_path / "hide"
    hide.mkdir()
    (hide / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda n, *a: None if n in ('tensorflow', 'jax', 'torch') else find(n, *a)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(hide)}
    assert dlscan("prepare", experiment.file, env=environment).returncode == 0
    done = dlscan("scan", experiment.file, env=environment)
    assert done.returncode == 1
    assert "pip install 'dlscan[cpu]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_needs_none_of_the_heavy_packages() -> None:
    """What would keep it from answering at once."""
    code = "import sys, dlscan.cli.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "dlscan.cli.scan" in done.stdout.split()
    assert not {"numpy", "h5py", "keras", "scipy", "pandas", "dask"} & set(done.stdout.split())
