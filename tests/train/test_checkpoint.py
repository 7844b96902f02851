import json
import re
import subprocess
import sys

import pytest

from dlscan.errors import ScanError
from dlscan.train.checkpoint import Checkpoint, State
from dlscan.train.history import Row


def state(epochs, best):
    rows = tuple(Row(epoch, {"loss": 1 / 3, "val_loss": 0.25}, 1.0, 10.0) for epoch in range(1, epochs + 1))
    return State("hash", best, {"best": 0.25, "best_epoch": best, "wait": 0}, rows)


def save(path):
    """Write the name that the file will have in its place."""
    path.write_text(re.sub(r"^\.(epoch-\d+)-.*(\.variables)$", r"\1\2", path.name))


def files(directory):
    return sorted(path.name for path in directory.iterdir())


def test_there_is_no_state_before_the_first_commit(tmp_path):
    assert Checkpoint(tmp_path / "last").read() is None


def test_commit_keeps_the_last_two_epochs_and_the_best(tmp_path):
    checkpoint = Checkpoint(tmp_path / "last")

    for epochs, best in [(1, 1), (2, 2), (3, 2), (4, 2)]:
        checkpoint.commit(state(epochs, best), save)

    assert checkpoint.read() == state(4, 2)
    variables = [f"epoch-000{epoch}.variables" for epoch in (2, 3, 4)]
    assert files(tmp_path / "last") == ["before.json", *variables, "state.json"]


# Ends a process, as kill -9 would, before its Nth change of a directory entry.
KILLED = """
import os, pathlib, signal, sys
sys.path.insert(0, sys.argv[3])
import test_checkpoint as t
left = int(sys.argv[2])
def dangerous(change):
    def changed(*arguments, **options):
        global left
        left -= 1
        if left < 0: os.kill(os.getpid(), signal.SIGKILL)
        return change(*arguments, **options)
    return changed
checkpoint = t.Checkpoint(pathlib.Path(sys.argv[1]))
for name in ("replace", "unlink"):
    setattr(pathlib.Path, name, dangerous(getattr(pathlib.Path, name)))
checkpoint.commit(t.state(3, 3), t.save)
"""


def test_commit_killed_at_any_change_leaves_a_state_whose_files_are_there(tmp_path):
    seen = set()
    for changes in range(9):
        checkpoint = Checkpoint(tmp_path / f"last-{changes}")
        checkpoint.commit(state(1, 1), save)
        checkpoint.commit(state(2, 1), save)

        here = __file__.rpartition("/")[0]
        command = [sys.executable, "-c", KILLED, f"last-{changes}", str(changes), here]
        done = subprocess.run(command, cwd=tmp_path)

        after = checkpoint.read()
        assert checkpoint.variables(after.epoch).read_text() == f"epoch-000{after.epoch}.variables"
        assert checkpoint.variables(after.best_epoch).exists()
        seen.add((done.returncode, after.epoch))
        checkpoint.commit(state(after.epoch + 1, 1 if after.epoch == 2 else 3), save)
        last = {after.epoch, after.epoch + 1}
        wanted = {f"epoch-000{epoch}.variables" for epoch in last | {1 if after.epoch == 2 else 3}}
        assert set(files(tmp_path / f"last-{changes}")) - {"before.json", "state.json"} == wanted
    assert seen == {(-9, 2), (-9, 3), (0, 3)}


@pytest.fixture
def filled(tmp_path):
    """The checkpoint of four epochs, of which the second was the best."""
    checkpoint = Checkpoint(tmp_path / "last")
    for epochs, best in [(1, 1), (2, 2), (3, 2), (4, 2)]:
        checkpoint.commit(state(epochs, best), save)
    return tmp_path / "last"


def flip(path, place, bit=1):
    content = bytearray(path.read_bytes())
    content[place] ^= bit
    path.write_bytes(content)


def read(directory):
    """What a process of its own goes on from, and what it says."""
    said = []
    return Checkpoint(directory).read(said.append), said


def test_any_bit_of_the_last_epoch_that_turned_over_is_found_and_the_one_before_is_used(filled):
    for name in ("state.json", "epoch-0004.variables"):
        content = (filled / name).read_bytes()
        for place in range(0, len(content), 3):
            flip(filled / name, place, 1 << place % 7)
            found, said = read(filled)
            # a key of the state that a version before this one did not have is not missed
            if found != state(4, 2):
                assert found == state(3, 2), (name, place)
                assert "damaged" in said[0]
                assert str(filled / name) in said[0]
                assert len(said) == 1
            else:
                assert name == "state.json"
                assert b'"checksum"' not in (filled / name).read_bytes()
            (filled / name).write_bytes(content)
    assert read(filled) == (state(4, 2), [])


@pytest.mark.parametrize("change", ["missing", "short", "another"])
def test_variables_that_are_not_what_was_written_are_not_used(filled, change):
    last = filled / "epoch-0004.variables"
    if change == "missing":
        last.unlink()
    else:
        last.write_text({"short": "epoch", "another": "epoch-0003.variables"}[change])
    found, said = read(filled)
    assert found == state(3, 2)
    assert str(last) in said[0]


def test_without_an_epoch_that_is_whole_there_is_no_state(filled):
    flip(filled / "epoch-0002.variables", 0)  # the best of both
    found, said = read(filled)
    assert found is None
    assert len(said) == 2


def test_after_a_step_back_the_state_before_is_kept_until_the_next_is_there(filled):
    flip(filled / "state.json", 40)
    checkpoint = Checkpoint(filled)
    assert checkpoint.read() == state(3, 2)

    checkpoint.commit(state(4, 2), save)
    assert read(filled) == (state(4, 2), [])
    flip(filled / "state.json", 40)
    assert read(filled)[0] == state(3, 2)


def test_best_weights_are_whole_when_they_are_asked_for(filled):
    checkpoint = Checkpoint(filled)
    checkpoint.read()
    assert checkpoint.require_whole(2) == filled / "epoch-0002.variables"
    flip(filled / "epoch-0002.variables", 3)
    with pytest.raises(ScanError, match=r"epoch-0002\.variables: damaged"):
        checkpoint.require_whole(2)


def test_checkpoint_of_an_older_version_goes_on(filled):
    content = json.loads((filled / "state.json").read_text())
    del content["files"], content["checksum"]
    (filled / "state.json").write_text(json.dumps(content))
    (filled / "before.json").unlink()

    checkpoint = Checkpoint(filled)
    assert checkpoint.read() == state(4, 2)
    checkpoint.commit(state(5, 2), save)
    assert read(filled) == (state(5, 2), [])


@pytest.mark.parametrize("content", ['{"epoch": 3}', "{", "[]", '{"history": [], "stopping": {}}'])
def test_state_that_makes_no_sense_is_passed_over_by_name(tmp_path, content):
    (tmp_path / "state.json").write_text(content)
    found, said = read(tmp_path)
    assert found is None
    assert str(tmp_path / "state.json") in said[0]
    assert "damaged" in said[0]


def test_clear_removes_everything_and_may_be_repeated(tmp_path):
    checkpoint = Checkpoint(tmp_path / "last")
    checkpoint.commit(state(1, 1), save)

    checkpoint.clear()
    checkpoint.clear()

    assert not (tmp_path / "last").exists()
