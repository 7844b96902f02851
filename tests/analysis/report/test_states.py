import json

import pytest

from dlscan.analysis.report.states import read_plan, unfinished
from dlscan.attempts import create_attempt, new_attempt
from dlscan.claims import Claim, note_end
from dlscan.errors import DlscanError
from dlscan.locks import locked
from dlscan.record import PointPaths

PLAN = {"points": [{"number": 1, "name": "width=8"}, {"number": 2, "name": "width=16"}]}


def first_point(scan):
    paths = PointPaths(scan / "points" / "0001-width=8")
    paths.directory.mkdir(parents=True)
    return paths


def state_of_first(scan):
    point = unfinished(scan, PLAN, {"0002-width=16"})[0]
    return point.state, point.error


def test_a_point_without_a_directory_is_pending(tmp_path):
    (point,) = unfinished(tmp_path, PLAN, {"0001-width=8"})
    assert (point.number, point.name, point.state) == (2, "width=16", "pending")


def test_a_point_without_an_attempt_is_pending(tmp_path):
    first_point(tmp_path)
    assert state_of_first(tmp_path) == ("pending", "")


@pytest.mark.parametrize(
    ("outcome", "error"),
    [("failed", "no memory"), ("diverged", "the loss is nan"), ("preempted", None), ("oom", "x")],
)
def test_a_point_is_in_the_state_of_its_last_attempt(tmp_path, outcome, error):
    paths = first_point(tmp_path)
    note_end(paths, "failed", "an older error")
    note_end(paths, outcome, error)
    assert state_of_first(tmp_path) == (outcome, error or "")


def test_a_point_runs_as_long_as_its_attempt_lives(tmp_path):
    paths = first_point(tmp_path)
    claim = Claim.take(paths)
    assert state_of_first(tmp_path) == ("running", "")
    claim.end("preempted")
    assert state_of_first(tmp_path) == ("preempted", "")


def test_a_point_whose_attempt_has_no_end_and_gives_no_sign_of_life_was_killed(tmp_path):
    create_attempt(first_point(tmp_path), new_attempt(1))
    state, error = state_of_first(tmp_path)
    assert state == "failed"
    assert "killed" in error


def test_a_point_runs_while_an_attempt_of_an_older_version_holds_its_lock(tmp_path):
    paths = first_point(tmp_path)
    create_attempt(paths, new_attempt(1))
    with locked(paths.lock, DlscanError()):
        assert state_of_first(tmp_path) == ("running", "")


def test_a_point_that_was_taken_away_was_preempted(tmp_path):
    paths = first_point(tmp_path)
    note_end(paths, "lost", "node gone")
    assert state_of_first(tmp_path) == ("preempted", "node gone")


def test_a_point_whose_record_is_gone_is_pending(tmp_path):
    paths = first_point(tmp_path)
    note_end(paths, "done")
    assert state_of_first(tmp_path) == ("pending", "")


def test_a_damaged_attempt_is_said_to_be_so(tmp_path):
    paths = first_point(tmp_path)
    create_attempt(paths, new_attempt(1))
    (paths.attempts / "0001.json").write_text("{")
    state, error = state_of_first(tmp_path)
    assert state == "failed"
    assert "0001.json" in error


def test_a_record_that_was_not_read_is_unreadable(tmp_path):
    first_point(tmp_path).record.write_text("{")
    assert state_of_first(tmp_path) == ("unreadable", "record.json is not a readable record")


def test_without_a_plan_the_directories_tell(tmp_path):
    first_point(tmp_path)
    (tmp_path / "points" / "notes.txt").write_text("not a point")
    assert [(point.number, point.name) for point in unfinished(tmp_path, {}, ())] == [(1, "width=8")]


@pytest.mark.parametrize(
    "content",
    [None, "{", "[]", '{"points": 3}', '{"points": [{}]}', '{"points": [{"number": "x", "name": 1}]}'],
)
def test_a_plan_that_cannot_be_used_is_empty_with_a_reason(tmp_path, content):
    if content is not None:
        (tmp_path / "plan.json").write_text(content)
    plan, error = read_plan(tmp_path)
    assert plan == {}
    assert str(tmp_path / "plan.json") in error


def test_a_plan_that_can_be_used_is_the_mapping(tmp_path):
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    assert read_plan(tmp_path) == (PLAN, "")


def test_an_outcome_of_a_newer_version_is_no_success(tmp_path):
    paths = first_point(tmp_path)
    note_end(paths, "evicted", "no room")
    assert state_of_first(tmp_path) == ("failed", "no room")
