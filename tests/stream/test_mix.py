"""The arithmetic of epochs over raw files."""

import itertools

import numpy as np
import pytest

from dlscan.stream.mix import Mixed, open_batches
from dlscan.stream.task import Task

UNIT = 50


def mixed(units: int, window: int, batch_size: int, last: int = UNIT, seed: int = 1) -> list[Task]:
    rng = np.random.default_rng(seed)

    def read(unit: int) -> tuple[int, np.ndarray]:
        return unit, np.arange(last if unit == units - 1 else UNIT)

    return list(Mixed(rng.permutation(units), read, window, batch_size, rng).tasks())


def places(tasks: list[Task]) -> dict[tuple[int, int], tuple[int, int]]:
    """Event to (batch, place)."""
    return {
        (unit.file, int(row)): (task.first + int(batch), int(place))
        for task in tasks
        for unit in task.work
        for row, batch, place in zip(*unit[1:], strict=True)
    }


@pytest.mark.parametrize("window", [0, 10, 400, 10_000])
@pytest.mark.parametrize("batch_size", [1, 7, 64, 5000])
@pytest.mark.parametrize("last", [UNIT, 3])
def test_every_event_has_one_place_and_every_place_one_event(window: int, batch_size: int, last: int) -> None:
    found = places(mixed(20, window, batch_size, last))
    events = 19 * UNIT + last
    assert len(found) == events
    assert sorted(found.values()) == [divmod(n, batch_size) for n in range(events)]


@pytest.mark.parametrize(("window", "batch_size"), [(0, 10), (400, 64), (2000, 16), (3000, 1000)])
def test_no_batch_is_asked_for_after_it_was_declared_complete(window: int, batch_size: int) -> None:
    tasks = mixed(200, window, batch_size)
    assert [task.first for task in tasks] == sorted(task.first for task in tasks)
    for task in tasks:
        batches = np.concatenate([unit.batches for unit in task.work])
        assert batches.min() >= 0
        assert task.last == task.first + batches.max()


@pytest.mark.parametrize(("window", "batch_size"), [(0, 10), (400, 64), (2000, 16), (3000, 1000), (800, 1)])
def test_only_so_many_batches_are_open_at_a_time(window: int, batch_size: int) -> None:
    for seed in range(5):
        tasks = mixed(200, window, batch_size, seed=seed)
        opened = itertools.accumulate((task.last for task in tasks), max)
        span = [last + 1 - task.first for task, last in zip(tasks, opened, strict=True)]
        assert max(span) <= open_batches(window, UNIT, batch_size)


def test_without_a_window_the_order_is_that_of_the_units() -> None:
    tasks = mixed(5, 0, 8)
    order = [unit.file for task in tasks for unit in task.work]
    found = places(tasks)
    expected = [(unit, row) for unit in order for row in range(UNIT)]
    assert sorted(found, key=found.__getitem__) == expected


def test_a_batch_is_drawn_from_all_units_of_a_window() -> None:
    """The units in a batch, against a random draw from the window around it."""
    window, batch_size = 8 * 100, 100
    found = places(mixed(400, window, batch_size))
    batches: dict[int, list[int]] = {}
    for (unit, _), (batch, _) in found.items():
        batches.setdefault(batch, []).append(unit)
    middle = [batches[number] for number in range(20, 180)]
    # 18 units overlap with a window; a draw of 100 events from 16 to 18 units meets nearly all of them
    assert np.mean([len(set(units)) for units in middle]) > 15
    # and no unit gives much more than its share of 100 / 17
    assert np.mean([np.bincount(units).max() for units in middle]) < 14
