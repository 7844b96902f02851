"""`dlscan.train`: one network from Python."""

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import dlscan
from dlscan.dataset import Manifest
from dlscan.errors import ConfigError, DataError, ScanError
from dlscan.training import TrainedPoint

from .conftest import CLASSES, write_raw


def mapping(home: Path, **sections: Any) -> dict[str, Any]:
    data = {
        "raw": str(home / "raw"),
        "classes": {name: name for name in CLASSES},
        "inputs": ["HCAL"],
        "prepared": str(home / "prepared"),
    }
    return {
        "data": data,
        "model": {"width": 4, "depth": 1},
        "train": {"epochs": 2, "batch_size": 32, "keep_checkpoint": True},
        "stream": {"workers": 0},
        **sections,
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("python")
    write_raw(directory / "raw", files=1, events=60)
    return directory


@pytest.fixture(scope="module")
def trained(home: Path) -> TrainedPoint:
    return dlscan.train(mapping(home), home / "networks" / "first")


def test_a_mapping_becomes_a_trained_network(trained: TrainedPoint, home: Path) -> None:
    assert trained.record.params["model.width"] == 4
    assert repr(trained).startswith(f"dense in {home / 'networks' / 'first' / 'points'}")
    assert list(trained.history["epoch"]) == [1, 2]
    predictions = trained.predictions()
    assert predictions.scores.shape == (len(predictions.labels), 3)
    np.testing.assert_allclose(predictions.scores.sum(axis=1), 1, rtol=1e-5)
    scores = trained.model().predict({"HCAL": np.zeros((2, 7), np.float32)}, verbose=0)
    assert scores.shape == (2, 3)
    assert Manifest.read(home / "prepared").events == 180


def test_what_it_leaves_is_a_scan(trained: TrainedPoint) -> None:
    (point,) = dlscan.load(trained.paths.directory.parents[1]).points
    assert (point.record, point.paths) == (trained.record, trained.paths)
    assert trained.record.scan == "first"


def test_the_same_call_again_gives_what_is_there_and_a_longer_one_trains_on(
    trained: TrainedPoint, home: Path
) -> None:
    again = dlscan.train(mapping(home), home / "networks" / "first")
    assert again.record == trained.record
    losses = again.history["loss"].tolist()
    file = home / "longer.yaml"
    longer = mapping(home, name="other", train={"epochs": 3, "batch_size": 32, "keep_checkpoint": True})
    file.write_text(yaml.safe_dump(longer), encoding="utf-8")
    more = dlscan.train(str(file), str(home / "networks" / "first"))
    assert (more.record.epochs, more.record.attempts, len(more.history)) == (3, 2, 3)
    assert more.history["loss"].tolist()[:2] == losses


@pytest.mark.usefixtures("trained")
def test_what_cannot_be_trained_is_refused_with_the_way_out(home: Path) -> None:
    several = mapping(home, scan={"grid": {"model.width": [4, 8]}})
    with pytest.raises(ConfigError, match=r"^experiment: scan: has 2 points, but dlscan\.train trains one"):
        dlscan.train(several, home / "several")
    with pytest.raises(ConfigError, match=r"^experiment: train\.epoch: unknown key; did you mean 'epochs'"):
        dlscan.train(mapping(home, train={"epoch": 2}), home / "several")
    assert not (home / "several").exists()
    with pytest.raises(ScanError, match=r"planned with model\.width 4, which is now 8"):
        dlscan.train(mapping(home, model={"width": 8, "depth": 1}), home / "networks" / "first")
    other = mapping(home)
    other["data"]["inputs"] = ["ECAL"]
    with pytest.raises(DataError, match=r"run `dlscan prepare .*") as caught:
        dlscan.train(other, home / "other inputs")
    assert str(home / "other inputs" / "points") in str(caught.value)


def test_dlscan_train_is_a_function_before_and_after_its_package_is_loaded() -> None:
    code = (
        "import dlscan, inspect; before = inspect.signature(dlscan.train).parameters\n"
        "import dlscan.train.points, types\n"
        "assert callable(dlscan.train) and isinstance(dlscan.train, types.ModuleType)\n"
        "assert inspect.signature(dlscan.train).parameters == before\n"
        "assert dlscan.train.points.train_points\n"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, timeout=60)
    assert list(inspect.signature(dlscan.train).parameters) == ["experiment", "directory"]
