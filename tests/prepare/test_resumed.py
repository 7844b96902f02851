"""A build that was killed goes on: it repeats nothing that is whole, and gives the same bytes."""

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
from dlscan.prepare import passes, prepare

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
