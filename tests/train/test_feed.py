"""Batches on the device: nothing is copied on the way, and nothing is refilled while it can be read."""

import gc
from pathlib import Path

import numpy as np
import pytest

from dlscan import models
from dlscan.config import Dense, Model, Train
from dlscan.errors import ConfigError
from dlscan.models import backend, keras
from dlscan.stream import Batches
from dlscan.tasks.classify import Classification
from dlscan.train.devices import sender
from dlscan.train.feed import Feed
from dlscan.train.learner import Learner
from dlscan.train.pack import Pack, TrainingBatch
from dlscan.train.streams import open_stream, transport

TASK = Classification(("Ele", "Pi0"))


def address(tensor):
    """Where the numbers of a tensor are."""
    if backend() == "torch":
        return tensor.data_ptr()
    if backend() == "jax":
        return tensor.unsafe_buffer_pointer()
    return np.asarray(memoryview(tensor)).ctypes.data


def in_a_ring(place):
    lines = [line for line in Path("/proc/self/maps").read_text().splitlines() if "dlscan-ring" in line]
    spans = [[int(end, 16) for end in line.split()[0].split("-")] for line in lines]
    return any(first <= place < last for first, last in spans)


@pytest.fixture
def make_batches(mapping):
    def make(batch_size=20, workers=1, **options):
        return Batches(mapping["data"]["prepared"], batch_size=batch_size, workers=workers, **options)

    return make


needs_a_processor = pytest.mark.skipif(models.accelerator() is not None, reason="an accelerator gets copies")


@needs_a_processor
def test_tensors_are_the_memory_of_the_ring(make_batches):
    with make_batches() as batches:
        for fed in Feed(TASK)(batches.epoch(0), one_length=True):
            for tensor in (*fed.inputs.values(), fed.truth["scores"], fed.weights):
                assert in_a_ring(address(tensor))
            del tensor


@needs_a_processor
def test_no_slot_is_refilled_while_a_tensor_of_it_lives(make_batches):
    """One tensor is kept, all else is dropped, and the ring goes round many times."""
    with make_batches(workers=0) as batches:
        expected = [batch.inputs["image"].copy() for batch in batches.epoch(0)]
    with make_batches() as batches:
        feed = Feed(TASK)
        epoch = feed(batches.epoch(0), one_length=True)
        first = next(epoch)
        kept, place = first.inputs["image"], address(first.inputs["image"])
        labels = first.truth["scores"]
        del first
        used = {address(fed.inputs["image"]) for fed in epoch}
        for number in (1, 2):
            used |= {address(fed.inputs["image"]) for fed in feed(batches.epoch(number), one_length=True)}

        assert place not in used
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(kept), expected[0])
        del kept
        gc.collect()
        # labels alone keep the slot too
        assert place not in {address(fed.inputs["image"]) for fed in feed(batches.epoch(3), one_length=True)}
        del labels
        gc.collect()
        used = {
            address(fed.inputs["image"])
            for number in (4, 5)
            for fed in feed(batches.epoch(number), one_length=True)
        }
        assert place in used


@needs_a_processor
@pytest.mark.skipif(backend() != "jax", reason="of JAX")
def test_a_step_is_compiled_once_wherever_arrays_begin_in_memory():
    import jax

    step, memory = jax.jit(lambda given: given["x"] + 1), np.zeros(1024, np.uint8)
    aligned = -memory.ctypes.data % 64
    for start in (aligned, aligned + 4):
        step(sender()({"x": memory[start : start + 400].view(np.float32)})())
    assert step._cache_size() == 1


@pytest.mark.parametrize(("workers", "transport"), [(1, "dense"), (2, "sparse")])
def test_training_from_the_ring_is_training_from_memory(sparse_batches, transport, workers):
    """Steps do not wait for their results: what they read must outlive the loop's own references."""

    def losses(workers, transport):
        with sparse_batches(workers=workers, transport=transport) as batches:
            network = models.construct(Model("dense", Dense(64, 3)), batches.manifest, {}, 1)
            learner = Learner(network, TASK, Train(), "hash", batches.steps)
            pack = Pack([learner])
            feed, rows = Feed(TASK), []
            for number in range(3):
                for fed in feed(batches.epoch(number), pack.one_length):
                    pack.train(TrainingBatch(fed))
                for fed in feed(batches.epoch(number), pack.one_length):
                    pack.look({(): fed})
                rows += pack.end_epoch([learner], 1.0, 1.0)
            return [list(row.values.values()) for row in rows]

    # TensorFlow adds up the entries of an event in another order than its cells
    close = 1e-6 if backend() == "tensorflow" and transport == "sparse" else 0
    np.testing.assert_allclose(losses(workers, transport), losses(0, "dense"), rtol=close)


@pytest.mark.parametrize("events", [32, 1000])
def test_sparse_inputs_are_dense_again_on_the_device(sparse_batches, events):
    from dlscan.train.entries import Entries, dense

    with sparse_batches(batch_size=events) as batches:
        expected = [batch.inputs["ECAL"].copy() for batch in batches.epoch(0)]
    lengths = set()
    with sparse_batches(batch_size=events, transport="sparse") as batches:
        for fed, image in zip(Feed(TASK)(batches.epoch(0), one_length=True), expected, strict=True):
            assert isinstance(fed.inputs["ECAL"], Entries)
            lengths |= {tuple(part.shape) for part in fed.inputs["ECAL"]}
            whole = dense(fed.inputs, {"ECAL": image.shape[1:]}, fed.events)["ECAL"]
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(whole), image)
    # a length is a compilation
    assert len(lengths) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda array: np.frombuffer(bytearray(array.nbytes + 4), np.uint8)[4:].view(array.dtype),
        lambda array: np.repeat(array, 2)[::2],
        lambda array: np.frombuffer(array.tobytes(), array.dtype),
        lambda array: array[:0],
    ],
    ids=["not aligned", "not contiguous", "read-only", "empty"],
)
def test_arrays_that_no_device_can_read_in_place_are_copied(spoil):
    array = spoil(np.zeros(64, np.float32))
    if array.flags.writeable:
        array[...] = np.arange(array.size)

    tensor = sender()({"array": array})()["array"]

    np.testing.assert_array_equal(keras.ops.convert_to_numpy(tensor), array)


@pytest.mark.parametrize(
    ("asked", "message"),
    [("auto", None), ("dense", None), ("sparse", "stream.transport: sparse, but no input of this dataset")],
)
def test_transport_is_sparse_only_where_something_is_stored_sparse(mapping, tmp_path, asked, message):
    from dlscan.config import experiment_from

    experiment = experiment_from({**mapping, "stream": {"transport": asked}}, tmp_path / "toy.yaml")
    if message is None:
        assert transport(experiment) == "dense"
        open_stream(experiment, "train").close()
    else:
        with pytest.raises(ConfigError, match=message):
            open_stream(experiment, "train")


@needs_a_processor
@pytest.mark.parametrize("asked", ["auto", "dense", "sparse"])
@pytest.mark.parametrize("jit", ["auto", True])
def test_on_a_processor_transport_is_sparse_where_products_of_entries_are_faster(sparse_data, asked, jit):
    from dlscan.config import experiment_from

    content = {"name": "sparse", "data": sparse_data, "stream": {"transport": asked}, "train": {"jit": jit}}
    faster = "sparse" if backend() == "tensorflow" and jit == "auto" else "dense"
    assert transport(experiment_from(content, Path("sparse.yaml"))) == (faster if asked == "auto" else asked)


@needs_a_processor
def test_entries_travel_as_they_are_where_steps_take_any_number_of_them(sparse_batches):
    with sparse_batches(batch_size=100, transport="sparse", workers=1) as batches:
        for fed in Feed(TASK)(batches.epoch(0), one_length=False):
            entries = fed.inputs["ECAL"]
            assert keras.ops.convert_to_numpy(entries.value).all()
            assert all(in_a_ring(address(part)) for part in entries)
            del entries, fed
