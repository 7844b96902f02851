"""`--index-only`: the same checks, splits and statistics, and every event where the index says it is."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dlscan.config import Experiment
from dlscan.dataset import SPLITS, Manifest, fits
from dlscan.errors import BadFilesError, DataError, StreamError
from dlscan.prepare import current, prepare, tasks
from dlscan.raw import DirectFile, Straight, find_files
from dlscan.raw.store import RawIndex
from dlscan.stream import Batches

Make = Callable[..., Experiment]


def read_index(prepared: Path) -> dict[str, dict[tuple[int, int], dict[str, np.ndarray]]]:
    """Every event, read as the index says, by split and source."""
    manifest = Manifest.read(prepared)
    found: dict[str, dict[tuple[int, int], dict[str, np.ndarray]]] = {split: {} for split in SPLITS}
    with RawIndex.open(prepared / "index.h5") as index:
        for place in range(len(index)):
            path, datasets, stat = index.file(place)
            number = int(index.numbers[place])
            assert path == Path(manifest.raw or "") / manifest.sources[number].file
            assert manifest.sources[number].label == manifest.classes[index.labels[place]]
            codes = index.codes[index.starts[place] : index.starts[place + 1]]
            rows = np.arange(len(codes))
            with DirectFile(path, datasets, stat) as file:
                values = {
                    name: np.empty((len(rows), *found.shape), found.dtype) for name, found in datasets.items()
                }
                for name, cells in values.items():
                    file.read(name, rows, Straight(cells))
            for row, code in enumerate(codes):
                event = {name: cells[row] for name, cells in values.items()}
                found[SPLITS[code]][number, row] = event
    return found


def test_it_splits_and_measures_as_a_dataset_does(make_experiment: Make) -> None:
    full = prepare(make_experiment("data.prepared=full")).manifest
    experiment = make_experiment("data.prepared=index")
    index = prepare(experiment, index_only=True).manifest
    assert index == Manifest.read(experiment.data.prepared)
    assert index.raw == str(experiment.data.raw.resolve())
    assert full.raw is None
    assert {path.name for path in experiment.data.prepared.iterdir()} == {"manifest.json", "index.h5"}
    assert (index.statistics, index.inputs, index.extras) == (full.statistics, full.inputs, full.extras)
    assert (index.sources, index.config) == (full.sources, full.config)
    assert index.config_hash != full.config_hash
    found = read_index(experiment.data.prepared)
    for split in SPLITS:
        assert index.splits[split].counts == full.splits[split].counts
        assert index.splits[split].events == len(found[split])
        assert not index.splits[split].shards
        rows = set()
        for shard in full.splits[split].shards:
            with h5py.File(make_experiment("data.prepared=full").data.prepared / shard.file) as handle:
                rows |= {tuple(pair) for pair in handle["sources"][...].tolist()}
        assert found[split].keys() == rows


def test_every_event_is_where_the_index_says(experiment: Experiment) -> None:
    manifest = prepare(experiment, index_only=True).manifest
    seen = 0
    for events in read_index(experiment.data.prepared).values():
        for (number, row), event in events.items():
            seen += 1
            with h5py.File(experiment.data.raw / manifest.sources[number].file) as handle:
                for name, values in event.items():
                    np.testing.assert_array_equal(values, handle[name][row])
    assert seen == 300


def test_the_index_is_the_same_whoever_makes_it(
    make_experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = (make_experiment(f"data.prepared={name}") for name in ("one", "two", "three"))
    prepare(one, processes=1, index_only=True)
    prepare(two, processes=2, index_only=True)
    monkeypatch.setattr(tasks, "TASK_BYTES", 9000)  # files are cut into pieces
    prepare(three, processes=1, index_only=True)
    expected = (one.data.prepared / "index.h5").read_bytes()
    assert (two.data.prepared / "index.h5").read_bytes() == expected
    assert (three.data.prepared / "index.h5").read_bytes() == expected


def test_a_column_of_the_files_decides_the_split(make_experiment: Make) -> None:
    experiment = make_experiment("data.split={column: split, train: 0, test: 1, validation: 0.25}")
    prepare(experiment, index_only=True)
    found = read_index(experiment.data.prepared)
    assert {row % 5 for _, row in found["test"]} == {0}
    assert all(row % 5 for split in ("train", "validation") for _, row in found[split])


@pytest.mark.parametrize("first", [False, True])
def test_an_index_and_a_dataset_replace_each_other_and_say_so(
    experiment: Experiment, first: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "dlscan")
    prepare(experiment, index_only=first)
    outcome = prepare(experiment, index_only=not first)
    assert outcome.built
    assert (outcome.manifest.raw is None) == first
    names = {path.name for path in experiment.data.prepared.iterdir()}
    assert ("index.h5" in names) != first
    assert ("train-00000.h5" in names) == first
    said = (
        "the existing index is replaced by a dataset"
        if first
        else "the existing dataset is replaced by an index"
    )
    assert said in caplog.text


@pytest.mark.parametrize(
    "change", [None, "touched", "changed", "index gone", "index cut", "a bit", "raw moved"]
)
def test_it_is_built_again_only_if_something_changed(
    make_experiment: Make, raw: Path, change: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    experiment = make_experiment()
    prepare(experiment, index_only=True)
    caplog.set_level("INFO", "dlscan")
    index = experiment.data.prepared / "index.h5"
    if change == "touched":
        os.utime(raw / "Ele/Ele_1.h5", ns=(5, 5))
    elif change == "changed":
        with h5py.File(raw / "Ele/Ele_1.h5", "a") as handle:
            handle["HCAL"][0, 0] += 1
    elif change == "index gone":
        index.unlink()
    elif change == "index cut":
        os.truncate(index, 1000)
    elif change == "a bit":
        content = bytearray(index.read_bytes())
        content[-1] ^= 1
        index.write_bytes(content)
    elif change == "raw moved":
        shutil.copytree(raw, raw.with_name("copy"))
        experiment = make_experiment(f"data.raw={raw.with_name('copy')}")
        with pytest.raises(DataError, match=r"values of data\.raw .* run `dlscan prepare .* --index-only`"):
            fits.require(Manifest.read(experiment.data.prepared), experiment)
    outcome = prepare(experiment, index_only=True)
    assert outcome.built == (change not in (None, "touched"))
    reason = {
        "changed": "1 changed (Ele/Ele_1.h5)",
        "index gone": "index.h5 is missing or damaged",
        "index cut": "index.h5 is missing or damaged",
        "a bit": "index.h5 is missing or damaged",
        "raw moved": f"the existing index is for {raw}",
    }
    assert reason.get(change or "", "") in caplog.text
    fits.require(Manifest.read(experiment.data.prepared), experiment)
    assert sum(map(len, read_index(experiment.data.prepared).values())) == 300
    assert not prepare(experiment, index_only=True).built


def test_any_bit_of_an_index_that_turned_over_is_found(make_experiment: Make) -> None:
    experiment = make_experiment()
    prepare(experiment, index_only=True)
    path = experiment.data.prepared / "index.h5"
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    message = rf"^{path}: cannot be read \(damaged[^\n]*run `dlscan prepare --index-only` again$"
    for place in [*rng.integers(len(good), size=60), len(good) - 1]:
        damaged = bytearray(good)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        # what makes h5py find nothing where an array was ended in an AttributeError
        with (
            pytest.raises(StreamError, match=message),
            Batches(experiment.data.prepared, workers=0) as batches,
        ):
            list(batches.epoch(0))
        assert current.judge(experiment, path.parent, find_files(experiment)[1], False, True).reason == (
            f"{path} is missing or damaged"
        )


def test_a_dead_worker_is_reported_though_the_index_is_gone(make_experiment: Make) -> None:
    experiment = make_experiment()
    prepare(experiment, index_only=True)
    path = experiment.data.prepared / "index.h5"
    with Batches(path.parent, batch_size=4, workers=1) as batches:
        next(batches.epoch(0))
        path.unlink()
        assert batches._ring is not None
        (worker,) = batches._ring._workers._workers  # type: ignore[union-attr]
        worker.process.kill()
        with pytest.raises(StreamError, match=r"stream worker 0 .* was killed by SIGKILL .*index\.h5"):
            list(batches.epoch(1))


def spoil(raw: Path) -> None:
    (raw / "Ele/Ele_0.h5").write_text("no HDF5 at all")
    with h5py.File(raw / "Pi0/Pi0_1.h5") as handle:
        chunk = handle["ECAL"].id.get_chunk_info(2)
    with (raw / "Pi0/Pi0_1.h5").open("r+b") as file:
        file.seek(chunk.byte_offset)
        file.write(b"\xff" * chunk.size)


@pytest.mark.parametrize("task_bytes", [9000, 2**27])
def test_bad_files_are_left_out_only_if_asked(
    make_experiment: Make, raw: Path, task_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "TASK_BYTES", task_bytes)
    experiment = make_experiment()
    spoil(raw)
    with pytest.raises(BadFilesError) as caught:
        prepare(experiment, processes=1, index_only=True)
    reasons = {path.name: reason for path, reason in caught.value.bad}
    assert reasons.keys() == {"Ele_0.h5", "Pi0_1.h5"}
    assert reasons["Pi0_1.h5"].startswith("ECAL cannot be read: chunk 2 is damaged")
    assert not experiment.data.prepared.exists()
    manifest = prepare(experiment, processes=1, skip_bad=True, index_only=True).manifest
    assert {bad.file for bad in manifest.bad_files} == {"Ele/Ele_0.h5", "Pi0/Pi0_1.h5"}
    found = read_index(experiment.data.prepared)
    assert {number for events in found.values() for number, _ in events} == {1, 2, 4, 5}
    assert sum(map(len, found.values())) == manifest.events == 200


def test_what_will_be_slow_is_said_with_the_reason(
    make_experiment: Make, raw: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def rewrite(path: Path, name: str, **options: Any) -> None:
        with h5py.File(path, "a") as handle:
            values = handle[name][...]
            del handle[name]
            handle.create_dataset(name, data=values, **options)

    for path in raw.glob("*/*_0.h5"):
        rewrite(path, "HCAL", chunks=(10, 7), shuffle=True)
    rewrite(raw / "Ele/Ele_1.h5", "ECAL", chunks=(10, 4, 5, 6), shuffle=True)
    caplog.set_level("WARNING", "dlscan")
    experiment = make_experiment()
    prepare(experiment, index_only=True)
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(": only the HDF5 library")[0] for line in lines] == [
        "ECAL is stored with shuffle in 1 of 6 files",
        "HCAL is stored with shuffle in 3 of 6 files",
    ]
    assert all("`dlscan prepare` without --index-only" in line for line in lines)
    assert sum(map(len, read_index(experiment.data.prepared).values())) == 300


def test_the_command_says_that_it_is_an_index(
    experiment: Experiment, dlscan: Callable[..., Any], raw: Path
) -> None:
    done = dlscan("prepare", experiment.file, "--index-only")
    assert done.returncode == 0, done.stderr
    assert "indexed in" in done.stdout
    assert f"an index only: the events stay in {raw}" in done.stdout
    assert "on disk" not in done.stdout
    assert "up to date" in dlscan("prepare", experiment.file, "--index-only").stdout
    (raw / "Ele/Ele_0.h5").write_text("no HDF5 at all")
    done = dlscan("prepare", experiment.file, "--index-only", "--skip-bad")
    assert done.returncode == 1
    assert "1 bad file left out" in done.stderr
