"""Many files at a time where each takes a moment."""

import threading
import time

import pytest

from dlscan.many import ahead, each


def slow(item):
    time.sleep(0.005)
    return -item


@pytest.mark.parametrize("count", [0, 3, 8, 200])
def test_what_is_found_is_in_the_order_of_the_items(count):
    assert each(slow, range(count)) == [-item for item in range(count)]
    assert each(str, range(count)) == [str(item) for item in range(count)]


@pytest.mark.parametrize("function", [slow, str])
def test_what_is_found_ahead_is_in_order_and_no_more_than_some_at_once(function):
    asked, taken = [], []

    def find(item):
        asked.append(item)
        return function(item)

    for found in ahead(find, range(200)):
        taken.append(found)
        assert len(asked) - len(taken) <= 9
    assert taken == list(map(function, range(200)))


def test_slow_items_wait_together():
    """The last of them can only end when twenty have begun."""
    begun = threading.Barrier(20)

    def wait(item):
        if item < 80:
            return slow(item)
        begun.wait(timeout=60)
        return -item

    assert each(wait, range(100)) == [-item for item in range(100)]


def test_the_first_error_ends_it():
    asked = []

    def fail(item):
        asked.append(item)
        slow(item)
        if item >= 10:
            raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item 10"):
        each(fail, range(5000))
    assert len(asked) < 5000
