"""From raw directories to a dataset: nothing lost, nothing twice, nothing half-written."""

import csv
import dataclasses
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dlscan.config import Experiment
from dlscan.dataset import SPLITS, Manifest, fits
from dlscan.errors import BadFilesError, ConfigError, DataError, UsageError
from dlscan.prepare import build, layout, prepare, tasks
from dlscan.stream import Batches

Make = Callable[..., Experiment]
EVENTS = 300


def events_of(prepared: Path) -> dict[str, dict[str, np.ndarray]]:
    """All events of a dataset, by split."""
    found = {}
    for split in SPLITS:
        with Batches(prepared, split=split, workers=0, shuffle=False, extras=True) as batches:
            batches_ = list(batches.epoch(0))
        found[split] = {
            "labels": np.concatenate([b.labels for b in batches_]),
            "target": np.concatenate([b.extras["target"][:, 0] for b in batches_]),
            "sources": np.concatenate([b.sources for b in batches_]),
            **{name: np.concatenate([b.inputs[name] for b in batches_]) for name in ("ECAL", "HCAL")},
        }
    return found


def identity(events: dict[str, np.ndarray]) -> list[tuple[float, ...]]:
    """(class, file, row) of each event."""
    return [tuple(row) for row in events["target"][:, :3]]


def test_every_event_is_in_one_split_with_its_label_and_its_values(experiment: Experiment) -> None:
    manifest = prepare(experiment).manifest
    found = events_of(experiment.data.prepared)
    everything = [key for split in SPLITS for key in identity(found[split])]
    assert len(everything) == len(set(everything)) == EVENTS == manifest.events
    for split in SPLITS:
        events = found[split]
        np.testing.assert_array_equal(events["labels"], events["target"][:, 0])
        assert manifest.splits[split].counts == tuple(np.bincount(events["labels"], minlength=3))
        for row, (number, source_row) in enumerate(events["sources"]):
            source = manifest.sources[number]
            with h5py.File(experiment.data.raw / source.file) as raw:
                for name in ("ECAL", "HCAL"):
                    np.testing.assert_array_equal(events[name][row], raw[name][source_row])


def test_images_are_stored_sparse_and_vectors_dense(experiment: Experiment) -> None:
    manifest = prepare(experiment).manifest
    assert manifest.inputs["ECAL"].encoding == "sparse"
    assert manifest.inputs["HCAL"].encoding == "dense"
    assert manifest.statistics["ECAL"].occupancy == pytest.approx(0.1, abs=0.01)
    assert len(manifest.statistics["HCAL"].mean) == 7


def test_statistics_come_from_the_training_split_alone(experiment: Experiment, raw: Path) -> None:
    prepare(experiment)
    train = events_of(experiment.data.prepared)["train"]
    statistics = Manifest.read(experiment.data.prepared).statistics
    np.testing.assert_allclose(statistics["HCAL"].mean, train["HCAL"].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(statistics["HCAL"].std, train["HCAL"].std(axis=0), rtol=1e-5)
    assert statistics["ECAL"].maximum == (train["ECAL"].max(),)
    assert statistics["ECAL"].occupancy == pytest.approx(np.mean(train["ECAL"] != 0))


def test_events_keep_their_side_when_files_are_added(make_experiment: Make, raw: Path) -> None:
    experiment = make_experiment()
    prepare(experiment)
    before = {key: split for split, e in events_of(experiment.data.prepared).items() for key in identity(e)}
    for name in ("Ele", "Pi0"):
        # sorts before the others, so that every file gets another number
        shutil.copy(raw / name / f"{name}_0.h5", raw / name / "A_new.h5")
        with h5py.File(raw / name / "A_new.h5", "a") as handle:
            handle["target"][:, 0, 1] = 99
    assert prepare(experiment).built
    after = {key: split for split, e in events_of(experiment.data.prepared).items() for key in identity(e)}
    assert len(after) == EVENTS + 100
    assert before == {key: split for key, split in after.items() if key[1] != 99}


def test_the_dataset_is_the_same_whoever_makes_it(
    make_experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process, two processes, and tasks and shards cut otherwise: the same events in the same order."""
    one = make_experiment("data.prepared=one")
    prepare(one, processes=1)
    two = make_experiment("data.prepared=two")
    prepare(two, processes=2)
    monkeypatch.setattr(tasks, "TASK_BYTES", 4096)
    monkeypatch.setattr(layout, "SHARD_BYTES", 4096)
    monkeypatch.setattr(tasks, "_LEAST_RUN", 0)
    monkeypatch.setattr(tasks, "_LONGEST_RUN", 2048)
    three = make_experiment("data.prepared=three")
    manifest = prepare(three, processes=1).manifest
    assert len(manifest.splits["train"].shards) > 3
    expected = events_of(one.data.prepared)
    for other in (two, three):
        found = events_of(other.data.prepared)
        for split in SPLITS:
            for name, values in expected[split].items():
                np.testing.assert_array_equal(found[split][name], values)
    assert manifest.config_hash == Manifest.read(one.data.prepared).config_hash


def test_the_disk_order_mixes_classes_and_files(experiment: Experiment) -> None:
    prepare(experiment)
    train = events_of(experiment.data.prepared)["train"]
    labels = train["labels"]
    changes = np.count_nonzero(np.diff(labels))
    # 2/3 of neighbours differ in a random order of three equal classes
    assert changes / len(labels) == pytest.approx(2 / 3, abs=0.1)
    assert abs(np.corrcoef(train["target"][:, 2], np.arange(len(labels)))[0, 1]) < 0.2


def test_a_column_of_the_files_decides_the_split(make_experiment: Make) -> None:
    experiment = make_experiment("data.split={column: split, train: 0, test: 1, validation: 0.25}")
    manifest = prepare(experiment).manifest
    found = events_of(experiment.data.prepared)
    assert manifest.splits["test"].events == EVENTS / 5
    assert all(row % 5 == 0 for _, _, row in identity(found["test"]))
    assert manifest.splits["validation"].events == pytest.approx(EVENTS * 0.8 * 0.25, abs=20)


def test_a_second_run_does_nothing(experiment: Experiment) -> None:
    assert prepare(experiment).built
    before = {path: path.stat().st_mtime_ns for path in experiment.data.prepared.iterdir()}
    assert not prepare(experiment).built
    assert before == {path: path.stat().st_mtime_ns for path in experiment.data.prepared.iterdir()}


def test_touched_files_are_not_changed_files(experiment: Experiment, raw: Path) -> None:
    prepare(experiment)
    for path in raw.glob("*/*.h5"):
        os.utime(path)
    assert not prepare(experiment).built


@pytest.mark.parametrize(
    "change", ["new file", "removed file", "changed file", "config", "shard gone", "seed"]
)
def test_a_change_rebuilds_and_says_why(
    make_experiment: Make, raw: Path, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    experiment = make_experiment()
    prepare(experiment)
    caplog.clear()
    caplog.set_level("INFO", "dlscan")
    expected = {
        "new file": "1 new (Ele/Ele_9.h5)",
        "removed file": "1 removed (Ele/Ele_1.h5)",
        "changed file": "1 changed (Ele/Ele_1.h5)",
        "config": "data.inputs changed",
        "seed": "data.split changed",
        "shard gone": "train-00000.h5 is missing or damaged",
    }[change]
    if change == "new file":
        shutil.copy(raw / "Ele/Ele_1.h5", raw / "Ele/Ele_9.h5")
    elif change == "removed file":
        (raw / "Ele/Ele_1.h5").unlink()
    elif change == "changed file":
        with h5py.File(raw / "Ele/Ele_1.h5", "a") as handle:
            handle["HCAL"][0, 0] += 1
    elif change == "config":
        experiment = make_experiment("data.inputs=[HCAL]")
    elif change == "seed":
        experiment = make_experiment("data.split.seed=2")
    else:
        (experiment.data.prepared / "train-00000.h5").unlink()
    assert prepare(experiment).built
    assert expected in caplog.text


def spoil(raw: Path) -> dict[str, str]:
    """Make a bad file of every kind; returns each file's name with a part of its reason."""

    def rewrite(name: str, **changed: Any) -> None:
        with h5py.File(raw / name, "a") as handle:
            for key, values in changed.items():
                del handle[key]
                if values is not None:
                    handle[key] = values

    for number in range(2, 12):
        shutil.copy(raw / "Pi0/Pi0_1.h5", raw / f"Pi0/Pi0_{number}.h5")
    with (raw / "Pi0/Pi0_2.h5").open("r+b") as handle:
        handle.truncate(3000)
    (raw / "Pi0/Pi0_3.h5").write_text("no HDF5 at all")
    rewrite("Pi0/Pi0_4.h5", HCAL=None)
    rewrite("Pi0/Pi0_5.h5", HCAL=np.zeros((49, 7), np.float32))
    rewrite("Pi0/Pi0_6.h5", HCAL=np.zeros((50, 8), np.float32))
    rewrite("Pi0/Pi0_7.h5", HCAL=np.zeros((50, 7), np.float64))
    values = np.zeros((50, 7), np.float32)
    values[17, 3] = np.nan
    rewrite("Pi0/Pi0_8.h5", HCAL=values)
    rewrite(
        "Pi0/Pi0_9.h5",
        **{
            n: np.zeros((0, *s), np.float32)
            for n, s in {"ECAL": (4, 5, 6), "HCAL": (7,), "target": (1, 4)}.items()
        },
    )
    rewrite("Pi0/Pi0_10.h5", HCAL=np.full((50, 7), b"text"))
    # a damaged chunk: the header is well, the data are not
    with h5py.File(raw / "Pi0/Pi0_11.h5") as handle:
        chunk = handle["ECAL"].id.get_chunk_info(1)
    with (raw / "Pi0/Pi0_11.h5").open("r+b") as handle:
        handle.seek(chunk.byte_offset)
        handle.write(b"\xff" * chunk.size)
    (raw / "Pi0/Pi0_12.h5").symlink_to(raw / "nowhere.h5")
    return {
        "Pi0/Pi0_2.h5": "truncated",
        "Pi0/Pi0_3.h5": "not an HDF5 file",
        "Pi0/Pi0_4.h5": "has no dataset 'HCAL'; it has ECAL, split, target",
        "Pi0/Pi0_5.h5": "differ in length: ECAL 50, HCAL 49, target 50",
        "Pi0/Pi0_6.h5": "HCAL has shape (8,), but most files have (7,)",
        "Pi0/Pi0_7.h5": "HCAL has type <f8, but most files have <f4",
        "Pi0/Pi0_8.h5": "HCAL is not finite as float32 in row 17",
        "Pi0/Pi0_9.h5": "holds no events",
        "Pi0/Pi0_10.h5": "not numbers",
        "Pi0/Pi0_11.h5": "read",
        "Pi0/Pi0_12.h5": "No such file",
    }


def test_every_bad_file_is_reported_at_once_and_nothing_is_written(experiment: Experiment, raw: Path) -> None:
    expected = spoil(raw)
    with pytest.raises(BadFilesError) as caught:
        prepare(experiment)
    found = {str(path.relative_to(raw)): reason for path, reason in caught.value.bad}
    assert found.keys() == expected.keys()
    for name, reason in expected.items():
        assert reason in found[name], name
        assert "\n" not in found[name]
    assert not experiment.data.prepared.exists()
    assert {path.name for path in experiment.data.prepared.parent.iterdir()} == {".small.lock"}


def test_bad_files_leave_the_dataset_that_was_there(experiment: Experiment, raw: Path) -> None:
    prepare(experiment)
    before = events_of(experiment.data.prepared)
    spoil(raw)
    with pytest.raises(BadFilesError):
        prepare(experiment)
    np.testing.assert_array_equal(
        events_of(experiment.data.prepared)["train"]["ECAL"], before["train"]["ECAL"]
    )


def test_skip_bad_goes_on_without_them_and_says_so(
    experiment: Experiment, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = spoil(raw)
    monkeypatch.setattr(tasks, "_LEAST_RUN", 0)  # so that rows of a bad file are on disk before it is known
    monkeypatch.setattr(tasks, "_LONGEST_RUN", 0)
    manifest = prepare(experiment, skip_bad=True).manifest
    assert {bad.file for bad in manifest.bad_files} == expected.keys()
    with (experiment.data.prepared / "bad_files.csv").open(newline="") as handle:
        assert {row["file"]: row["reason"] for row in csv.DictReader(handle)} == {
            bad.file: bad.reason for bad in manifest.bad_files
        }
    found = events_of(experiment.data.prepared)
    assert sum(len(e["labels"]) for e in found.values()) == EVENTS
    names = {manifest.sources[n].file for e in found.values() for n in e["sources"][:, 0]}
    assert names.isdisjoint(expected)
    assert not prepare(experiment, skip_bad=True).built
    with pytest.raises(BadFilesError):
        prepare(experiment)


def test_nan_in_a_double_beyond_float32_is_found(make_experiment: Make, raw: Path) -> None:
    for path in raw.glob("*/*.h5"):
        with h5py.File(path, "a") as handle:
            values = handle["HCAL"][...].astype(np.float64)
            del handle["HCAL"]
            values[3, 1] = 1e300 if path.name == "Ele_0.h5" else 0
            handle["HCAL"] = values
    with pytest.raises(BadFilesError, match=r"Ele_0\.h5: HCAL is not finite as float32 in row 3"):
        prepare(make_experiment())


@pytest.mark.parametrize(
    ("override", "error", "message"),
    [
        ("data.raw=nowhere", ConfigError, "data.raw: no such directory"),
        ("data.classes={Ele: Ele, Pi0: Pi9}", ConfigError, "data.classes.Pi0: no such directory"),
        ("data.classes={Ele: Ele, Pi0: ..}", ConfigError, "data.classes.Pi0: no HDF5 files"),
        ("data.classes={Ele: Ele, Pi0: ./Ele}", ConfigError, "data.classes.Pi0: "),
        ("data.inputs=[ECLA]", ConfigError, "data.inputs: no raw file has the dataset 'ECLA'"),
        ("data.extras=[traget]", ConfigError, "data.extras: no raw file has the dataset 'traget'"),
        (
            "data.split={column: splt, train: 0, test: 1}",
            ConfigError,
            "data.split.column: no raw file has the dataset 'splt'",
        ),
        ("data.split={train: 0.99999, validation: 5e-6, test: 5e-6}", ConfigError, "leaves no events for"),
        ("data.split={column: split, train: 0, test: 7}", BadFilesError, "split is 1 in row 0"),
    ],
)
def test_what_cannot_be_is_said_with_file_and_key(
    make_experiment: Make, override: str, error: type[Exception], message: str
) -> None:
    experiment = make_experiment(override)
    with pytest.raises(error) as caught:
        prepare(experiment)
    assert message in str(caught.value)
    assert not experiment.data.prepared.exists()


def test_the_root_is_no_place_for_a_dataset(make_experiment: Make) -> None:
    with pytest.raises(ConfigError, match=r"data\.prepared: cannot be /"):
        prepare(make_experiment("data.prepared=/"))


def test_a_class_without_events_in_a_split_is_warned_of(
    make_experiment: Make, raw: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path in (raw / "Pi0").iterdir():
        with h5py.File(path, "a") as handle:
            handle["split"][...] = 0
    prepare(make_experiment("data.split={column: split, train: 0, test: 1}"))
    assert "the test split has no events of class Pi0" in caplog.text


def test_a_dataset_among_the_classes_is_refused(make_experiment: Make, raw: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.prepared: lies inside data\.raw"):
        prepare(make_experiment(f"data.prepared={raw}/prepared", "data.classes=null"))


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["thesis.tex"], "thesis.tex"),
        (["manifest.json", "thesis.tex"], "thesis.tex"),
        (["manifest.json"], "a manifest.json of something else"),
        (["train-00000.h5", "train-backup.h5"], "train-backup.h5"),
    ],
)
def test_a_directory_of_the_user_is_never_replaced(
    experiment: Experiment, files: list[str], found: str
) -> None:
    experiment.data.prepared.mkdir(parents=True)
    for name in files:
        (experiment.data.prepared / name).write_text('{"name": "years of work"}')
    with pytest.raises(ConfigError, match=rf"data\.prepared: .* holds {found}"):
        prepare(experiment)
    assert sorted(path.name for path in experiment.data.prepared.iterdir()) == sorted(files)


def test_what_the_user_put_beside_the_shards_is_not_lost(make_experiment: Make) -> None:
    experiment = make_experiment()
    prepare(experiment)
    (experiment.data.prepared / "notes").mkdir()
    with pytest.raises(ConfigError, match="holds notes"):
        prepare(make_experiment("data.split.seed=2"))
    assert (experiment.data.prepared / "notes").is_dir()


def test_a_damaged_manifest_is_built_anew(experiment: Experiment) -> None:
    prepare(experiment)
    (experiment.data.prepared / "manifest.json").write_text('{"version":')
    assert prepare(experiment).built


@pytest.mark.parametrize("change", ["shorter", "longer", "dataset gone", "other shape"])
def test_a_file_that_changes_while_it_is_read_is_bad(
    experiment: Experiment, raw: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Changed after its header was checked, before its events are read."""
    path = raw / "Pi0/Pi0_1.h5"
    before = build.choose_format

    def change_first(*arguments: Any) -> Any:
        form = before(*arguments)
        path.unlink()
        write_changed(path, change)
        return form

    monkeypatch.setattr(build, "choose_format", change_first)
    with pytest.raises(BadFilesError) as caught:
        prepare(experiment, processes=1)
    ((found, reason),) = caught.value.bad
    assert found == path
    assert "while it was being read" in reason


def write_changed(path: Path, change: str) -> None:
    rows = {"shorter": 20, "longer": 80}.get(change, 50)
    with h5py.File(path, "w") as handle:
        handle["ECAL"] = np.zeros((rows, 4, 5, 6), np.float32)
        if change != "dataset gone":
            handle["HCAL"] = np.zeros((rows, 9 if change == "other shape" else 7), np.float32)
        handle["target"] = np.zeros((rows, 1, 4), np.float32)


@pytest.mark.parametrize("arguments", [["--workers", 1], ["--workers", 2], ["--workers", 1, "--index-only"]])
def test_a_full_disk_is_one_line_and_not_the_fault_of_a_raw_file(
    make_experiment: Make, raw: Path, dlscan: Callable[..., Any], arguments: list[Any]
) -> None:
    """A limit of the size of files, which HDF5 meets as it does the end of a disk."""
    for path in raw.glob("*/*.h5"):
        with h5py.File(path, "a") as handle:
            handle["long"] = np.arange(30_000 if path.stem.endswith("0") else 2, dtype=np.float32)
            handle["short"] = np.zeros_like(handle["long"])
    experiment = make_experiment("data.inputs=[long]", "data.extras=[short]")
    most = 2**15

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    overrides = ["data.inputs=[long]", "data.extras=[short]"]
    done = dlscan("prepare", experiment.file, *overrides, *arguments, "--skip-bad", preexec_fn=limit)
    assert done.returncode == 1
    assert done.stderr.splitlines()[1:] == [
        f"Error: {experiment.data.prepared.parent}: cannot be written (File too large); free some space "
        "there, "
        "or choose another data.prepared"
    ]
    assert not experiment.data.prepared.exists()


def test_a_link_to_a_larger_disk_stays_a_link(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    experiment.data.prepared.parent.mkdir()
    experiment.data.prepared.symlink_to(tmp_path / "disk")
    prepare(experiment)
    assert experiment.data.prepared.is_symlink()
    assert (tmp_path / "disk" / "manifest.json").exists()


def test_classes_are_all_directories_unless_named(make_experiment: Make, raw: Path) -> None:
    (raw / ".hidden").mkdir()
    assert prepare(make_experiment("data.classes=null")).manifest.classes == ("ChPi", "Ele", "Pi0")


def test_directories_whose_names_make_two_columns_of_one_name_are_no_classes(
    make_experiment: Make, raw: Path
) -> None:
    experiment = make_experiment("data.classes=null")
    manifest = prepare(experiment).manifest
    (raw / "ChPi").rename(raw / "Ele_vs_Pi0")
    with pytest.raises(ConfigError, match=r"data\.raw: _vs_ separates .* a label other than Ele_vs_Pi0"):
        prepare(experiment)
    # a dataset that an older version has made
    old = dataclasses.replace(manifest, classes=("Ele_vs_Pi0", "Ele", "Pi0"))
    with pytest.raises(DataError, match="Ele_vs_Pi0_AUC would be the AUC of both class Ele_vs_Pi0 and"):
        fits.require(old, experiment)
    fits.require(dataclasses.replace(manifest, classes=("run_vs_mc", "Ele", "Pi0")), experiment)


def test_two_at_once_do_not_mix(experiment: Experiment, tmp_path: Path) -> None:
    import fcntl

    experiment.data.prepared.parent.mkdir()
    with (experiment.data.prepared.parent / ".small.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another `dlscan prepare` is writing"):
            prepare(experiment)


def test_no_scheduler_is_one_line(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlscan.prepare.processes._SECONDS", 1.0)
    with pytest.raises(UsageError, match="no dask scheduler answers"):
        prepare(experiment, scheduler="tcp://127.0.0.1:9")


def test_a_running_scheduler_does_the_work(make_experiment: Make) -> None:
    from distributed import LocalCluster

    local = make_experiment("data.prepared=local")
    prepare(local, processes=1)
    remote = make_experiment("data.prepared=remote")
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0") as cluster:
        prepare(remote, scheduler=cluster.scheduler_address)
    for split, events in events_of(local.data.prepared).items():
        np.testing.assert_array_equal(events_of(remote.data.prepared)[split]["ECAL"], events["ECAL"])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_ended_from_outside_it_ends_its_processes_and_leaves_no_dataset(
    make_experiment: Make, tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two processes: no dask traceback, no orphan, no half dataset."""
    experiment = make_experiment()
    code = (
        "import sys; from pathlib import Path; from dlscan.config import load\n"
        "from dlscan.prepare import prepare\n"
        "if __name__ == '__main__':\n"
        "    say = lambda what, done, total: print(what, done, flush=True)\n"
        "    try:\n        prepare(load(Path(sys.argv[1])), processes=2, progress=say)\n"
        "    except KeyboardInterrupt:\n        print('interrupted')\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    command = [sys.executable, str(script), str(experiment.file)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading 0\n"
        # as a terminal does: to the whole group
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        # read to the end of file: until the last process that writes there is gone
        _, messages = process.communicate(timeout=60)
    assert "Traceback" not in messages
    assert not experiment.data.prepared.exists()
    assert prepare(experiment).manifest.events == EVENTS


def test_killed_at_any_moment_it_leaves_no_half_dataset(make_experiment: Make, tmp_path: Path) -> None:
    experiment = make_experiment()
    code = (
        "import sys, time; from pathlib import Path; from dlscan.config import load\n"
        "from dlscan.prepare import prepare\n"
        "def progress(what, done, total):\n"
        "    print(what, done, flush=True); time.sleep(0.02)\n"
        "prepare(load(Path(sys.argv[1])), processes=1, progress=progress)\n"
    )
    command = [sys.executable, "-c", code, str(experiment.file)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    for wait in ("reading 0", "mixing 0", "mixing 1", "mixing 3"):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip() == wait:
                    process.send_signal(signal.SIGKILL)
                    break
        place = experiment.data.prepared
        assert not place.exists() or Manifest.read(place).events == EVENTS
    outcome = prepare(experiment)
    assert outcome.manifest.events == EVENTS
    assert {path.name for path in place.parent.iterdir()} == {"small", ".small.lock"}
