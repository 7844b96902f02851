"""Which columns a table of finished points can have, under which names."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

from dlscan.analysis.columns.catalog import (
    AFTER_METRICS,
    BEFORE_METRICS,
    EVENTS,
    MODEL_NAME,
    SCAN,
    describe,
)
from dlscan.analysis.columns.column import Column, Columns, Interval
from dlscan.analysis.columns.names import model_names, parameter_columns
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.models import SEED_KEY
from dlscan.analysis.points.tasks import caller, metrics_of
from dlscan.tasks.metric import About, Metric, short_names

_EVENTS = About("the dataset whose events it was tested on; numbers compare only where it is the same")
_ATTRIBUTES = {fixed.name: fixed.attribute for fixed in BEFORE_METRICS + AFTER_METRICS}


def columns_of(points: Sequence[DonePoint], names: Sequence[str] | None = None) -> Columns:
    """All columns that there are for `points`, by name, in their natural order.

    Parameters
    ----------
    points : sequence of DonePoint
        A line each.
    names : sequence of str, optional
        The `Model Name` of each, instead of what its scan varies.
    """
    records = [point.record for point in points]
    tasks, called = metrics_of(points), caller(points)
    shapes = dict.fromkeys(tuple(record.metrics) for record in records)
    metrics = dict.fromkeys(name for shape in shapes for name in shape)

    def values(head: Column) -> Iterable[Any]:
        if head.name == MODEL_NAME:
            return model_names(points) if names is None else names
        if head.name == SCAN:
            return (point.scan for point in points)
        if head.name == EVENTS:
            return (point.events or None for point in points)
        if head.key:
            return (record.params.get(head.key) for record in records)
        if head.name in metrics:
            return (_number_or_none(record.metrics.get(head.name)) for record in records)
        return (_number_or_none(getattr(record, _ATTRIBUTES[head.name])) for record in records)

    def fill(head: Column) -> Column:
        column = dataclasses.replace(head, values=tuple(values(head)))
        if head.name not in metrics or not any(head.name in record.errors for record in records):
            return column
        errors = tuple(_interval(record.errors.get(head.name)) for record in records)
        return dataclasses.replace(column, errors=errors)

    return Columns(
        [
            Column(MODEL_NAME, "text", about=About("what the scan varies, or what --name chooses")),
            Column(SCAN, "text", about=About("name of the scan")),
            *([Column(EVENTS, "text", about=_EVENTS)] if any(point.events for point in points) else []),
            *(
                Column(name, "parameter", about=About(f"{key} of the experiment file"), key=key)
                for key, name in parameter_columns(points).items()
                if key != SEED_KEY
            ),
            *(Column(fixed.name, fixed.kind, about=fixed.about) for fixed in BEFORE_METRICS),
            *(_metric_head(name, describe(name, tasks, called)) for name in metrics),
            *(Column(fixed.name, fixed.kind, about=fixed.about) for fixed in AFTER_METRICS),
        ],
        fill,
        short_names(tasks),
    )


def _metric_head(name: str, metric: Metric) -> Column:
    return Column(name, metric.kind, about=metric.about)


def _interval(error: Sequence[float] | None) -> Interval | None:
    if error is None:
        return None
    down, up = error
    return _number_or_none(down), _number_or_none(up)


def _number_or_none(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
