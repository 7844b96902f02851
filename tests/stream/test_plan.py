"""The arithmetic of epochs."""

import numpy as np
import pytest

from dlscan.stream.plan import Oversampled, Shuffled, Stored, block_events


def order(plan: object) -> np.ndarray:
    return np.concatenate([plan.rows(step) for step in range(plan.steps)])  # type: ignore[attr-defined]


@pytest.mark.parametrize("events", [1, 2, 99, 100, 101, 1000])
@pytest.mark.parametrize("batch_size", [1, 7, 100, 5000])
@pytest.mark.parametrize("block", [1, 3, 64, 5000])
def test_every_event_comes_once(events: int, batch_size: int, block: int) -> None:
    plan = Shuffled(events, batch_size, block, seed=1, epoch=2)
    sizes = [len(plan.rows(step)) for step in range(plan.steps)]
    assert sizes[:-1] == [batch_size] * (plan.steps - 1)
    assert 0 < sizes[-1] <= batch_size
    assert sorted(order(plan)) == list(range(events))


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    base = order(Shuffled(1000, 64, 16, seed=1, epoch=0))
    np.testing.assert_array_equal(base, order(Shuffled(1000, 64, 16, seed=1, epoch=0)))
    for seed, epoch in ((1, 1), (2, 0)):
        other = order(Shuffled(1000, 64, 16, seed, epoch))
        assert np.mean(base == other) < 0.02


def test_batches_can_be_asked_for_in_any_order() -> None:
    plan = Shuffled(1000, 64, 16, seed=1, epoch=0)
    last = plan.rows(15)
    plan.rows(0)
    np.testing.assert_array_equal(last, Shuffled(1000, 64, 16, seed=1, epoch=0).rows(15))


def test_neighbours_on_disk_part_from_epoch_to_epoch() -> None:
    """Two events of one batch meet again in the next epoch's batch about as rarely as chance wants."""
    first, second = (Shuffled(100_000, 1024, 16, seed=3, epoch=epoch) for epoch in (0, 1))
    batch_of = np.empty(100_000, int)
    for step in range(second.steps):
        batch_of[second.rows(step)] = step
    together = [len(np.unique(batch_of[first.rows(step)])) for step in range(first.steps - 1)]
    assert np.mean(together) > 40  # of 98 batches; 64 blocks cannot reach more than 64 to 80


def test_stored_order_is_the_order_of_the_disk() -> None:
    np.testing.assert_array_equal(order(Stored(100, 7)), np.arange(100))


def test_oversampling_makes_classes_equal_and_loses_nothing() -> None:
    labels = np.repeat([0, 1, 3], [50, 7, 20])
    plan = Oversampled(labels, 16, seed=1, epoch=0)
    rows = order(plan)
    assert len(rows) == plan.events == 150
    assert np.bincount(labels[rows]).tolist() == [50, 50, 0, 50]
    counts = np.bincount(rows)
    assert counts.min() == 1
    for label in (1, 3):
        own = counts[labels == label]
        assert own.max() - own.min() <= 1
    again = order(Oversampled(labels, 16, seed=1, epoch=1))
    assert not np.array_equal(rows, again)


@pytest.mark.parametrize(
    ("stored", "batch_size", "block"), [(4854, 1024, 27), (40, 1024, 128), (10**7, 1024, 1), (40, 4, 1)]
)
def test_blocks_are_sequential_reads_and_many_a_batch(stored: float, batch_size: int, block: int) -> None:
    assert block_events(stored, batch_size) == block
