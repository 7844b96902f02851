"""The order of the events of an index depends on memory: a training keeps the one that it began with."""

import signal

import h5py
import numpy as np
import pytest
import yaml

from dlscan.config import experiment_from
from dlscan.config.dotted import put
from dlscan.prepare import prepare
from dlscan.record import Record
from dlscan.stream import Batches
from dlscan.stream.memory import MemoryBudget
from dlscan.train import train_point

MOST, SHORT = 40 * 2**20, 60 * 4096


@pytest.fixture(scope="module")
def index(mapping, tmp_path_factory):
    """The experiment over an index of many small chunks."""
    home = tmp_path_factory.mktemp("index")
    rng = np.random.default_rng(0)
    for label, name in enumerate(("Ele", "Pi0")):
        (home / "raw" / name).mkdir(parents=True)
        for number in range(3):
            with h5py.File(home / "raw" / name / f"{number}.h5", "w") as file:
                vector = rng.normal(label, 1.0, (400, 12)).astype(np.float32)
                file.create_dataset("vector", data=vector, chunks=(8, 12))
    content = put(mapping, "data", {"raw": str(home / "raw"), "inputs": ["vector"]})
    content = put(content, "data.prepared", str(home / "prepared"))
    content = put(content, "train.batch_size", 16)
    content = put(content, "train.epochs", 3)
    prepare(experiment_from(content, home / "toy.yaml"), processes=1, index_only=True)
    return content


def sources(prepared, memory, mixing=None, cache="none"):
    with Batches(prepared, batch_size=16, workers=0, memory=memory, extras=True, cache=cache) as batches:
        assert batches.mix(mixing)
        order = [tuple(row) for batch in batches.epoch(1) for row in batch.sources.tolist()]
        return order, batches.mixing


@pytest.mark.parametrize("cache", ["none", "ram"])
def test_a_stream_with_more_memory_delivers_the_order_of_one_with_less(index, cache, caplog):
    prepared = index["data"]["prepared"]
    short, mixing = sources(prepared, SHORT, cache=cache)
    usual, usually = sources(prepared, MOST, cache=cache)
    assert mixing < usually
    assert short != usual
    assert sorted(short) == sorted(usual)
    assert sources(prepared, MOST, mixing, cache) == (short, mixing)


def test_memory_that_is_too_small_for_an_order_changes_nothing(index):
    with Batches(index["data"]["prepared"], batch_size=16, workers=0, memory=SHORT) as batches:
        assert batches.mix(None)
        assert not batches.mix(10**6)
        assert sum(map(len, batches.epoch(0))) == batches.events


@pytest.mark.parametrize("cache", ["none", "ram"])
def test_memory_that_becomes_free_later_promises_no_order(index, cache, monkeypatch):
    prepared = index["data"]["prepared"]
    _, usually = sources(prepared, MOST)
    monkeypatch.setattr("dlscan.stream.memory.free_memory", lambda: 2 * SHORT)
    with Batches(prepared, batch_size=16, workers=0, cache=cache) as batches:
        monkeypatch.setattr("dlscan.stream.memory.free_memory", lambda: 2 * MOST)
        assert not batches.mix(usually)
        list(batches.epoch(0))
        assert batches.mixing < usually


def test_order_of_a_prepared_dataset_depends_on_nothing(mapping):
    with Batches(mapping["data"]["prepared"], workers=0) as batches:
        assert batches.mix(10**9)
        list(batches.epoch(0))
        assert batches.mixing is None


def stop(epoch, step):
    def on_step(*now):
        if now[:2] == (epoch, step):
            signal.raise_signal(signal.SIGTERM)

    return on_step


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [(SHORT, MOST, "and 5 steps"), (MOST, SHORT, "continues after epoch 1 of 3, ")],
)
def test_point_that_goes_on_with_other_memory_ends_as_it_would_have(
    make_point, index, info, read_history, monkeypatch, caplog, first, then, said
):
    make_room = MemoryBudget.__init__

    def memory(size):
        def make(self, memory, layout):
            # events are scored in larger batches
            make_room(self, size if layout.batch_size == 16 else MOST, layout)

        monkeypatch.setattr(MemoryBudget, "__init__", make)

    def point(name):
        paths = make_point(name)
        paths.config.write_text(yaml.safe_dump(index))
        return paths

    caplog.set_level("INFO")
    memory(first)
    alone = point("alone")
    assert train_point(alone, info) == "done"
    monkeypatch.setenv("DLSCAN_GRACE", "0")
    moved = point("moved")
    assert train_point(moved, info, stop(2, 5)) == "preempted"
    memory(then)
    caplog.clear()
    assert train_point(moved, info) == "done"
    assert said in caplog.text
    if first < then:
        assert read_history(moved) == read_history(alone)
        assert Record.read(moved.record).metrics == Record.read(alone.record).metrics
    else:
        assert "less memory is free than before" in caplog.text
        assert read_history(moved)[0] == read_history(alone)[0]
        assert [row[0] for row in read_history(moved)] == ["1", "2", "3"]
