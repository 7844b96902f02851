"""What a person types for a scan: its directory, its experiment file, or the beginning of either."""

import json
from pathlib import Path

import pytest

from dlscan.config import Experiment, load, scan_directory
from dlscan.config.naming import found
from dlscan.errors import ConfigError, UsageError
from dlscan.scan import Plan, freeze

EXPERIMENT = "name: {}\ndata: {{raw: raw, inputs: [x]}}\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with experiment files and scans, to be in."""
    monkeypatch.chdir(tmp_path)
    for name in ("lcd-dense", "lcd-conv", "magic"):
        Path(f"{name}.yaml").write_text(EXPERIMENT.format(name))
    for name in ("lcd-dense", "lcd-dense-refit", "lcd-conv", "lcd-conv-old"):
        (Path("scans") / name / "points").mkdir(parents=True)
    Path("notes.yaml").write_text("a: 1\n")
    Path("lcd-notes.txt").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lcd-d", "lcd-dense.yaml"),
        ("magic", "magic.yaml"),
        ("mag", "magic.yaml"),
        ("scans/lcd-d", "scans/lcd-dense"),
        ("scans/lcd-conv", "scans/lcd-conv"),
        # a name that is written out wins over longer ones
        ("lcd-conv", "lcd-conv.yaml"),
        ("lcd-conv-", "scans/lcd-conv-old"),
        # the best model on all folds belongs to its scan
        ("lcd-dense-", "scans/lcd-dense-refit"),
        # what means nothing is for the reader to refuse
        ("note", "note"),
        ("scans/", "scans"),
        ("elsewhere.yaml", "elsewhere.yaml"),
        ("no/such", "no/such"),
    ],
)
def test_a_beginning_means_the_one_that_begins_so(here: Path, typed: str, meant: str) -> None:
    assert found(Path(typed)) == Path(meant)


def test_of_several_none_is_taken(here: Path) -> None:
    with pytest.raises(UsageError) as refused:
        scan_directory(Path("lcd"))
    assert str(refused.value) == (
        "lcd: may be lcd-conv.yaml, lcd-dense.yaml, scans/lcd-conv-old; write out which"
    )


def test_a_directory_that_is_there_is_no_beginning(here: Path) -> None:
    Path("mag").mkdir()
    assert found(Path("mag")) == Path("mag")
    Path("magic").mkdir()
    assert found(Path("magic")) == Path("magic.yaml")


def test_the_directory_of_a_scan_is_its_experiment_as_planned(experiment: Experiment, tmp_path: Path) -> None:
    plan = freeze(experiment)
    again = load(plan.directory)
    assert load(str(plan.directory)) == again
    assert again.plain() == experiment.plain()
    assert again.directory == plan.directory
    assert freeze(again).points == plan.points
    # where a scan is now, not where it was
    moved = tmp_path / "moved" / plan.name
    moved.parent.mkdir()
    plan.directory.rename(moved)
    assert load(moved).directory == moved
    assert load(moved, ["train.epochs=9"]).train.epochs == 9
    assert Plan.read(moved).experiment.name == plan.name


def test_a_plan_that_cannot_be_read_is_said_with_the_way_out(experiment: Experiment) -> None:
    plan = freeze(experiment)
    renamed = plan.directory.rename(plan.directory.with_name("other"))
    with pytest.raises(ConfigError, match="was renamed; give it that name again, or give"):
        load(renamed)
    (renamed / "plan.json").write_text(json.dumps({"points": []}))
    with pytest.raises(ConfigError, match="damaged plan"):
        load(renamed)
    (renamed / "plan.json").unlink()
    with pytest.raises(ConfigError, match=r"has no plan.json; give the experiment file"):
        load(renamed)
