"""What files say is looked at before it is believed."""

import dataclasses
import math
from typing import Any

import pytest

from dlscan.fields import fits, misfit


@dataclasses.dataclass(frozen=True)
class Thing:
    number: int
    name: str | None
    pace: float = 1.0
    many: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    words: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({"number": 1, "name": None}, ""),
        ({"number": 1, "name": "a", "pace": 2, "many": {"x": [1, 2.0]}, "words": ["a"]}, ""),
        ({"number": 1, "later": []}, ""),
        ({"number": True}, "number is True"),
        ({"number": 1.0}, "number is 1.0"),
        ({"number": "1"}, "number is '1'"),
        ({"name": ["a"]}, "name is ['a']"),
        ({"pace": math.nan}, "pace is nan"),
        ({"pace": 1e999}, "pace is inf"),
        ({"many": {"x": 1}}, "many is {'x': 1}"),
        ({"many": [["x", [1]]]}, "many is [['x', [1]]]"),
        ({"words": "abc"}, "words is 'abc'"),
        ([1], "must be a mapping of names to values, got [1]"),
        (None, "must be a mapping of names to values, got None"),
    ],
)
def test_the_first_value_that_does_not_fit_is_named(value: Any, wrong: str) -> None:
    assert misfit(Thing, value) == wrong


def test_anything_fits_any() -> None:
    assert fits(Any, [{}])
    assert fits(dict[str, Any], {"a": object()})
