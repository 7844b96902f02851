"""Which parameters of points there are, and which differ: of ten thousand points, most are the same."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dlscan.analysis.points.done import DonePoint

_FAMILY = "model.family"
_Params = Mapping[str, Any]


def keys_of(points: Iterable[DonePoint]) -> dict[str, None]:
    """Every key that points vary or have, in the order in which they come."""
    # points of a family have the same keys, which are looked at once
    kinds = dict.fromkeys((point.record.varied, tuple(point.record.params)) for point in points)
    return dict.fromkeys(key for varied, own in kinds for key in (*varied, *own))


def differing(points: Iterable[DonePoint]) -> set[str]:
    """The keys that are not the same for all points; 1, 1.0 and true are three values.

    Points of a family that has no such parameter do not differ in it from those of another.
    """
    kinds = [(rows[0], _differing(rows)) for rows in _alike([point.record.params for point in points])]
    found = {key for _, different in kinds for key in different}
    for key in {key for params, _ in kinds for key in params} - found:
        families = {params.get(_FAMILY) for params, _ in kinds if key in params}
        values = [params.get(key) for params, _ in kinds if params.get(_FAMILY) in families]
        if any(_is_other(value, values[0]) for value in values):
            found.add(key)
    return found


def telling(points: Sequence[DonePoint]) -> list[str]:
    """The keys in which points may differ, sorted: all others they have in common to the last digit."""
    kinds = _alike([point.record.params for point in points])
    heads = [rows[0] for rows in kinds]
    every = {key for head in heads for key in head}
    apart = {key for rows in kinds for key in _differing(rows)}
    # 1 and 1.0 in a list are the same to Python alone
    same = {key for key, value in heads[0].items() if not isinstance(value, list | dict | tuple)} - apart
    same = {
        key for key in same if all(key in head and not _is_other(head[key], heads[0][key]) for head in heads)
    }
    return sorted(every - same)


def _alike(every: Iterable[_Params]) -> list[list[_Params]]:
    """Those of one family with the same keys together, in the order in which they come."""
    found: dict[tuple[Any, ...], list[_Params]] = {}
    for params in every:
        found.setdefault((str(params.get(_FAMILY)), *params), []).append(params)
    return list(found.values())


def _differing(rows: Sequence[_Params]) -> set[str]:
    """The keys that are not the same in all of these, which have the same keys."""
    same = dict(rows[0])
    for row in rows:
        other = [key for key, value in same.items() if row[key] is not value and _is_other(row[key], value)]
        for key in other:
            del same[key]
    return rows[0].keys() - same


def _is_other(one: Any, other: Any) -> bool:
    return bool(one != other) or type(one) is not type(other)
