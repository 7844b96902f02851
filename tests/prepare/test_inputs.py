"""Inputs that are more than a dataset: prepared or indexed, each event is what h5py reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dlscan.config import Experiment, load
from dlscan.dataset import Manifest
from dlscan.prepare import prepare
from dlscan.stream import Batches
from tests.prepare import layouts

EVENTS = 40
MASKED = [
    "tracks", "all", "padded", "masked", "branches", "lists", "records", "flat", "columns", "ends"
]  # fmt: skip


def write_raw(raw: Path, **stored: Any) -> None:
    for label in ("Ele", "Pi0"):
        (raw / label).mkdir(parents=True)
        for number in range(2):
            seed = 10 * number + (label == "Pi0")
            layouts.write(raw / label / f"{number}.h5", EVENTS + number, seed, **stored)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("layouts")
    write_raw(directory / "raw", compression="gzip")
    return directory


@pytest.fixture
def make(raw: Path, tmp_path: Path) -> Callable[..., Experiment]:
    import yaml

    def make(inputs: Any = layouts.INPUTS, **data: Any) -> Experiment:
        path = tmp_path / "a.yaml"
        keys = {"raw": str(raw / "raw"), "inputs": inputs, "extras": ["target", "jets.flavour"], **data}
        path.write_text(yaml.safe_dump({"name": "a", "data": keys}, sort_keys=False))
        return load(path)

    return make


@pytest.fixture(scope="module")
def prepared(raw: Path) -> dict[bool, Path]:
    """A dataset, and an index."""
    import yaml

    keys = {"raw": str(raw / "raw"), "inputs": layouts.INPUTS, "extras": ["target", "jets.flavour"]}
    made = {}
    for index in (False, True):
        path = raw / f"{index}.yaml"
        keys["prepared"] = f"prepared-{index}"
        path.write_text(yaml.safe_dump({"name": "a", "data": keys}, sort_keys=False))
        experiment = load(path)
        prepare(experiment, index_only=index, processes=1)
        made[index] = experiment.data.prepared
    return made


def check(prepared: Path, raw: Path, **options: Any) -> int:
    """Compare each event of a stream with its raw file; how many there were."""
    seen = 0
    manifest = Manifest.read(prepared)
    files = {number: h5py.File(raw / source.file) for number, source in enumerate(manifest.sources)}
    with Batches(prepared, extras=True, **options) as batches:
        for batch in batches.epoch(0, last=True):
            assert sorted(batch.masks) == sorted(MASKED)
            for place, (number, row) in enumerate(batch.sources.tolist()):
                seen += 1
                file = files[number]
                assert batch.extras["jets.flavour"][place] == file["jets"][row]["flavour"]
                for name, wanted in layouts.expected(file, row).items():
                    found = batch.inputs[name][place]
                    assert found.dtype == np.float32
                    if name in MASKED:
                        count = len(wanted)
                        assert batch.masks[name][place].tolist() == [True] * count + [False] * (
                            len(found) - count
                        )
                        assert not found[count:].any()
                        found = found[:count]
                    assert found.tobytes() == wanted.astype(np.float32).tobytes(), (name, number, row)
    for file in files.values():
        file.close()
    return seen


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("cache", ["none", "ram"])
def test_each_event_is_what_h5py_reads(prepared, raw, index, workers, cache):
    options = {"batch_size": 16, "workers": workers, "cache": cache}
    whole = Manifest.read(prepared[index]).splits["train"].events
    assert check(prepared[index], raw / "raw", **options) == whole


def test_long_blocks_and_the_order_of_the_disk_have_the_same_events(prepared, raw, monkeypatch):
    for index in (False, True):
        check(prepared[index], raw / "raw", batch_size=1000, workers=0, shuffle=False)
    monkeypatch.setattr("dlscan.stream.planner._POOL_BYTES", 1)
    monkeypatch.setattr("dlscan.stream.planner._SMALL_EVENT", 1)
    for index in (False, True):
        check(prepared[index], raw / "raw", batch_size=16, workers=0)
