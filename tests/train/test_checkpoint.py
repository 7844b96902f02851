import subprocess
import sys

import pytest

from dlscan.errors import DlscanError, ScanError
from dlscan.train.checkpoint import Checkpoint, State
from dlscan.train.history import Row


def state(epochs, best):
    rows = tuple(Row(epoch, 1 / 3, 0.5, 0.25, 0.5, 1.0, 10.0) for epoch in range(1, epochs + 1))
    return State("hash", best, {"best": 0.25, "best_epoch": best, "wait": 0}, rows)


def save(path):
    path.write_text(path.name)


def files(directory):
    return sorted(path.name for path in directory.iterdir())


def test_there_is_no_state_before_the_first_commit(tmp_path):
    assert Checkpoint(tmp_path / "last").read() is None


def test_commit_keeps_the_last_and_the_best_epoch_alone(tmp_path):
    checkpoint = Checkpoint(tmp_path / "last")

    for epochs, best in [(1, 1), (2, 2), (3, 2), (4, 2)]:
        checkpoint.commit(state(epochs, best), save)

    assert checkpoint.read() == state(4, 2)
    assert files(tmp_path / "last") == ["epoch-0002.variables", "epoch-0004.variables", "state.json"]


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
        assert len(files(tmp_path / f"last-{changes}")) == 3
    assert seen == {(-9, 2), (-9, 3), (0, 3)}


def test_damaged_state_is_an_error_that_names_it(tmp_path):
    checkpoint = Checkpoint(tmp_path)
    (tmp_path / "state.json").write_text('{"epoch": 3}')
    with pytest.raises(
        ScanError, match=r"state\.json: damaged .*remove .* to train this point from its start"
    ):
        checkpoint.read()

    (tmp_path / "state.json").write_text("{")
    with pytest.raises(DlscanError, match=r"state\.json: damaged"):
        checkpoint.read()


def test_clear_removes_everything_and_may_be_repeated(tmp_path):
    checkpoint = Checkpoint(tmp_path / "last")
    checkpoint.commit(state(1, 1), save)

    checkpoint.clear()
    checkpoint.clear()

    assert not (tmp_path / "last").exists()
