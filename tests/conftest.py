"""Small raw directories, experiments and real data, for all tests."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

from dlscan.config import Experiment, load

CLASSES = ("Ele", "Pi0", "ChPi")
# The files that take longest, longest first: begun last, one of them would run alone in the end.
LONGEST = (
    "cluster/test_faults.py",
    "train/test_pack.py",
    "cluster/test_slurm.py",
    "cli/test_scan.py",
    "cluster/test_scan.py",
    "scan/test_driver.py",
    "train/test_point.py",
    "train/test_processes.py",
    "batch/test_dask.py",
    "prepare/test_prepare.py",
)

# Tests start hundreds of processes, and without this each would compile the whole package.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell ignores SIGINT for what it runs in the background, `nohup` SIGHUP, and what is started here inherits
# that: tests that send one would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files."""
    home = Path(__file__).parent
    places = {home / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def write_raw(
    raw: Path, files: int = 2, events: int = 50, classes: tuple[str, ...] = CLASSES, seed: int = 0
) -> None:
    """Write class directories: `ECAL` sparse images, `HCAL` dense vectors that tell classes apart, `target`.

    `target` holds (class, file, row, energy): what an event is can be read off wherever it turns up.
    """
    for label, name in enumerate(classes):
        (raw / name).mkdir(parents=True, exist_ok=True)
        for number in range(files):
            write_file(raw / name / f"{name}_{number}.h5", label, number, events, seed)


def write_file(path: Path, label: int, number: int, events: int, seed: int = 0) -> None:
    """Write one raw file."""
    rng = np.random.default_rng([seed, label, number])
    image = rng.exponential(1e-3, (events, 4, 5, 6)) * (rng.random((events, 4, 5, 6)) < 0.1)
    vector = rng.normal(label, 1.0, (events, 7))
    target = np.column_stack([np.full(events, label), np.full(events, number), np.arange(events)])
    target = np.column_stack([target, rng.uniform(10, 110, events)])
    with h5py.File(path, "w") as handle:
        handle.create_dataset("ECAL", data=image.astype(np.float32), compression="gzip", chunks=(16, 4, 5, 6))
        handle.create_dataset("HCAL", data=vector.astype(np.float32))
        handle.create_dataset("target", data=target.astype(np.float32).reshape(events, 1, 4))
        handle.create_dataset("split", data=(np.arange(events) % 5 == 0).astype(np.uint8))


@pytest.fixture
def make_raw() -> Callable[..., None]:
    """Write raw directories: see `write_raw`."""
    return write_raw


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A raw directory with three classes, two files each, 50 events each; its path is a hostile one."""
    directory = tmp_path / "raw 'data' $(x) ü"
    write_raw(directory)
    return directory


@pytest.fixture
def make_experiment(tmp_path: Path, raw: Path) -> Callable[..., Experiment]:
    """Write an experiment file over `raw` and load it; keyword arguments replace sections."""

    def make(*overrides: str, **sections: Any) -> Experiment:
        path = tmp_path / "experiment.yaml"
        content = {
            "name": "small",
            "data": {
                "raw": str(raw),
                "classes": {name: name for name in CLASSES},
                "inputs": ["ECAL", "HCAL"],
                "extras": ["target"],
                "prepared": "prepared/small",
            },
            "model": {"width": 8, "depth": 1},
            "train": {"epochs": 2, "batch_size": 32},
            **sections,
        }
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return load(path, overrides)

    return make


@pytest.fixture
def experiment(make_experiment: Callable[..., Experiment]) -> Experiment:
    """The experiment over `raw`, as it stands."""
    return make_experiment()


@pytest.fixture(scope="session")
def small_scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The experiment file of a scan of four points, prepared and trained for real; leave it as it is.

    Classes Ele, Gamma, Pi0, ChPi; inputs ECAL (4, 5, 6) and HCAL (7,); the scan is scans/lcd-dense beside it.
    """
    home = tmp_path_factory.mktemp("small")
    classes = ("Ele", "Gamma", "Pi0", "ChPi")
    write_raw(home / "raw", events=60, classes=classes)
    content = {
        "name": "lcd-dense",
        "data": {
            "raw": "raw",
            "classes": {name: name for name in classes},
            "inputs": ["ECAL", "HCAL"],
            "extras": ["target"],
            "split": {"train": 0.5, "validation": 0.2, "test": 0.3},
            "prepared": "prepared/lcd",
        },
        "train": {"epochs": 3, "batch_size": 64},
        "scan": {"grid": {"model.width": [16, 32], "model.depth": [1, 2]}},
        "stream": {"workers": 0},
        # one process: each takes seconds to start
        "batch": {"models_per_job": 4},
    }
    file = home / "lcd.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    for arguments in (["prepare", str(file), "--workers", "1"], ["scan", str(file)]):
        command = [sys.executable, "-P", "-m", "dlscan", *arguments]
        subprocess.run(command, capture_output=True, check=True, timeout=300)
    return file


@pytest.fixture
def dlscan() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run the command line as a user does, in a process of its own."""

    def run(*arguments: object, **options: Any) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-P", "-m", "dlscan", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **options)

    return run


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The directory with real data; tests that want it skip where it is absent."""
    place = Path(os.environ.get("DLSCAN_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (place / "magic").is_dir():
        pytest.skip(f"no real data in {place} (set DLSCAN_TEST_DATA)")
    return place
