"""Commands that messages suggest do what they say: they carry the overrides that were given."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlscan.cli.scan_display import ScanDisplay
from dlscan.config import Experiment
from dlscan.dataset import Manifest, fits
from dlscan.errors import DataError, ScanError
from dlscan.prepare import prepare
from dlscan.scan import freeze

Run = Callable[..., Any]


def suggested(error: BaseException) -> list[str]:
    """The arguments of the command in backticks."""
    (command,) = re.findall("`dlscan (.*?)`", str(error))
    return shlex.split(command)


@pytest.mark.parametrize("index_only", [False, True])
def test_the_dataset_is_prepared_with_the_same_overrides(
    make_experiment: Callable[..., Experiment], dlscan: Run, index_only: bool
) -> None:
    """Without them the file as it stands is up to date, and the advice goes round in circles."""
    prepare(make_experiment(), processes=1, index_only=index_only)
    other = make_experiment("data.inputs=[HCAL]", "name=it's another; $(x)")
    with pytest.raises(DataError, match=r"prepared with other values of data\.inputs") as caught:
        fits.require(Manifest.of(other), other)
    arguments = suggested(caught.value)
    assert arguments[2:4] == ["data.inputs=[HCAL]", "name=it's another; $(x)"]
    done = dlscan(*arguments, "--workers", 1)
    assert done.returncode == 0, done.stderr
    fits.require(Manifest.of(other), other)
    assert (Manifest.of(other).raw is not None) is index_only


@pytest.mark.parametrize("spoil", ["nothing", "damaged", "another version"])
def test_a_dataset_that_cannot_be_used_is_prepared_with_the_same_overrides(
    make_experiment: Callable[..., Experiment], dlscan: Run, tmp_path: Path, spoil: str
) -> None:
    experiment = make_experiment(f"data.prepared={tmp_path}/two words", "data.inputs=[HCAL]")
    if spoil != "nothing":
        prepare(experiment, processes=1)
        text = {"damaged": '{"version":', "another version": '{"version": 77, "classes": 1, "splits": 1}'}
        (experiment.data.prepared / "manifest.json").write_text(text[spoil])
    with pytest.raises(DataError) as caught:
        Manifest.of(experiment)
    assert dlscan(*suggested(caught.value), "--workers", 1).returncode == 0
    fits.require(Manifest.of(experiment), experiment)


def test_points_are_added_with_the_same_overrides(make_experiment: Callable[..., Experiment]) -> None:
    freeze(make_experiment("name=two words", "scan={grid: {model.width: [4]}}"))
    more = make_experiment("name=two words", "scan={grid: {model.width: [4, 8]}}")
    with pytest.raises(ScanError, match="to add its points") as caught:
        freeze(more)
    assert suggested(caught.value) == ["scan", str(more.file), *more.overrides, "--extend"]
    assert len(freeze(more, extend=True).points) == 2


def test_a_scan_whose_weights_start_from_zeros_is_warned_about_and_goes_on(
    make_experiment: Callable[..., Experiment], capsys: pytest.CaptureFixture[str]
) -> None:
    grid = {"model.initializer": ["glorot", "zeros"], "model.width": [4, 8]}
    ScanDisplay().planned(freeze(make_experiment(scan={"grid": grid})))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Warning: ")
    assert "2 points with model.initializer: zeros" in line
    ScanDisplay().planned(freeze(make_experiment("name=other")))
    assert not capsys.readouterr().err
