"""What comes out of a packed file is what went in, to the last digit."""

import dataclasses
import json
import math

import pytest

from dlscan.analysis.points.packed import FIELDS, pack, unpack
from dlscan.record import Record

BASE = {
    **dict.fromkeys(FIELDS, 1),
    **{"varied": ("model.width",), "classes": ("a", "b"), "task": "classify", "name": "x"},
    **{name: {} for name in ("params", "metrics", "errors", "reasons", "files", "sources", "pretrained")},
    **{"versions": {"dlscan": "1"}, "dataset": {"path": "/d"}},
}


def record(**own):
    return Record(**{**BASE, **own})


ALIKE = [record(point=number, metrics={"m": number / 7, "n": 0.5}) for number in range(5)]
CASES = {
    "numbers": ALIKE,
    "one": ALIKE[:1],
    "none": [],
    "zeros": [record(metrics={"m": value}) for value in (0.0, -0.0, 0, False)],
    "integers among floats": [record(metrics={"m": value}) for value in (1.0, 1, 2.5)],
    "equal lists": [record(params={"a": [1, 2]}), record(params={"a": [1.0, 2]})],
    "missing numbers": [record(metrics={"m": value}) for value in (None, 0.25, None)],
    "infinite": [record(metrics={"m": value}) for value in (math.inf, -math.inf, 0.5)],
    "intervals": [record(errors={"m": [0.1, 0.2 * n], "n": [1, None]}) for n in range(3)],
    "no intervals": [record(errors={"m": [0.1, 0.2, 0.3]}), record(errors={"m": [0.1]})],
    "other keys": [record(params={"a": 1}), record(params={"b": 1}), record(params={"a": 2})],
    "other orders": [record(params={"a": 1, "b": 2}), record(params={"b": 2, "a": 1})],
    "varied": [record(varied=("a", "b")), record(varied=("a",))],
    "tasks": [record(task={"kind": "regress"}), record(task="classify")],
}


@pytest.mark.parametrize("records", CASES.values(), ids=CASES)
def test_records_come_back_the_same(records):
    parts, floats = pack(([f"folder {number}", 7], each) for number, each in enumerate(records))
    found = sorted(
        (beside, packed.record())
        for beside, packed in unpack(json.loads(json.dumps(parts)), floats, beside=2)
    )
    # equal is not enough: 0, 0.0 and -0.0 are
    expected = [repr((f"folder {number}", 7)) + repr(each) for number, each in enumerate(records)]
    assert [repr(beside) + repr(each) for beside, each in found] == expected


def test_not_a_number_comes_back():
    parts, floats = pack([((), record(metrics={"m": value})) for value in (math.nan, 0.5)])
    first, second = (packed.record().metrics["m"] for _, packed in unpack(parts, floats, beside=0))
    assert math.isnan(first)
    assert second == 0.5


def test_what_all_have_in_common_is_one_object():
    parts, floats = pack(((), each) for each in ALIKE)
    versions = {id(packed.record().versions) for _, packed in unpack(parts, floats, beside=0)}
    assert len(versions) == 1
    assert {field.name for field in dataclasses.fields(Record)} == set(FIELDS)
