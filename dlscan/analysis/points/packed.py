"""Records column by column: what all have in common stands once, and floats are eight bytes each.

Ten thousand records have millions of numbers, which take a second to write as text, and another to read.
"""

import array
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dlscan.record import Record

FIELDS = [field.name for field in dataclasses.fields(Record)]
_TUPLES = frozenset(("varied", "classes"))
# of which those that are equal are the same
_EXACT = {str, int, bool, type(None)}
# items of an array; Python's own floats are such
_FLOAT = "d"

# How a field lies in a row: None for one entry, else whether the values are pairs, and the keys of a mapping.
_Layout = tuple[tuple[Any, ...] | None, ...]
_Row = Sequence[Any]


def pack(rows: Iterable[tuple[_Row, Record]]) -> tuple[list[dict[str, Any]], bytes]:
    """Records, each with some values that go with it, as JSON and floats.

    Returns
    -------
    parts : list of dict
        For JSON; an entry for all records that have the same keys.
    floats : bytes
        The columns that hold nothing but floats, one after the other.
    """
    alike: dict[_Layout, list[list[Any]]] = {}
    for beside, record in rows:
        layout, values = _flat(record)
        alike.setdefault(layout, []).append([*beside, *values])
    parts, floats = [], []
    for layout, own in alike.items():
        columns: list[list[Any] | None] = []
        for column in zip(*own, strict=True):
            one = _is_one(column)
            if not one and set(map(type, column)) == {float}:
                columns.append(None)
                floats.append(array.array(_FLOAT, column).tobytes())
            else:
                columns.append([column[0]] if one else list(column))
        parts.append({"layout": layout, "count": len(own), "columns": columns})
    return parts, b"".join(floats)


def unpack(
    parts: Iterable[Mapping[str, Any]], floats: bytes, beside: int
) -> Iterator[tuple[_Row, "PackedRecord"]]:
    """What `pack` has packed: the values that go with a record, of which there are `beside`, and itself."""
    place = 0
    for part in parts:
        count, columns = part["count"], []
        for column in part["columns"]:
            if column is None:
                numbers = array.array(_FLOAT)
                numbers.frombytes(floats[place : place + count * numbers.itemsize])
                place += count * numbers.itemsize
                columns.append(numbers.tolist())
            else:
                columns.append(column if len(column) == count else column * count)
        fields = list(_fields(part["layout"], part["columns"], beside))
        for row in zip(*columns, strict=True):
            yield row[:beside], PackedRecord(fields, row)


@dataclasses.dataclass(frozen=True)
class _Field:
    """Where a field lies in a row; `same` holds its value where all records have the same."""

    start: int
    end: int
    keys: list[str] | None
    pairs: bool
    is_tuple: bool
    same: list[Any]

    def of(self, row: _Row) -> Any:
        """The value of the field."""
        if self.keys is None:
            return tuple(row[self.start]) if self.is_tuple else row[self.start]
        values: Iterable[Any] = row[self.start : self.end]
        if self.pairs:
            values = map(
                list, zip(row[self.start : self.end : 2], row[self.start + 1 : self.end : 2], strict=True)
            )
        return dict(zip(self.keys, values, strict=True))


def _fields(
    layout: Iterable[Sequence[Any] | None], columns: Sequence[Sequence[Any] | None], beside: int
) -> Iterator[_Field]:
    start = beside
    for name, known in zip(FIELDS, layout, strict=True):
        pairs, *keys = known or (False,)
        end = start + (1 if known is None else len(keys) * (1 + pairs))
        own = columns[start:end]
        field = _Field(start, end, None if known is None else keys, pairs, name in _TUPLES, [])
        if all(column is not None and len(column) == 1 for column in own):
            field.same.append(field.of([column[0] if column else None for column in columns]))
        yield field
        start = end


@dataclasses.dataclass(frozen=True)
class PackedRecord:
    """A record that is made when it is asked for."""

    fields: list[_Field]
    row: _Row

    def record(self) -> Record:
        """The record; what all have in common is one object."""
        return Record(*(field.same[0] if field.same else field.of(self.row) for field in self.fields))


def _flat(record: Record) -> tuple[_Layout, list[Any]]:
    layout: list[tuple[Any, ...] | None] = []
    values: list[Any] = []
    for name in FIELDS:
        item = getattr(record, name)
        if type(item) is not dict:
            layout.append(None)
            values.append(item)
            continue
        # intervals
        pairs = set(map(type, item.values())) <= {list} and set(map(len, item.values())) <= {2}
        layout.append((pairs, *item))
        values.extend(itertools.chain.from_iterable(item.values()) if pairs else item.values())
    return tuple(layout), values


def _is_one(column: _Row) -> bool:
    """Whether a column has one value, the same to its last digit."""
    if column.count(column[0]) < len(column):
        return False
    kinds = set(map(type, column))
    if len(kinds) == 1 and (kinds <= _EXACT or (kinds == {float} and column[0])):
        return True
    # 0 and -0 are equal, and so are 1, 1.0 and true
    return len(set(map(repr, column))) == 1
