"""Which columns a table of finished points can have, under which names."""

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal

from dlscan.analysis.records import DonePoint

Kind = Literal["text", "parameter", "integer", "number", "auc"]

MODEL_NAME = "Model Name"
SCAN = "Scan"

# column name, kind, attribute of the record; metrics stand between the two groups
BEFORE_METRICS: tuple[tuple[str, Kind, str], ...] = (
    ("Epochs", "integer", "epochs"),
    ("Best_Epoch", "integer", "best_epoch"),
)
AFTER_METRICS: tuple[tuple[str, Kind, str], ...] = (
    ("Parameters", "integer", "model_parameters"),
    ("Seconds_per_Epoch", "number", "seconds_per_epoch"),
    ("Train_Seconds", "number", "train_seconds"),
    ("Events_per_Second", "number", "events_per_second"),
    ("Point", "integer", "point"),
    ("Seed", "integer", "seed"),
    ("Host", "text", "host"),
    ("Device", "text", "device"),
    ("Attempts", "integer", "attempts"),
    ("Stopped", "text", "stopped"),
)
RESERVED = (MODEL_NAME, SCAN, *(name for name, _, _ in BEFORE_METRICS + AFTER_METRICS))

# the record keeps the seed by itself: one column of it is enough
SEED_KEY = "train.seed"


@dataclasses.dataclass(frozen=True)
class Column:
    """One column with an entry per point; None is a missing entry."""

    name: str
    kind: Kind
    values: tuple[Any, ...]


def columns_of(points: Sequence[DonePoint]) -> dict[str, Column]:
    """All columns that there are for `points`, by name, in their natural order."""
    records = [point.record for point in points]
    metrics = dict.fromkeys(name for record in records for name in record.metrics)

    def fixed(group: Iterable[tuple[str, Kind, str]]) -> list[Column]:
        return [
            Column(name, kind, tuple(_number_or_none(getattr(record, attribute)) for record in records))
            for name, kind, attribute in group
        ]

    columns = [
        Column(MODEL_NAME, "text", tuple(model_names(points))),
        Column(SCAN, "text", tuple(point.scan for point in points)),
        *(
            Column(name, "parameter", tuple(record.params.get(key) for record in records))
            for key, name in parameter_columns(points).items()
            if key != SEED_KEY
        ),
        *fixed(BEFORE_METRICS),
        *(
            Column(
                name,
                metric_kind(name),
                tuple(_number_or_none(record.metrics.get(name)) for record in records),
            )
            for name in metrics
        ),
        *fixed(AFTER_METRICS),
    ]
    return {column.name: column for column in columns}


def parameter_columns(points: Sequence[DonePoint]) -> dict[str, str]:
    """The column name of every parameter of `points`: `model.width` is `Width`."""
    keys = dict.fromkeys(key for point in points for key in (*point.record.varied, *point.record.params))
    keys.pop(SEED_KEY, None)
    return _short_names(keys, RESERVED) | {SEED_KEY: "Seed"}


def varying_columns(points: Sequence[DonePoint]) -> list[str]:
    """The columns of what tells the points apart: parameters that a scan varies or in which scans differ."""
    names = parameter_columns(points)
    varied = dict.fromkeys(key for point in points for key in point.record.varied)
    differing = [
        key
        for key in names
        if key != SEED_KEY and len({text_of(point.record.params.get(key)) for point in points}) > 1
    ]
    if _name_stands_twice(points):
        differing.append(SEED_KEY)
    return list(dict.fromkeys(names[key] for key in (*varied, *differing)))


def model_names(points: Sequence[DonePoint]) -> list[str]:
    """The lecture's name of each point, `Width=64 Depth=3`; the record's name where a scan varies nothing."""
    short = _short_names(dict.fromkeys(key for point in points for key in point.record.varied))
    return [
        " ".join(f"{short[key]}={text_of(point.record.params.get(key))}" for key in point.record.varied)
        or point.record.name
        for point in points
    ]


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


def metric_kind(name: str) -> Kind:
    """`auc` for an area under a curve, which is shown to four decimals, else `number`."""
    return "auc" if name.casefold().endswith("_auc") else "number"


def text_of(value: Any) -> str:
    """A parameter as text, exact to the last digit: `64`, `0.001`, `relu`, `true`, `[64,32]`."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _short_names(keys: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """The last part of each dotted key, capitalised by word; the whole key where that would be ambiguous."""
    short = {key: _capitalised(key.rpartition(".")[2]) for key in keys}
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


def _number_or_none(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
