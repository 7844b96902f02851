"""What models and parameters are called."""

import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from dlscan.analysis.columns.catalog import RESERVED, SCAN
from dlscan.analysis.lookup import find_column
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.models import SEED_KEY, TRAINING_KEYS
from dlscan.analysis.points.parameters import differing, keys_of
from dlscan.config.dotted import short_name_of
from dlscan.config.pretrained import short_text

# the record keeps the seed by itself: one column of it is enough
SEED = "Seed"
FOLD = "Fold"
# what the trainings of a model may differ in
TRAININGS = (SEED, FOLD)
POINT = "Point"


def parameter_columns(points: Sequence[DonePoint]) -> dict[str, str]:
    """The column name of every parameter of `points`: `model.width` is `Width`."""
    keys = keys_of(points)
    keys.pop(SEED_KEY, None)
    return _short_names(keys, RESERVED) | {SEED_KEY: SEED}


def varying_columns(points: Sequence[DonePoint], names: Mapping[str, str] | None = None) -> list[str]:
    """The columns of what tells the points apart: parameters that a scan varies or in which points differ.

    Parameters
    ----------
    points : sequence of DonePoint
        All points of a table, or some of them.
    names : mapping of str to str, optional
        The column of each key, in a table of more points: there a short name may be ambiguous.
    """
    names = parameter_columns(points) if names is None else names
    varied = _varied(points)
    # a section that is varied as a whole, as `model.pretrained`, says what its keys do
    told = tuple(f"{key}." for key in varied)
    different = differing(points)
    others = [
        key for key in keys_of(points) if key in different and key != SEED_KEY and not key.startswith(told)
    ]
    if _name_stands_twice(points):
        others.append(SEED_KEY)
    return list(dict.fromkeys(names[key] for key in (*varied, *others)))


def model_names(points: Sequence[DonePoint], *, with_seed: bool = True) -> list[str]:
    """The lecture's name of each point, `Width=64 Depth=3`; the record's name where a scan varies nothing.

    Without `with_seed` neither seeds nor folds are named.
    """
    short = _short_names(_varied(points))
    names = []
    for point in points:
        params = point.record.params
        # a key that is not for a point's family or optimizer is not among its parameters
        varied = (key for key in point.record.varied if with_seed or key not in TRAINING_KEYS)
        keys = [key for key in varied if key in params]
        nothing = point.record.name if with_seed else params.get("model.family", "model")
        names.append(named({short[key]: params[key] for key in keys}) or text_of(nothing))
    return names


def names_by(points: Sequence[DonePoint], wanted: Sequence[str]) -> list[str]:
    """Each point's name made of the parameters `wanted` alone, in that order: `Width=64 Depth=3`.

    Raises
    ------
    UsageError
        If there is no such parameter; the message names the nearest.
    """
    keys = {name: key for key, name in parameter_columns(points).items()} | {POINT: "", SCAN: ""}
    chosen = dict.fromkeys(find_column(name, keys, "parameter to name models by") for name in wanted)

    def value(point: DonePoint, name: str) -> Any:
        own = {POINT: point.record.point, SCAN: point.scan, SEED: point.record.seed}
        return own[name] if name in own else point.record.params.get(keys[name])

    return [named({name: value(point, name) for name in chosen}) for point in points]


def distinct_names(points: Sequence[DonePoint]) -> list[str]:
    """Model names for a legend: with scan, seed or number of the point where names alone are not enough."""
    names = model_names(points)
    if len({point.scan for point in points}) > 1:
        names = [f"{point.scan}: {name}" for point, name in zip(points, names, strict=True)]
    for word, attribute in (("Seed", "seed"), ("Point", "point")):
        count = Counter(names)
        names = [
            f"{name} {word}={getattr(point.record, attribute)}" if count[name] > 1 else name
            for point, name in zip(points, names, strict=True)
        ]
    return names


def text_of(value: Any) -> str:
    """A parameter as text, exact to the last digit: `64`, `0.001`, `relu`, `true`, `[64,32]`."""
    if isinstance(value, str):
        return value
    # most are plain numbers, of which JSON makes the same in ten times the time
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return repr(value)
    if (short := short_text(value)) is not None:
        return short
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def named(values: Mapping[str, Any]) -> str:
    """`Width=64 Depth=3`."""
    return " ".join(f"{name}={text_of(value)}" for name, value in values.items())


def _varied(points: Sequence[DonePoint]) -> dict[str, None]:
    """The keys that the scans of points vary, in their order."""
    orders = dict.fromkeys(point.record.varied for point in points)
    return dict.fromkeys(key for varied in orders for key in varied)


def _short_names(keys: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """The last part of each dotted key, capitalised by word; the whole key where that would be ambiguous."""
    short = {key: _capitalised(short_name_of(key)) for key in keys}
    count = Counter(name.casefold() for name in (*short.values(), *taken))
    return {
        key: name if count[name.casefold()] == 1 else ".".join(map(_capitalised, key.split(".")))
        for key, name in short.items()
    }


def _capitalised(name: str) -> str:
    return "_".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _name_stands_twice(points: Sequence[DonePoint]) -> bool:
    named = zip((point.scan for point in points), model_names(points), strict=True)
    return max(Counter(named).values(), default=0) > 1
