"""Inputs that are more than a dataset: prepared or indexed, each event is what h5py reads."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

from dlscan.analysis.events.manifest_text import entries_text
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
    def make(inputs: Any = layouts.INPUTS, **data: Any) -> Experiment:
        path = tmp_path / "a.yaml"
        keys = {"raw": str(raw / "raw"), "inputs": inputs, "extras": ["target", "jets.flavour"], **data}
        path.write_text(yaml.safe_dump({"name": "a", "data": keys}, sort_keys=False))
        return load(path)

    return make


@pytest.fixture(scope="module")
def prepared(raw: Path) -> dict[bool, Path]:
    """A dataset, and an index."""
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


def test_statistics_are_those_of_entries_that_exist_feature_by_feature(prepared, raw):
    for index in (False, True):
        manifest = Manifest.read(prepared[index])
        train: dict[str, list[np.ndarray]] = {}
        with Batches(prepared[index], workers=0, extras=True) as batches:
            for batch in batches.epoch(0, last=True):
                for name, mask in batch.masks.items():
                    train.setdefault(name, []).append(batch.inputs[name][mask])
        for name, parts in train.items():
            values, measured = np.concatenate(parts).astype(np.float64), manifest.statistics[name]
            assert manifest.inputs[name].masked
            np.testing.assert_allclose(measured.mean, values.mean(axis=0), rtol=1e-12)
            np.testing.assert_allclose(measured.std, values.std(axis=0), rtol=1e-9)
            assert measured.minimum == tuple(values.min(axis=0))
            assert len(measured.quantiles) == values.shape[1]
        # a vector of fields has one mean for each too
        assert len(manifest.statistics["jet"].mean) == 5


def test_what_is_cut_and_filled_is_counted_by_class(prepared, raw):
    for index in (False, True):
        manifest = Manifest.read(prepared[index])
        made = manifest.made["lists"]
        cut = []
        for label in manifest.classes:
            lengths = []
            for path in sorted((raw / "raw" / label).iterdir()):
                with h5py.File(path) as file:
                    lengths += map(len, file["lists"][...])
            over = np.array([max(length - layouts.LONGEST, 0) for length in lengths])
            cut.append((np.count_nonzero(over), over.sum()))
        assert list(zip(made.cut_events, made.cut_entries, strict=True)) == cut
        assert manifest.made["jet"].features == ("pt", "eta", "cov[0]", "cov[1]", "b")
        nan = 0
        for path in (raw / "raw").glob("*/*.h5"):
            with h5py.File(path) as file:
                nan += np.count_nonzero(np.isnan(file["holes"][...]))
        assert manifest.made["filled"].filled == nan
        assert "numbers were nan and are -1 now" in entries_text(manifest)
        assert f"Ele {cut[0][0]} events" in entries_text(manifest)


def test_a_list_has_the_manifest_that_it_had(make, tmp_path):
    manifest = prepare(make(["image"], extras=["target"]), processes=1).manifest
    written = json.loads((tmp_path / "prepared/a/manifest.json").read_text())
    assert written["config"]["inputs"] == ["image"]
    assert written["inputs"] == {"image": {"shape": [4, 5], "dtype": "<f4", "encoding": "sparse"}}
    assert "made" not in written
    assert Manifest.read(tmp_path / "prepared/a") == manifest


def stored(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {name: item[...] for name, item in file.items() if isinstance(item, h5py.Dataset)}


@pytest.mark.parametrize("values", ["?", "i1", ">u2", "<i4", ">i8", "u8", "<f2", ">f4", "<f8", "g", "enum"])
def test_numbers_of_every_type_are_those_of_h5py(tmp_path, values, caplog):
    dtype = h5py.enum_dtype({"a": 0, "b": 1, "c": 2}, "i2") if values == "enum" else np.dtype(values)
    rng, big = np.random.default_rng(1), values in (">i8", "u8", "<i4")
    for label in ("a", "b"):
        (tmp_path / "raw" / label).mkdir(parents=True)
        numbers = rng.integers(0, 2, (30, 3)) + (2**25 * rng.integers(0, 2, (30, 3)) if big else 0)
        pairs = np.zeros(30, [("x", dtype), ("y", dtype)])
        pairs["x"], pairs["y"] = numbers[:, 0], numbers[:, 1]
        with h5py.File(tmp_path / "raw" / label / "a.h5", "w") as file:
            file.create_dataset("plain", data=numbers.astype(dtype), dtype=dtype)
            file["pairs"] = pairs
    path = tmp_path / "a.yaml"
    inputs = {"plain": {}, "pairs": {"dataset": "pairs", "fields": ["y", "x"]}}
    path.write_text(yaml.safe_dump({"name": "a", "data": {"raw": "raw", "inputs": inputs}}))
    experiment = load(path)
    for index in (False, True):
        caplog.clear()
        manifest = prepare(experiment, processes=1, index_only=index).manifest
        said = [record.getMessage() for record in caplog.records if "whole numbers" in record.getMessage()]
        assert sorted(text.split()[0] for text in said) == (["pairs", "plain"] if big else [])
        files = [stored(tmp_path / "raw" / source.file) for source in manifest.sources]
        with Batches(experiment.data.prepared, workers=0, extras=True) as batches:
            for batch in batches.epoch(0, last=True):
                for place, (number, row) in enumerate(batch.sources.tolist()):
                    plain, pair = files[number]["plain"][row], files[number]["pairs"][row]
                    np.testing.assert_array_equal(batch.inputs["plain"][place], plain.astype(np.float32))
                    wanted = [np.float32(pair["y"]), np.float32(pair["x"])]
                    assert batch.inputs["pairs"][place].tolist() == wanted


def test_files_of_atlas_flavour_tagging_go_in_as_they_are(tmp_path):
    mock = pytest.importorskip("ftag.mock")
    for label in ("ttbar", "zprime"):
        (tmp_path / "raw" / label).mkdir(parents=True)
        path, file = mock.get_mock_file(num_jets=60, fname=tmp_path / "raw" / label / "a.h5")
        file.close()
    fields = {"jets": ["pt", "eta"], "tracks": ["d0", "z0SinTheta"]}
    inputs = {
        "jet": {"dataset": "jets", "fields": fields["jets"]},
        "tracks": {"dataset": "tracks", "fields": fields["tracks"], "valid": "valid"},
    }
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump({"name": "a", "data": {"raw": "raw", "inputs": inputs}}))
    experiment = load(path)
    manifest = prepare(experiment, processes=1).manifest
    files = [stored(tmp_path / "raw" / source.file) for source in manifest.sources]
    with Batches(experiment.data.prepared, workers=0, extras=True) as batches:
        for batch in batches.epoch(0, last=True):
            for place, (number, row) in enumerate(batch.sources.tolist()):
                jet, tracks = files[number]["jets"][row], files[number]["tracks"][row]
                tracks = tracks[tracks["valid"]]
                wanted = np.stack([tracks[name].astype(np.float32) for name in fields["tracks"]], axis=1)
                found = batch.inputs["tracks"][place][batch.masks["tracks"][place]]
                np.testing.assert_array_equal(found, wanted)
                assert batch.inputs["jet"][place].tolist() == [np.float32(jet[n]) for n in fields["jets"]]
