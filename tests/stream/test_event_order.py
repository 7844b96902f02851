"""The arithmetic of epochs over prepared datasets."""

import numpy as np
import pytest

from dlscan.stream.event_order import Chosen, Order, Oversampled, Shuffled, Stored, block_events, requests


def rows_of(order: Order, start: int, stop: int) -> np.ndarray:
    return expanded(order.runs(start, stop))


def expanded(runs: np.ndarray) -> np.ndarray:
    return np.concatenate([np.arange(first, first + events) for first, events in runs])


def batches(order: Order, batch_size: int) -> list[np.ndarray]:
    rows = [rows_of(order, s, min(s + batch_size, order.events)) for s in range(0, order.events, batch_size)]
    assert [len(part) for part in rows[:-1]] == [batch_size] * (len(rows) - 1)
    return rows


@pytest.mark.parametrize("events", [1, 2, 99, 100, 101, 1000])
@pytest.mark.parametrize("batch_size", [1, 7, 100, 5000])
@pytest.mark.parametrize("block", [1, 3, 64, 5000])
def test_every_event_comes_once(events: int, batch_size: int, block: int) -> None:
    rows = batches(Shuffled(events, block, seed=1, epoch=2), batch_size)
    assert sorted(np.concatenate(rows)) == list(range(events))


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> np.ndarray:
        return rows_of(Shuffled(1000, 16, seed, epoch), 0, 1000)

    np.testing.assert_array_equal(order(1, 0), order(1, 0))
    for seed, epoch in ((1, 1), (2, 0)):
        assert np.mean(order(1, 0) == order(seed, epoch)) < 0.05


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (15, 17), (100, 999), (999, 1000)])
def test_any_part_can_be_asked_for(start: int, stop: int) -> None:
    plan = Shuffled(1000, 16, seed=1, epoch=0)
    np.testing.assert_array_equal(rows_of(plan, start, stop), rows_of(plan, 0, 1000)[start:stop])


def test_neighbours_on_disk_part_from_epoch_to_epoch() -> None:
    """Two events of one batch meet again in the next epoch's batch about as rarely as chance wants."""
    first, second = (batches(Shuffled(100_000, 16, seed=3, epoch=epoch), 1024) for epoch in (0, 1))
    batch_of = np.empty(100_000, int)
    for step, rows in enumerate(second):
        batch_of[rows] = step
    together = [len(np.unique(batch_of[rows])) for rows in first[:-1]]
    assert np.mean(together) > 40  # of 98 batches; 64 blocks cannot reach more than 64 to 80


def test_stored_order_is_the_order_of_the_disk() -> None:
    np.testing.assert_array_equal(np.concatenate(batches(Stored(100), 7)), np.arange(100))


def test_oversampling_makes_classes_equal_and_loses_nothing() -> None:
    labels = np.repeat([0, 1, 3], [50, 7, 20])
    plan = Oversampled(labels, seed=1, epoch=0)
    rows = rows_of(plan, 0, plan.events)
    assert len(rows) == plan.events == 150
    assert np.bincount(labels[rows]).tolist() == [50, 50, 0, 50]
    counts = np.bincount(rows)
    assert counts.min() == 1
    for label in (1, 3):
        own = counts[labels == label]
        assert own.max() - own.min() <= 1
    assert not np.array_equal(rows, rows_of(Oversampled(labels, seed=1, epoch=1), 0, 150))


@pytest.mark.parametrize("per_request", [1, 3, 100])
def test_requests_cover_the_order(per_request: int) -> None:
    made = list(requests(Stored(100), batch_size=8, batches=per_request))
    rows = np.concatenate([expanded(request.work.runs) for request in made])
    np.testing.assert_array_equal(rows, np.arange(100))
    covered = [batch for request in made for batch in range(request.first, request.last + 1)]
    assert covered == list(range(13))


@pytest.mark.parametrize(
    ("stored", "batch_size", "block"), [(4854, 1024, 108), (40, 1024, 128), (10**7, 1024, 1), (40, 4, 1)]
)
def test_blocks_are_sequential_reads_and_many_a_batch(stored: float, batch_size: int, block: int) -> None:
    assert block_events(stored, batch_size) == block


@pytest.mark.parametrize("per_request", [1, 2, 3])
def test_requests_of_a_pool_share_its_events_out(per_request: int) -> None:
    made = list(requests(Stored(100), batch_size=8, batches=per_request, pool=3, seed=(1, 0)))
    assert [batch for request in made for batch in range(request.first, request.last + 1)] == list(range(13))
    seeds: dict[tuple[int, ...] | None, list[int]] = {}
    for request in made:
        work = request.work
        seeds.setdefault(work.deal, []).extend(range(work.start, work.stop))
        pool = work.deal[-1] - 1
        np.testing.assert_array_equal(expanded(work.runs), np.arange(100)[pool * 24 : (pool + 1) * 24])
    assert seeds == {(1, 0, n + 1): list(range(min(24, 100 - 24 * n))) for n in range(5)}


@pytest.mark.parametrize(
    "order", [Shuffled(40, 7, 1, 0), Stored(40), Oversampled(np.repeat([0, 1], [30, 10]), 1, 0)]
)
def test_chosen_events_come_in_the_order_of_others_and_neighbours_are_one_run(order: Order) -> None:
    rows = np.flatnonzero(np.arange(100) % 5 < 2)
    chosen = Chosen(rows, order)
    assert chosen.events == order.events
    for start, stop in ((0, order.events), (3, 17), (5, 6)):
        np.testing.assert_array_equal(rows_of(chosen, start, stop), rows[rows_of(order, start, stop)])
        runs = chosen.runs(start, stop)
        assert (runs[:-1].sum(axis=1) != runs[1:, 0]).all()
