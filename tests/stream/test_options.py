"""What can be chosen about a stream: where events lie, how they travel, what they weigh, how much memory."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.config import Experiment
from dlscan.errors import StreamError, UsageError
from dlscan.prepare import prepare
from dlscan.raw import writer
from dlscan.stream import Batch, Batches, planner

Make = Callable[..., Experiment]


@pytest.fixture(params=["prepared", "index", "index of small events"])
def prepared(experiment: Experiment, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset, or the index of the raw files, whose events are scattered or gathered; all hold the same.

    An epoch has many pools, and requests of a few units.
    """
    monkeypatch.setattr(writer, "_LEAST_UNIT", 1)
    prepare(experiment, processes=1, index_only=request.param != "prepared")
    gather_all(monkeypatch, request.param == "index of small events")
    monkeypatch.setattr(planner, "_POOL_BATCHES", 3)
    monkeypatch.setattr(planner, "_LEAST_UNITS", 3)
    monkeypatch.setattr(planner, "_MOST_UNITS", 3)
    return experiment.data.prepared


def gather_all(monkeypatch: pytest.MonkeyPatch, gather: bool) -> None:
    """Have raw events gathered for a pool before they are dealt, or none."""
    monkeypatch.setattr(planner, "_SMALL_EVENT", 10**9 if gather else 0)


def identity(batch: Batch) -> list[tuple[int, int]]:
    assert batch.sources is not None
    return [tuple(row) for row in batch.sources.tolist()]


def by_source(batches: Batches, epoch: int = 0) -> dict[tuple[int, int], bytes]:
    """Everything that is delivered of each event, bit by bit."""
    found = {}
    for batch in batches.epoch(epoch):
        names = sorted(batch.inputs)
        for row, key in enumerate(identity(batch)):
            parts = [batch.inputs[name][row].tobytes() for name in names]
            parts += [batch.labels[row].tobytes(), batch.extras["target"][row].tobytes()]
            assert key not in found
            found[key] = b"".join(parts)
    return found


@pytest.mark.parametrize("cache", ["none", "ram"])
@pytest.mark.parametrize("workers", [0, 2])
def test_every_way_of_reading_gives_the_same_events_bit_by_bit(
    prepared: Path, raw: Path, cache: str, workers: int
) -> None:
    for split, shuffle in itertools.product(("train", "test"), (True, False)):
        with Batches(
            prepared, split, 8, workers, shuffle=shuffle, extras=True, cache=cache, memory=2**20
        ) as batches:
            first, second = by_source(batches, 0), by_source(batches, 1)
            sources, classes = batches.manifest.sources, list(batches.manifest.classes)
            assert first == second
            assert len(first) == batches.events == batches.manifest.splits[split].events
        for (number, row), content in first.items():
            with h5py.File(raw / sources[number].file) as file:
                label = np.int32(classes.index(sources[number].label))
                parts = [file[name][row].tobytes() for name in ("ECAL", "HCAL")]
                assert content == b"".join([*parts, label.tobytes(), file["target"][row].tobytes()])


def test_an_epoch_of_raw_files_has_many_pools(prepared: Path) -> None:
    with Batches(prepared, "train", 8, 0) as batches:
        next(batches.epoch(0))
        assert batches._planner is not None
        parts = [request.work for request in batches._planner.requests(0)]
    if batches.manifest.raw is not None:
        assert len({part.deal for part in parts}) > 2
        assert sum(part.place > 0 for part in parts) > 2


def test_the_next_epoch_is_read_ahead(prepared: Path) -> None:
    with Batches(prepared, "train", 8, 2) as batches:
        for number in range(2):
            for batch in batches.epoch(number):
                ring = batches._ring
                assert ring is not None
                while ring._workers.busy:  # a step takes longer than whatever has been asked for
                    ring._receive(1.0)
                del batch
            ahead = ring._epochs[1]
            assert ahead.number == number + 1
            assert ahead.is_filled(0)
        for batch in batches.epoch(2, last=True):
            del batch
        assert len(ring._epochs) == 1


@pytest.mark.parametrize("cache", ["none", "ram"])
def test_the_order_depends_on_seed_and_epoch_only(prepared: Path, cache: str) -> None:
    def order(workers: int, seed: int = 1, epoch: int = 0) -> list[tuple[int, int]]:
        with Batches(prepared, "train", 16, workers, seed, extras=True, cache=cache) as batches:
            return [key for batch in batches.epoch(epoch) for key in identity(batch)]

    assert order(0) == order(1) == order(3)
    assert order(0) != order(0, seed=2)
    assert order(0) != order(0, epoch=1)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("gather", [False, True])
def test_oversampling_equalises_the_classes(
    make_experiment: Make, raw: Path, workers: int, gather: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gather_all(monkeypatch, gather)
    (raw / "Ele/Ele_1.h5").unlink()
    experiment = make_experiment()
    prepare(experiment, processes=1, index_only=True)
    with Batches(
        experiment.data.prepared, "train", 32, workers, balance="oversample", extras=True
    ) as batches:
        for epoch in range(2):
            seen = list(batches.epoch(epoch))
            counts = np.bincount(np.concatenate([batch.labels for batch in seen]))
            assert len(set(counts)) == 1
            assert counts.sum() == batches.events
            keys = [key for batch in seen for key in identity(batch)]
            assert len(set(keys)) == batches.manifest.splits["train"].events
            _, copies = np.unique(np.array(keys), axis=0, return_counts=True)
            assert copies.max() <= -(-counts[0] // min(batches.manifest.splits["train"].counts))


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_that_are_kept_stay_what_they_were(prepared: Path, workers: int) -> None:
    with Batches(prepared, batch_size=4, workers=workers, memory=2**20) as batches:
        copies, kept = [], []
        for batch in batches.epoch(0):
            copies.append(batch.inputs["ECAL"][1:3].copy())
            kept.append(batch.inputs["ECAL"][1:][:2])
            del batch
        for copy, view in zip(copies, kept, strict=True):
            np.testing.assert_array_equal(copy, view)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("cache", ["none", "ram"])
def test_entries_are_the_dense_events(experiment: Experiment, workers: int, cache: str) -> None:
    prepare(experiment, processes=1)
    options = {"batch_size": 30, "workers": workers, "cache": cache}
    with (
        Batches(experiment.data.prepared, **options) as dense,
        Batches(experiment.data.prepared, transport="sparse", **options) as sparse,
    ):
        for epoch in range(2):
            for a, b in zip(dense.epoch(epoch), sparse.epoch(epoch), strict=True):
                assert set(b.inputs) == {"HCAL"}
                np.testing.assert_array_equal(a.inputs["HCAL"], b.inputs["HCAL"])
                found = b.sparse["ECAL"]
                image = np.zeros((len(b), 4 * 5 * 6), np.float32)
                assert np.all(np.diff(found.rows) >= 0)
                image[found.rows, found.index] = found.value
                np.testing.assert_array_equal(a.inputs["ECAL"], image.reshape(-1, 4, 5, 6))
                assert all(x.ctypes.data % 64 == 0 for x in (found.rows, found.index, found.value))


def test_sparse_transport_of_what_is_not_sparse_is_refused(make_experiment: Make) -> None:
    experiment = make_experiment("data.inputs=[HCAL]")
    prepare(experiment, processes=1)
    with pytest.raises(UsageError, match="no input of this dataset is stored sparse"):
        Batches(experiment.data.prepared, transport="sparse")
    experiment = make_experiment()
    prepare(experiment, processes=1, index_only=True)
    with pytest.raises(UsageError, match="raw files are read dense"):
        Batches(experiment.data.prepared, transport="sparse")


@pytest.mark.parametrize("balance", ["none", "weights"])
@pytest.mark.parametrize("workers", [0, 1])
def test_event_weights_multiply_those_of_the_class(
    make_experiment: Make, raw: Path, balance: str, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    for path in raw.glob("*/*.h5"):
        with h5py.File(path, "a") as file:
            file["weight"] = rng.uniform(0.5, 2, len(file["ECAL"]))
    experiment = make_experiment("data.extras=[target,weight]")
    for index_only, gather in ((False, False), (True, False), (True, True)):
        prepare(experiment, processes=1, index_only=index_only)
        gather_all(monkeypatch, gather)
        options = {"workers": workers, "balance": balance, "extras": True, "event_weights": "weight"}
        with Batches(experiment.data.prepared, **options) as weighted:
            batches = list(weighted.epoch(0))
        labels, own, weights = (
            np.concatenate(parts)
            for parts in zip(*((b.labels, b.extras["weight"], b.weights) for b in batches), strict=True)
        )
        factors = own.sum() / 3 / np.bincount(labels, own) if balance == "weights" else np.ones(3)
        np.testing.assert_allclose(weights, factors[labels] * own, rtol=1e-6)
        with pytest.raises(UsageError, match="target holds 4 numbers per event"):
            Batches(experiment.data.prepared, event_weights="target")
        with pytest.raises(UsageError, match=r"must be one of the extras \(target, weight\), got 'w'"):
            Batches(experiment.data.prepared, event_weights="w")


def test_memory_too_small_for_a_batch_is_said(prepared: Path) -> None:
    with pytest.raises(UsageError, match=r"stream\.memory: .* MiB, is too little for batches of 32 events"):
        Batches(prepared, batch_size=32, memory=20_000)


def test_memory_bounds_the_ring(prepared: Path) -> None:
    """All that the ring maps, whoever touches it."""

    def rings() -> set[str]:
        lines = Path("/proc/self/maps").read_text().splitlines()
        return {line.split()[0] for line in lines if "dlscan-ring" in line}

    def mapped() -> int:
        ends = [place.split("-") for place in rings() - before]
        return sum(int(stop, 16) - int(start, 16) for start, stop in ends)

    before = rings()

    memory = 2**19
    with Batches(prepared, batch_size=2, workers=2, memory=memory) as batches:
        for _ in batches.epoch(0):
            assert 0 < mapped() <= memory + 2**12
            break


def test_a_cache_leaves_nothing_open(prepared: Path) -> None:
    def files() -> int:
        links = Path("/proc/self/fd").iterdir()
        return sum("dlscan-cache" in str(link.readlink()) for link in links if link.is_symlink())

    with Batches(prepared, workers=1, cache="ram") as batches:
        list(batches.epoch(0))
        assert files() >= 1
    assert files() == 0


def test_a_cached_stream_does_not_read_the_disk_again(prepared: Path, raw: Path) -> None:
    with Batches(prepared, workers=2, cache="ram", extras=True, batch_size=16) as batches:
        before = by_source(batches, 0)
        for path in [*prepared.glob("*.h5"), *raw.glob("*/*.h5")]:
            path.unlink()
        assert by_source(batches, 1) == before


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("damage", ["gone", "touched", "short", "flipped"])
def test_a_raw_file_that_cannot_be_read_is_named(
    experiment: Experiment, raw: Path, workers: int, damage: str
) -> None:
    prepare(experiment, processes=1, index_only=True)
    path = raw / "Pi0/Pi0_1.h5"
    stat = path.stat()
    if damage == "gone":
        path.unlink()
    elif damage == "touched":
        os.utime(path, ns=(1, 1))
    else:
        content = bytearray(path.read_bytes())
        if damage == "short":
            del content[len(content) // 2 :]
        else:
            with h5py.File(path) as file:
                chunk = file["ECAL"].id.get_chunk_info(1)
            content[chunk.byte_offset + chunk.size // 2] ^= 0xFF
        path.write_bytes(content)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    message = r"Pi0_1\.h5: .*dlscan prepare"
    with (
        Batches(experiment.data.prepared, workers=workers) as batches,
        pytest.raises(StreamError, match=message) as caught,
    ):
        list(batches.epoch(0))
    assert "\n" not in str(caught.value)
    assert str(caught.value).count("dlscan prepare") == 1


@pytest.mark.parametrize("content", [None, b"rubbish"])
def test_an_index_that_cannot_be_read_is_named(experiment: Experiment, content: bytes | None) -> None:
    prepare(experiment, processes=1, index_only=True)
    path = experiment.data.prepared / "index.h5"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with (
        Batches(experiment.data.prepared, workers=0) as batches,
        pytest.raises(StreamError, match=r"index\.h5: cannot be read .*dlscan prepare"),
    ):
        list(batches.epoch(0))


def test_a_cache_of_any_size_has_few_files(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(experiment, processes=1, index_only=True)
    monkeypatch.setattr("dlscan.stream.cache._SHARD_BYTES", 1)
    monkeypatch.setattr("dlscan.stream.cache._MOST_SHARDS", 4)
    with Batches(experiment.data.prepared, batch_size=2, workers=0, cache="ram") as batches:
        list(batches.epoch(0))
        links = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        assert batches.steps > 30
    # sizes are estimated beforehand, so four is not exact
    assert 1 <= sum("dlscan-cache" in str(link) for link in links) < 16
