"""The stream: each event once, one order for any number of workers, no silent end, no leftovers."""

import contextlib
import gc
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import pytest

from dlscan.config import Experiment
from dlscan.dataset import Manifest
from dlscan.errors import DataError, StreamError, UsageError
from dlscan.prepare import prepare
from dlscan.stream import Batch, Batches, planner


@pytest.fixture
def prepared(experiment: Experiment) -> Path:
    return prepare(experiment, processes=1).manifest and experiment.data.prepared


def identity(batch: Batch) -> list[tuple[int, int]]:
    assert batch.sources is not None
    return [tuple(row) for row in batch.sources.tolist()]


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_every_event_of_the_split_comes_once_an_epoch(prepared: Path, workers: int, split: str) -> None:
    with Batches(prepared, split=split, batch_size=32, workers=workers, extras=True) as batches:
        events = Manifest.read(prepared).splits[split].events
        assert batches.events == events
        for epoch in range(2):
            sizes, seen = [], []
            for batch in batches.epoch(epoch):
                sizes.append(len(batch))
                seen += identity(batch)
            assert len(seen) == len(set(seen)) == events
            assert len(sizes) == batches.steps
            assert sizes[:-1] == [32] * (len(sizes) - 1)


def test_arrays_are_what_was_promised(prepared: Path) -> None:
    with Batches(prepared, batch_size=32, workers=1) as batches:
        for batch in batches.epoch(0):
            assert batch.inputs["ECAL"].dtype == batch.inputs["HCAL"].dtype == np.float32
            assert batch.inputs["ECAL"].shape == (len(batch), 4, 5, 6)
            assert batch.labels.dtype.kind == "i"
            assert batch.labels.shape == batch.weights.shape == (len(batch),)
            for array in (*batch.inputs.values(), batch.labels, batch.weights):
                assert array.ctypes.data % 64 == 0
            assert not batch.extras
            assert batch.sources is None


def test_order_and_content_do_not_depend_on_workers_or_memory(prepared: Path) -> None:
    def everything(
        workers: int, seed: int = 1, epoch: int = 0, memory: int | None = None
    ) -> list[np.ndarray]:
        with Batches(prepared, batch_size=20, workers=workers, seed=seed, memory=memory) as batches:
            return [np.concatenate([b.inputs["ECAL"].ravel(), b.labels]) for b in batches.epoch(epoch)]

    base = everything(0)
    for workers, memory in ((1, None), (2, None), (5, None), (0, 2**16), (1, 40_000)):
        for a, b in zip(base, everything(workers, memory=memory), strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(base[0], everything(0, seed=2)[0])
    assert not np.array_equal(base[0], everything(0, epoch=1)[0])


@pytest.mark.parametrize("workers", [0, 2])
def test_pools_of_a_few_batches_lose_nothing_and_travel_in_one_order(
    prepared: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    size = 16
    monkeypatch.setattr(planner, "_POOL_BYTES", 4 * size * 4 * (4 * 5 * 6 + 7))
    seen: list[tuple[int, ...]] = []

    def read(extras: bool, transport: Literal["dense", "sparse"]) -> list[np.ndarray]:
        with Batches(
            prepared, batch_size=size, workers=workers, extras=extras, transport=transport
        ) as batches:
            assert batches.steps > 2 * 4
            assert batches.steps % 4
            found = []
            for batch in batches.epoch(1):
                images = np.zeros((len(batch), 4 * 5 * 6), np.float32)
                if transport == "dense":
                    images[...] = batch.inputs["ECAL"].reshape(len(batch), -1)
                else:
                    entries = batch.sparse["ECAL"]
                    images[entries.rows, entries.index] = entries.value
                found.append(np.column_stack([images, batch.inputs["HCAL"], batch.labels]))
                if batch.sources is not None:
                    seen.extend(map(tuple, batch.sources.tolist()))
            assert sum(map(len, found)) == batches.events == len(set(seen))
            return found

    first = read(True, "dense")
    assert len(set(seen)) == len(seen)
    for transport in ("dense", "sparse"):
        for a, b in zip(first, read(False, transport), strict=True):
            np.testing.assert_array_equal(a, b)


def test_patience_may_have_no_end(prepared: Path) -> None:
    with Batches(prepared, batch_size=32, workers=1, patience=float("inf")) as batches:
        assert sum(len(batch) for batch in batches.epoch(0)) == batches.events


def test_a_stream_goes_on_when_the_current_directory_is_another(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(prepared.parent)
    with Batches(prepared.name, workers=0) as batches:
        monkeypatch.chdir("/")
        assert sum(map(len, batches.epoch(0))) == batches.events


def test_unshuffled_is_the_order_of_the_disk_every_epoch(prepared: Path) -> None:
    with Batches(prepared, batch_size=50, workers=1, shuffle=False, extras=True) as batches:
        first, second = ([key for b in batches.epoch(e) for key in identity(b)] for e in (0, 1))
    assert first == second
    with Batches(prepared, batch_size=7, workers=0, shuffle=False, extras=True) as batches:
        assert [key for b in batches.epoch(0) for key in identity(b)] == first


def test_classes_mix_in_a_batch_as_a_random_draw_would(
    tmp_path: Path, make_experiment: Callable[..., Experiment], make_raw: Callable[..., None]
) -> None:
    """Chi square of class counts over batches, against the hypergeometric spread of a random draw."""
    raw = tmp_path / "mixing"
    make_raw(raw, files=4, events=400)
    experiment = make_experiment(f"data.raw={raw}", "data.prepared=prepared/mixing")
    prepare(experiment, processes=1)
    with Batches(experiment.data.prepared, batch_size=60, workers=0) as batches:
        counts = np.array([np.bincount(b.labels, minlength=3) for b in batches.epoch(0) if len(b) == 60])
    total = np.array(batches.manifest.splits["train"].counts)
    share = total / total.sum()
    expected = 60 * share
    chi2 = ((counts - expected) ** 2 / expected).sum() / (total.sum() - 60) * (total.sum() - 1)
    freedom = len(counts) * 2
    assert abs(chi2 - freedom) < 4 * np.sqrt(2 * freedom)


def test_weights_give_each_class_the_same_total(
    make_experiment: Callable[..., Experiment], raw: Path
) -> None:
    (raw / "Ele/Ele_1.h5").unlink()
    experiment = make_experiment()
    prepare(experiment, processes=1)
    with Batches(experiment.data.prepared, workers=0, balance="weights") as batches:
        (batch,) = batches.epoch(0)
        totals = [batch.weights[batch.labels == label].sum() for label in range(3)]
        np.testing.assert_allclose(totals, len(batch) / 3, rtol=1e-5)
        by_class = {
            int(label): float(weight) for label, weight in zip(batch.labels, batch.weights, strict=True)
        }
    with Batches(experiment.data.prepared, split="test", workers=0, balance="weights") as batches:
        for batch in batches.epoch(0):
            np.testing.assert_allclose(batch.weights, [by_class[int(label)] for label in batch.labels])
    with Batches(experiment.data.prepared, workers=0) as batches:
        assert all((batch.weights == 1).all() for batch in batches.epoch(0))


@pytest.mark.parametrize("workers", [0, 2])
def test_oversampling_equalises_the_classes(
    make_experiment: Callable[..., Experiment], raw: Path, workers: int
) -> None:
    (raw / "Ele/Ele_1.h5").unlink()
    experiment = make_experiment()
    prepare(experiment, processes=1)
    with Batches(
        experiment.data.prepared, workers=workers, balance="oversample", batch_size=32, extras=True
    ) as batches:
        seen = [b for b in batches.epoch(0)]
        labels = np.concatenate([b.labels for b in seen])
        assert len(labels) == batches.events
        assert len(set(np.bincount(labels))) == 1
        distinct = {key for b in seen for key in identity(b)}
        assert len(distinct) == batches.manifest.splits["train"].events


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batches_that_are_kept_stay_what_they_were(prepared: Path, workers: int) -> None:
    """A slot is never refilled while anything can still read it: not the batch, nor a view of its view."""
    with Batches(prepared, batch_size=8, workers=workers) as batches:
        copies, kept = [], []
        for batch in batches.epoch(0):
            copies.append(batch.inputs["ECAL"][2:4].copy())
            kept.append(batch.inputs["ECAL"][1:][1:3])  # only a slice of a slice keeps the slot
            del batch
        assert len(kept) > 12
        for copy, view in zip(copies, kept, strict=True):
            np.testing.assert_array_equal(copy, view)


def test_slots_come_back_when_batches_are_dropped(prepared: Path) -> None:
    with Batches(prepared, batch_size=2, workers=1, memory=2**15) as batches:
        assert batches.steps > 50
        for _ in range(5):
            held = list(batches.epoch(0))
            del held
        places = {batch.inputs["ECAL"].ctypes.data for batch in batches.epoch(0)}
        assert len(places) <= 8


def test_leaving_the_loop_early_leaves_the_stream_usable(prepared: Path) -> None:
    with Batches(prepared, batch_size=8, workers=2, extras=True) as batches:
        for _ in range(20):
            for _batch in batches.epoch(0):
                break
        assert len({key for b in batches.epoch(1) for key in identity(b)}) == batches.events


@pytest.mark.parametrize("workers", [0, 2])
def test_whatever_was_read_ahead_every_epoch_is_itself(prepared: Path, workers: int) -> None:
    def order(stream: Batches, number: int, most: int | None = None) -> list[tuple[int, int]]:
        found = []
        for batch in itertools.islice(stream.epoch(number), most):
            assert batch.sources is not None
            found += [tuple(row) for row in batch.sources.tolist()]
        return found

    with Batches(prepared, "train", 16, workers, extras=True) as batches:
        for number, most in (
            (0, None),
            (1, None),
            (1, None),
            (2, 3),
            (3, None),
            (5, None),
            (6, 1),
            (7, None),
        ):
            with Batches(prepared, "train", 16, 0, extras=True) as fresh:
                assert order(batches, number, most) == order(fresh, number, most)


def test_a_newer_epoch_ends_the_older_one(prepared: Path) -> None:
    with Batches(prepared, batch_size=8, workers=2) as batches:
        old = batches.epoch(0)
        next(old)
        assert sum(len(b) for b in batches.epoch(1)) == batches.events
        with pytest.raises(StreamError, match="a newer epoch was started"):
            next(old)


def children() -> set[int]:
    listed = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()
    return {int(pid) for pid in listed.split()}


def test_closing_ends_the_workers_and_lets_the_memory_go(prepared: Path) -> None:
    def rings() -> int:
        return Path("/proc/self/maps").read_text().count("dlscan-ring")

    gc.collect()  # what tests before have left is not ours
    before, rings_before = children(), rings()
    with Batches(prepared, batch_size=8, workers=2) as batches:
        for _ in batches.epoch(0):
            assert len(children() - before) == 2
            break
        assert rings() == rings_before + 1
    assert children() == before
    del batches, _
    assert rings() == rings_before


def test_streams_that_nobody_closes_leave_no_worker(prepared: Path) -> None:
    before = children()
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            batches = Batches(prepared, batch_size=8, workers=2)
            next(batches.epoch(0))
            assert len(children() - before) == 2
            del batches
            assert children() == before
    finally:
        gc.enable()


def test_a_fork_that_drops_a_stream_leaves_the_workers_of_its_owner(prepared: Path) -> None:
    with Batches(prepared, batch_size=8, workers=1) as batches:
        first = batches.epoch(0)
        next(first)
        child = os.fork()
        if not child:
            batches.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert sum(map(len, first)) > 0


def test_a_killed_worker_is_an_error_that_names_the_file(prepared: Path) -> None:
    before = children()
    with Batches(prepared, batch_size=4, workers=2) as batches:
        with pytest.raises(StreamError, match=r"worker \d .*was killed by SIGKILL .* .*train-00000\.h5; run"):
            for step, _ in enumerate(batches.epoch(0)):
                if step == 2:
                    for pid in children() - before:
                        os.kill(pid, signal.SIGKILL)
        assert children() == before
        # a new epoch gets new workers
        assert sum(len(batch) for batch in batches.epoch(0)) == batches.events


def test_a_worker_that_hangs_is_named(prepared: Path) -> None:
    before = children()
    with Batches(prepared, batch_size=4, workers=1, patience=3) as batches:
        with pytest.raises(StreamError, match=r"has not answered for 3 s"):
            for step, _ in enumerate(batches.epoch(0)):
                if step == 2:
                    for pid in children() - before:
                        os.kill(pid, signal.SIGSTOP)
        assert children() == before


def test_a_worker_that_hangs_is_named_when_a_request_does_not_fit_into_its_socket(prepared: Path) -> None:
    before = children()
    with Batches(prepared, batch_size=4, workers=1, patience=3) as batches:
        next(batches.epoch(0))
        for pid in children() - before:
            os.kill(pid, signal.SIGSTOP)
        assert batches._ring is not None
        with pytest.raises(StreamError, match=r"stream worker 0 .* has not answered for 3 s"):
            batches._ring._workers.ask(99, np.zeros(2**20), [0])


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("damage", ["gone", "short"])
def test_a_shard_that_cannot_be_read_is_named(prepared: Path, workers: int, damage: str) -> None:
    path = prepared / "train-00000.h5"
    if damage == "gone":
        path.unlink()
    else:
        os.truncate(path, 2000)
    message = r"train-00000\.h5: cannot be read .*dlscan prepare"
    with Batches(prepared, workers=workers) as batches, pytest.raises(StreamError, match=message):
        list(batches.epoch(0))


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("part", "place", "value", "said"),
    [
        # a cell number beyond the event would write into the event after
        ("index", 5, 4 * 5 * 6, "damaged: cell 120 of 120"),
        ("offsets", 3, 10**6, "inputs/ECAL has damaged offsets"),
    ],
)
def test_damaged_entries_are_an_error_that_names_the_file(
    prepared: Path, workers: int, part: str, place: int, value: int, said: str
) -> None:
    make_older(prepared)
    with h5py.File(prepared / "train-00000.h5", "a") as handle:
        handle[f"inputs/ECAL/{part}"][place] = value
    message = rf"^\S.*train-00000\.h5: cannot be read \({said}\).*dlscan prepare` again$"
    with Batches(prepared, workers=workers) as batches, pytest.raises(StreamError, match=message):
        list(batches.epoch(0))


def make_older(prepared: Path) -> None:
    """Take the checksums away, which older versions did not write."""
    content = json.loads((prepared / "manifest.json").read_text())
    assert content.pop("sealed")
    (prepared / "manifest.json").write_text(json.dumps(content))
    for split in content["splits"].values():
        for shard in split["shards"]:
            os.truncate(prepared / shard["file"], shard["size"])


def test_a_dataset_of_an_older_version_is_streamed_in_the_same_order(prepared: Path) -> None:
    def events() -> list[tuple[int, int]]:
        with Batches(prepared, batch_size=16, workers=0, extras=True) as batches:
            return [event for batch in batches.epoch(3) for event in identity(batch)]

    before = events()
    make_older(prepared)
    assert events() == before


@pytest.mark.parametrize(("cache", "workers"), [("none", 0), ("none", 1), ("ram", 0)])
def test_any_bit_of_a_shard_that_turned_over_is_found(prepared: Path, cache: str, workers: int) -> None:
    path = prepared / "train-00000.h5"
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    message = rf"^{path}: cannot be read \(damaged: [^\n]*\); remove it, then run `dlscan prepare` again$"
    for place in rng.integers(len(good), size=3 if workers else 40):
        damaged = bytearray(good)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        with (
            Batches(prepared, workers=workers, cache=cache, extras=True) as batches,
            pytest.raises(StreamError, match=message),
        ):
            list(batches.epoch(0))
    path.write_bytes(good)
    with Batches(prepared, workers=workers, cache=cache) as batches:
        assert sum(map(len, batches.epoch(0))) == batches.events


def test_a_damaged_shard_of_an_older_version_is_one_clear_error(prepared: Path) -> None:
    make_older(prepared)
    path = prepared / "train-00000.h5"
    good = path.read_bytes()
    with h5py.File(path) as handle:
        labels = handle["labels"].id.get_offset()
    said = []
    for place in [labels + 1, *range(0, 4000, 13)]:
        damaged = bytearray(good)
        damaged[place] ^= 0x80
        path.write_bytes(damaged)
        with Batches(prepared, workers=0, extras=True) as batches:
            try:
                list(batches.epoch(0))
            except StreamError as error:
                said.append(str(error))
    assert "damaged: labels range from -32768 to 2" in said[0]
    assert len(said) > 10
    assert all(re.match(rf"{path}: cannot be read \([^\n]*$", line) for line in said)


# an interrupt may come between making a socket and holding it: then the garbage collector closes it
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupted_epoch_leaves_a_stream_that_works(prepared: Path) -> None:
    """Ctrl-C between any two steps of a notebook's loop; then the loop is run again."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with Batches(prepared, batch_size=2, workers=2, extras=True) as batches:
            for trial in range(12):
                signal.setitimer(signal.ITIMER_REAL, 0.002 + 0.05 * trial / 12)
                with contextlib.suppress(KeyboardInterrupt):
                    for _ in batches.epoch(0):
                        pass
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert len({key for b in batches.epoch(1) for key in identity(b)}) == batches.events
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_batch_larger_than_the_split_takes_no_more_memory_than_the_split(prepared: Path) -> None:
    with Batches(prepared, batch_size=2_000_000_000, workers=1) as batches:
        (batch,) = batches.epoch(0)
        assert len(batch) == batches.events


@pytest.mark.parametrize("workers", [0, 1])
def test_a_closed_stream_ends_its_epoch(prepared: Path, workers: int) -> None:
    batches = Batches(prepared, batch_size=8, workers=workers)
    epoch = batches.epoch(0)
    next(epoch)
    batches.close()
    with pytest.raises(StreamError, match="no longer valid"):
        next(epoch)


def test_the_terminals_signals_are_the_owners(prepared: Path) -> None:
    before = children()
    with Batches(prepared, batch_size=8, workers=1) as batches:
        seen = 0
        for batch in batches.epoch(0):
            seen += len(batch)
            for pid in children() - before:
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
                    os.kill(pid, number)
        assert seen == batches.events


SCRIPT = """
import sys, os, time
from dlscan.stream import Batches
batches = Batches(sys.argv[1], batch_size=4, workers=2)
for batch in batches.epoch(0):
    print(*[p for p in open(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read().split()], flush=True)
    time.sleep(60 if sys.argv[2] == "kill" else 0)
print("finished")
"""


def test_a_script_needs_no_main_guard(prepared: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(prepared), "run"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "finished"
    assert done.stderr == ""


def test_no_worker_outlives_a_killed_parent(prepared: Path) -> None:
    shm = shared_memory()
    command = [sys.executable, "-c", SCRIPT, str(prepared), "kill"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(workers) == 2
        parent.kill()
        # its output ends only when nobody holds it any more
        assert parent.stdout.read() == ""
    deadline = time.monotonic() + 120
    while any(alive(pid) for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert shared_memory() <= shm


def shared_memory() -> set[Path]:
    """Named shared memory, but for that of scikit-learn in a test that runs beside this one."""
    return {path for path in Path("/dev/shm").iterdir() if not path.name.startswith("sem.loky-")}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_worker_loads_neither_keras_nor_the_command_line(prepared: Path) -> None:
    code = "import sys, dlscan.stream.worker; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"keras", "tensorflow", "click", "pandas", "matplotlib", "distributed"} & set(loaded)


def test_wrong_arguments_are_said(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="split must be one of"):
        Batches(prepared, split="training")
    for wrong in (
        {"batch_size": 0},
        {"workers": -1},
        {"workers": "all"},
        {"seed": -1},
        {"balance": "weigths"},
    ):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            Batches(prepared, **wrong)
    with pytest.raises(DataError, match="no prepared dataset here"):
        Batches(tmp_path)
