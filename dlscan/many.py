"""Many files, on disks that need a moment for each."""

import collections
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")

# Calls under way: a file server answers so many clients anyway.
_AT_ONCE = 64
# A few items tell whether they wait for a network. A disk of this machine answers before a thread has begun.
_FEW, _QUICK = 8, 0.001
# What is large is read so many items ahead.
_AHEAD = 8
# Of thousands, a thread takes up to so many items at once.
_HANDFUL = 32


def each(function: Callable[[Item], Found], items: Iterable[Item]) -> list[Found]:
    """What a function gives for each item, in their order: of slow ones, many at a time.

    Thousands of points on a shared file system are minutes of waiting one after the other. What the function
    does must not depend on the order, and it may run in several threads.

    Parameters
    ----------
    function : callable
        Asks the file system. The first of its errors is raised, and no more items are begun then.
    items : iterable
        What it is called with.
    """
    rest = list(items)
    few, rest = rest[:_FEW], rest[_FEW:]
    start = time.perf_counter()
    found = [function(item) for item in few]
    if not rest or time.perf_counter() - start < _FEW * _QUICK:
        return [*found, *map(function, rest)]
    # to hand over items one by one would take longer than some of them do
    size = max(1, min(_HANDFUL, len(rest) // (4 * _AT_ONCE)))
    handfuls = [rest[start : start + size] for start in range(0, len(rest), size)]
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        for some in pool.map(lambda items: list(map(function, items)), handfuls):
            found += some
        return found
    finally:
        pool.shutdown(cancel_futures=True)


def ahead(function: Callable[[Item], Found], items: Iterable[Item]) -> Iterator[Found]:
    """As `each`, for what is too large to be in memory together: a few are found ahead of the one in use."""
    rest, seconds = list(items), 0.0
    few, rest = rest[:_FEW], rest[_FEW:]
    for item in few:
        start = time.perf_counter()
        found = function(item)
        seconds += time.perf_counter() - start
        yield found
    if seconds < _FEW * _QUICK:
        yield from map(function, rest)
        return
    pool = ThreadPoolExecutor(_AHEAD)
    begun: collections.deque[Future[Found]] = collections.deque()
    try:
        for item in rest:
            begun.append(pool.submit(function, item))
            if len(begun) > _AHEAD:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
