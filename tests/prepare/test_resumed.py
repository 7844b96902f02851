"""A build that ended early goes on: it repeats nothing that is whole, and gives the same bytes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.config import load
from dlscan.dataset import Manifest
from dlscan.errors import UsageError
from dlscan.prepare import passes, prepare
from dlscan.prepare.notes import read_note, write_note

# Prepares, and kills itself once so many notes are there, in the middle of the task after them
_KILLED = """
import os, signal, sys
from pathlib import Path
from dlscan.config import load
from dlscan.prepare import layout, prepare, tasks
from dlscan.prepare import gather, scatter

layout.SHARD_BYTES, tasks.TASK_BYTES = 3000, 4000
count, pattern, index_only = int(sys.argv[2]), sys.argv[3], sys.argv[4] == "True"

def dying(write):
    def written(path, *rest):
        if len(list(Path().glob(f".prepared.building/spill/{pattern}"))) >= count:
            os.kill(os.getpid(), signal.SIGKILL)
        write(path, *rest)
    return written

for module in (gather, scatter):
    module.write_note = dying(module.write_note)
prepare(load(Path(sys.argv[1])), processes=1, index_only=index_only)
"""


@pytest.fixture
def raw(tmp_path):
    rng = np.random.default_rng(3)
    for label in ("a", "b"):
        (tmp_path / "raw" / label).mkdir(parents=True)
        for number in range(3):
            with h5py.File(tmp_path / "raw" / label / f"{number}.h5", "w") as file:
                file["x"] = rng.normal(size=(80, 5)).astype(np.float32)
                file["w"] = rng.random(80)
    text = "name: demo\ndata: {raw: raw, inputs: [x], extras: [w], weights: w, prepared: prepared}\n"
    (tmp_path / "demo.yaml").write_text(text)
    return tmp_path


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr("dlscan.prepare.layout.SHARD_BYTES", 3000)
    monkeypatch.setattr("dlscan.prepare.tasks.TASK_BYTES", 4000)


def _kill(home, count, pattern, index_only=False):
    command = [sys.executable, "-c", _KILLED, "demo.yaml", str(count), pattern, str(index_only)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(command, cwd=home, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (home / ".prepared.building").is_dir()


def _bytes(directory):
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


@pytest.mark.parametrize(
    ("count", "pattern", "index_only"),
    [(2, "read-*.json", False), (4, "wrote-*.json", False), (2, "read-*.json", True)],
)
def test_a_killed_build_goes_on_and_gives_the_same_bytes(raw, small, monkeypatch, count, pattern, index_only):
    experiment = load(raw / "demo.yaml")
    prepare(experiment, processes=1, index_only=index_only)
    expected = _bytes(raw / "prepared")
    (raw / "prepared").rename(raw / "first")

    _kill(raw, count, pattern, index_only)
    notes = {path: path.stat().st_mtime_ns for path in (raw / ".prepared.building/spill").glob("*.json")}
    files = {path.name: path.stat().st_mtime_ns for path in (raw / ".prepared.building").glob("*.h5")}
    done = {"scatter": [], "gather": []}

    def counted(name):
        original = getattr(passes, name)

        def run(task):
            done[name].append(task)
            return original(task)

        return run

    for name in done:
        monkeypatch.setattr(passes, name, counted(name))
    prepare(experiment, processes=1, index_only=index_only)
    assert _bytes(raw / "prepared") == expected
    read = [path for path in notes if path.name.startswith("read-")]
    assert not {task.note for task in done["scatter"]} & set(read)
    assert len(read) == (count if pattern.startswith("read") else len(read)) > 0
    wrote = {path.stem.removeprefix("wrote-") for path in notes if path.name.startswith("wrote-")}
    assert len(wrote) == (count if pattern.startswith("wrote") else 0)
    again = {path.stem for task in done["gather"] for _, path in task.shards}
    assert not again & wrote
    for name in wrote & {Path(file).stem for file in files}:
        assert (raw / "prepared" / f"{name}.h5").stat().st_mtime_ns == files[f"{name}.h5"]
    assert not (raw / ".prepared.building").exists()


@pytest.mark.parametrize("how", ["file", "key", "run", "note"])
def test_what_no_longer_fits_is_made_again(raw, small, how):
    _kill(raw, 3, "read-*.json")
    spill = raw / ".prepared.building/spill"
    if how == "file":
        with h5py.File(raw / "raw/a/0.h5", "r+") as file:
            file["x"][0] = 7
    elif how == "key":
        text = (raw / "demo.yaml").read_text().replace("extras", "split: {seed: 5}, extras")
        (raw / "demo.yaml").write_text(text)
    elif how == "run":
        run = min(spill.glob("run-*.h5"))
        data = bytearray(run.read_bytes())
        data[len(data) // 2] ^= 1
        run.write_bytes(data)
    else:
        note = min(spill.glob("read-*.json"))
        note.write_text(note.read_text()[:-9])
    experiment = load(raw / "demo.yaml")
    prepare(experiment, processes=1)
    found = _bytes(raw / "prepared")
    (raw / "prepared").rename(raw / "first")
    prepare(experiment, processes=1)
    assert _bytes(raw / "prepared") == found
    assert json.loads(found["manifest.json"])["splits"]


def test_a_dataset_that_fits_again_needs_nothing_of_a_killed_build(raw, small):
    prepare(load(raw / "demo.yaml"), processes=1)
    text = (raw / "demo.yaml").read_text()
    (raw / "demo.yaml").write_text(text.replace("extras", "split: {seed: 5}, extras"))
    _kill(raw, 2, "read-*.json")
    (raw / "demo.yaml").write_text(text)
    assert not prepare(load(raw / "demo.yaml"), processes=1).built
    assert not (raw / ".prepared.building").exists()


def _again(experiment, monkeypatch, **options):
    """Prepare, and give what was made and the tasks of the first pass that were done."""
    tasks = []
    scatter = passes.scatter
    with monkeypatch.context() as patch:
        patch.setattr(passes, "scatter", lambda task: tasks.append(task) or scatter(task))
        return prepare(experiment, **{"processes": 1, **options}), tasks


def _interrupted(what, done, total):
    if (what, done) == ("mixing", 0):
        raise KeyboardInterrupt


def test_an_interrupted_build_goes_on_with_another_number_of_processes(raw, small, monkeypatch):
    experiment = load(raw / "demo.yaml")
    # few enough bytes that the length of a task depends on the processes
    monkeypatch.setattr("dlscan.prepare.tasks.TASK_BYTES", 100)
    with pytest.raises(KeyboardInterrupt):
        prepare(experiment, processes=1, progress=_interrupted)
    monkeypatch.setattr("dlscan.prepare.processes._SECONDS", 0.1)
    with pytest.raises(UsageError):
        prepare(experiment, scheduler="tcp://127.0.0.1:9")
    seen = []
    monkeypatch.setattr("dlscan.prepare.build.usable_cpus", lambda: 3)
    monkeypatch.setattr("dlscan.prepare.build.local_processes", lambda tasks: 1)
    outcome, tasks = _again(
        experiment, monkeypatch, processes=None, progress=lambda what, *rest: seen.append((what, *rest))
    )
    assert outcome.built
    assert tasks == []
    checked = [rest for what, *rest in seen if what == "checking"]
    assert checked == [[number, len(checked)] for number in range(1, len(checked) + 1)]
    assert len(checked) > 3
    assert sorted(path.name for path in raw.iterdir() if "prepared" in path.name) == [
        ".prepared.lock",
        "prepared",
    ]


def test_an_address_without_a_scheduler_leaves_nothing(raw, monkeypatch):
    monkeypatch.setattr("dlscan.prepare.processes._SECONDS", 0.1)
    with pytest.raises(UsageError):
        prepare(load(raw / "demo.yaml"), scheduler="tcp://127.0.0.1:9")
    assert not (raw / ".prepared.building").exists()


def test_another_version_repeats_all(raw, small, monkeypatch, caplog):
    experiment = load(raw / "demo.yaml")
    with pytest.raises(KeyboardInterrupt):
        prepare(experiment, processes=1, progress=_interrupted)
    monkeypatch.setattr("dlscan.prepare.build.__version__", "0.0.1")
    with caplog.at_level("INFO"):
        _, tasks = _again(experiment, monkeypatch)
    assert tasks
    assert "an earlier prepare did not finish, and is not continued" in caplog.text


def test_a_build_that_ended_before_its_last_step_repeats_nothing(raw, small, monkeypatch):
    experiment = load(raw / "demo.yaml")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Manifest, "write", _stop)
        prepare(experiment, processes=1)
    outcome, tasks = _again(experiment, monkeypatch)
    assert outcome.built
    assert tasks == []
    assert not (raw / "prepared/spill").exists()


def _stop(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("content", [False, True])
def test_a_file_whose_link_was_changed_is_read_again(raw, small, monkeypatch, content):
    with h5py.File(raw / "raw/a/0.h5", "r+") as file:
        values = file["x"][()]
        del file["x"]
        file["x"] = h5py.ExternalLink("x.dat", "x")
    with h5py.File(raw / "raw/a/x.dat", "w") as file:
        file["x"] = values
    experiment = load(raw / "demo.yaml")
    # all shards are there
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Manifest, "write", _stop)
        prepare(experiment, skip_bad=True, processes=1)
    if content:
        with h5py.File(raw / "raw/a/x.dat", "r+") as file:
            file["x"][...] = values + 1
    os.utime(raw / "raw/a/x.dat", ns=(1, 1))
    outcome, tasks = _again(experiment, monkeypatch, skip_bad=True)
    assert not outcome.manifest.bad_files
    assert {piece.file.name for task in tasks for piece in task.pieces} >= {"a/0.h5"}
    (raw / "prepared").rename(raw / "first")
    prepare(experiment, skip_bad=True, processes=1)
    assert _bytes(raw / "prepared") == _bytes(raw / "first")


def test_what_notes_hold_comes_back_as_it_was(tmp_path):
    value = {"a": np.int64(3), "b": np.arange(3), "c": np.array(3.5), "d": (1, [None, np.float32(2)])}
    write_note(tmp_path / "note.json", value, [])
    _, found = read_note(tmp_path / "note.json", tmp_path)
    assert [type(found[key]) for key in "abc"] == [np.int64, np.ndarray, np.ndarray]
    assert found["a"] == 3
    assert found["d"] == value["d"]
    assert isinstance(found["d"][1][1], np.float32)
    for lossy in (np.zeros(2, "f4,i2"), np.array([None])):
        with pytest.raises(TypeError, match="no note can hold"):
            write_note(tmp_path / "lossy.json", lossy, [])
