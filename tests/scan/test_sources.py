"""Files with functions are part of the plan: a point is what it was planned to be."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dlscan.attempts import ended, new_attempt, write_attempt
from dlscan.config import Experiment
from dlscan.errors import ScanError
from dlscan.scan import Plan, draft, freeze
from dlscan.scan.changes import require_planned
from dlscan.scan.sources import note_changes

Make = Callable[..., Experiment]
GRID = {"grid": {"model": [{"family": "dense", "width": 4}, {"family": "nets.py:mine", "width": 5}]}}
TEXT = "def mine(inputs, *, width: int = 3, depth: int = 1): ...\n"


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    path = tmp_path / "nets.py"
    path.write_text(TEXT)
    return path


def test_the_plan_has_the_text_and_its_checksum(make_experiment: Make, nets: Path) -> None:
    plan = freeze(make_experiment(scan=GRID))
    (written,) = json.loads((plan.directory / "plan.json").read_text())["sources"].values()
    assert written == {"sha256": plan.sources[str(nets)].sha256, "text": TEXT}
    assert [point.directory for point in plan.points] == [
        "0001-family=dense-width=4",
        "0002-family=nets.py_mine-width=5",
    ]
    # read again it is the same, whatever has become of the file
    nets.unlink()
    again = Plan.read(plan.directory)
    assert again == plan
    own = again.experiment.at(again.points[1].params)
    assert own.model.parameters.depth == 1
    for point in again.points:
        require_planned(again, point)


def test_a_plan_with_another_text_than_its_checksum_says_is_damaged(
    make_experiment: Make, nets: Path
) -> None:
    plan = freeze(make_experiment(scan=GRID))
    file = plan.directory / "plan.json"
    file.write_text(file.read_text().replace("width: int = 3", "width: int = 4"))
    with pytest.raises(ScanError, match=r"plan\.json: damaged plan .*does not match its sha256"):
        Plan.read(plan.directory)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"sources": {str(nets): {"text": TEXT}}}))
    with pytest.raises(ScanError, match=r"plan\.json: damaged plan"):
        Plan.read(plan.directory)


def begin(plan: Plan, number: int, how: str) -> None:
    """Leave what a training leaves."""
    paths = plan.paths(plan.point(number))
    paths.attempts.mkdir(exist_ok=True)
    attempt = new_attempt(1)
    write_attempt(paths, ended(attempt, "failed") if how != "running" else attempt)
    if how == "checkpoint":
        paths.last.mkdir()
        (paths.last / "state.json").write_text("{}")
    elif how == "record":
        paths.record.write_text("{}")


@pytest.mark.parametrize("how", ["checkpoint", "record", "running"])
def test_a_file_that_points_were_trained_with_must_not_change(
    make_experiment: Make, nets: Path, how: str
) -> None:
    plan = freeze(make_experiment(scan=GRID))
    begin(plan, 2, how)
    nets.write_text(TEXT + "# other\n")
    for act in (freeze, draft):
        with pytest.raises(
            ScanError, match=r"nets\.py has changed since .* point 2 was trained as it was; undo"
        ):
            act(make_experiment(scan=GRID))
    wider = {"grid": {**GRID["grid"], "train.epochs": [2, 3]}}
    with pytest.raises(ScanError, match=r"nets\.py has changed since"):
        freeze(make_experiment(scan=wider), extend=True)
    # and the points that are left are still those of the plan
    assert Plan.read(plan.directory).sources[str(nets)].text == TEXT
    nets.write_text(TEXT)
    assert freeze(make_experiment(scan=GRID)) == plan


@pytest.mark.parametrize("number", [1, 2])
def test_a_fault_can_be_mended_before_any_point_was_trained_with_it(
    make_experiment: Make, nets: Path, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    plan = freeze(make_experiment(scan=GRID))
    begin(plan, number, "record" if number == 1 else "failed")
    mended = TEXT + "# mended\n"
    nets.write_text(mended)
    assert draft(make_experiment(scan=GRID))[0].sources[str(nets)].text == mended
    assert Plan.read(plan.directory) == plan
    caplog.clear()
    note_changes(plan, plan.points[:1])
    assert not caplog.messages
    note_changes(plan, plan.points)
    assert [
        f"{nets} has changed since the scan was planned; points train with the text in the plan"
    ] == caplog.messages
    caplog.clear()
    now = freeze(make_experiment(scan=GRID))
    assert [f"{nets} has changed; no point was trained with its old text, so the plan takes the new one"] == (
        caplog.messages
    )
    assert now.points == plan.points
    assert Plan.read(plan.directory).sources[str(nets)].text == mended
    for point in now.points:
        require_planned(now, point)
        # a job that began before, and takes a point now
        with pytest.raises(ScanError, match="its plan has changed since this job started"):
            require_planned(plan, point)


@pytest.mark.parametrize(
    "text",
    [TEXT.replace("= 3", "= 4"), TEXT.replace(", depth: int = 1", ""), TEXT.replace("depth", "layers")],
)
def test_other_parameters_are_another_experiment(make_experiment: Make, nets: Path, text: str) -> None:
    freeze(make_experiment(scan=GRID))
    nets.write_text(text)
    with pytest.raises(ScanError, match=r"nets\.py has changed since .* its parameters are others; undo"):
        freeze(make_experiment(scan=GRID))


def test_the_file_of_a_point_must_name_the_planned_function(make_experiment: Make, nets: Path) -> None:
    plan = freeze(make_experiment(scan=GRID))
    config = plan.paths(plan.points[1]).config
    nets.with_name("other.py").write_text(TEXT)
    config.write_text(config.read_text().replace("nets.py:mine", "other.py:mine"))
    with pytest.raises(
        ScanError, match=r"model\.family is '.*other\.py:mine', but '.*nets\.py:mine' was planned"
    ):
        require_planned(plan, plan.points[1])


def test_a_file_that_lies_elsewhere_now_is_the_same(
    make_experiment: Make, nets: Path, tmp_path: Path
) -> None:
    plan = freeze(make_experiment(scan=GRID))
    begin(plan, 2, "record")
    moved = tmp_path / "moved" / "nets.py"
    moved.parent.mkdir()
    nets.rename(moved)
    elsewhere = json.loads(json.dumps(GRID).replace("nets.py", "moved/nets.py"))
    assert freeze(make_experiment(scan=elsewhere)) == plan
    assert draft(make_experiment(scan=elsewhere))[0] == plan
    wider = {"grid": {**elsewhere["grid"], "train.epochs": [2, 3]}}
    more = freeze(make_experiment(scan=wider), extend=True)
    assert {str(nets)} == set(more.sources)
    assert len(more.points) == 4
    moved.write_text(TEXT + "# other\n")
    with pytest.raises(ScanError, match=r"planned with scan\.grid\.model .*nets\.py:mine"):
        freeze(make_experiment(scan=elsewhere))
