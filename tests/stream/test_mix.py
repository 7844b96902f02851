"""The arithmetic of epochs over raw files."""

import numpy as np
import pytest

from dlscan.stream.mix import Mixed, PoolPart, Unit, most_batches, spread
from dlscan.stream.request import ReadRequest

UNIT = 50


def mixed(
    units: int,
    pool: int,
    batch_size: int,
    last: int = UNIT,
    seed: int | None = 1,
    at_once: int | None = 4,
) -> list[ReadRequest]:
    """Units of `UNIT` events, the last one shorter, in random order; gathered without `at_once`."""
    order = np.random.default_rng(seed or 0).permutation(units)
    events = np.where(order == units - 1, last, UNIT)
    cut = Mixed(batch_size, pool, at_once or 1, at_once is None, None if seed is None else (seed, 0))
    return list(cut.requests(lambda number: Unit(int(order[number]), 0, int(events[number])), events))


def places(requests: list[ReadRequest], batch_size: int) -> dict[tuple[int, int], tuple[int, int]]:
    """Event to (batch, place)."""
    found = {}
    for request in requests:
        part: PoolPart = request.work
        delivered = np.empty(part.pool, int)
        delivered[part.order()] = np.arange(part.place, part.place + part.pool)
        before = part.before
        for unit in part.units:
            for row in range(unit.start, unit.stop):
                batch, place = divmod(int(delivered[before]), batch_size)
                assert request.first + batch <= request.last
                assert (unit.file, row) not in found
                found[unit.file, row] = request.first + batch, place
                before += 1
    return found


@pytest.mark.parametrize("pool", [1, 60, 400, 10_000])
@pytest.mark.parametrize("batch_size", [1, 7, 64, 5000])
@pytest.mark.parametrize("last", [UNIT, 3])
@pytest.mark.parametrize("at_once", [1, 4, None])
@pytest.mark.parametrize("seed", [1, None])
def test_every_event_has_one_place_and_every_place_one_event(
    pool: int, batch_size: int, last: int, at_once: int | None, seed: int | None
) -> None:
    found = places(mixed(20, pool, batch_size, last, seed, at_once), batch_size)
    events = 19 * UNIT + last
    assert len(found) == events
    assert sorted(found.values()) == [divmod(n, batch_size) for n in range(events)]


@pytest.mark.parametrize(("pool", "batch_size"), [(1, 10), (400, 64), (2000, 16), (3000, 1000), (800, 1)])
def test_batches_open_in_order_and_only_so_many_for_a_pool(pool: int, batch_size: int) -> None:
    for seed in range(5):
        requests = mixed(200, pool, batch_size, seed=seed)
        assert [request.first for request in requests] == sorted(request.first for request in requests)
        longest = max(request.last + 1 - request.first for request in requests)
        assert longest <= most_batches(pool, UNIT, batch_size)


def test_who_has_how_much_of_a_pool_changes_nothing() -> None:
    expected = places(mixed(40, 300, 16, at_once=1), 16)
    for at_once in (2, 3, None):
        assert places(mixed(40, 300, 16, at_once=at_once), 16) == expected


def test_only_a_request_with_a_whole_pool_gathers_it() -> None:
    assert not any(request.work.gather for request in mixed(40, 300, 16))
    whole = mixed(40, 300, 16, at_once=None)
    assert all(request.work.gather and request.work.before == 0 for request in whole)
    assert all(request.work.pool == sum(u.stop - u.start for u in request.work.units) for request in whole)


def test_without_a_seed_the_order_is_that_of_the_units() -> None:
    requests = mixed(5, 120, 8, seed=None)
    order = [unit.file for request in requests for unit in request.work.units]
    found = places(requests, 8)
    expected = [(unit, row) for unit in order for row in range(UNIT)]
    assert sorted(found, key=found.__getitem__) == expected


def test_no_two_pools_are_dealt_alike() -> None:
    deals = {request.work.deal for request in mixed(400, 100, 16)}
    assert len(deals) == 200


def test_a_batch_is_drawn_from_all_units_of_a_pool() -> None:
    """The units in a batch, against a random draw from a pool of 16."""
    pool, batch_size = 16 * UNIT, 100
    batches: dict[int, list[int]] = {}
    for (unit, _), (batch, _) in places(mixed(400, pool, batch_size), batch_size).items():
        batches.setdefault(batch, []).append(unit)
    # a draw of 100 of 800 events meets nearly all units
    assert np.mean([len(set(units)) for units in batches.values()]) > 15.5
    # and no unit gives much more than its share of 100 / 16
    assert np.mean([np.bincount(units).max() for units in batches.values()]) < 14


@pytest.mark.parametrize("counts", [(1,), (100, 100, 100), (300, 20, 1)])
def test_classes_are_spread_evenly_over_an_epoch(counts: tuple[int, ...]) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    orders = [spread(labels, np.ones_like(labels), np.random.default_rng(seed)) for seed in range(3)]
    for order in orders:
        assert sorted(order) == list(range(len(labels)))
        for label, count in enumerate(counts):
            # of any stretch of the epoch a class has its share, give or take one at either end
            seen = np.cumsum(labels[order] == label)
            expected = np.arange(1, len(order) + 1) * count / len(order)
            assert abs(seen - expected).max() < 2 + len(counts)
    assert len(labels) == 1 or any(list(orders[0]) != list(order) for order in orders[1:])


@pytest.mark.parametrize(("unit", "units", "most"), [(30, 64, 1.1), (512, 16, 1.1), (4096, 64, 1.3)])
def test_classes_mix_in_a_batch_nearly_as_a_random_draw_would(unit: int, units: int, most: float) -> None:
    """Chi square of class counts over batches, for files of 62,500 rows of one class."""
    lengths = np.full(-(-62_500 // unit), unit)
    lengths[-1] = 62_500 - lengths[:-1].sum()
    events, labels = np.tile(lengths, 12), np.repeat(np.arange(12) % 4, len(lengths))
    order = spread(labels, events, np.random.default_rng(1))
    batch_size = 1024
    cut = Mixed(batch_size, max(8 * batch_size, units * unit), 4, True, (1, 0))
    counts = np.zeros((events.sum() // batch_size + 1, 4))
    for request in cut.requests(lambda number: Unit(int(order[number]), 0, 0), events[order]):
        part: PoolPart = request.work
        units = [unit.file for unit in part.units]
        own = np.repeat(labels[units], events[units])[part.order()]
        batches = request.first + (part.place + np.arange(part.pool)) // batch_size
        np.add.at(counts, (batches, own), 1)
    counts = counts[:-1]
    assert (counts.sum(axis=1) == batch_size).all()
    square = ((counts - batch_size / 4) ** 2 / (batch_size / 4)).sum()
    assert 0.8 < square / (3 * len(counts)) < most
