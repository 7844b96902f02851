"""Whether what an experiment says of events can be, and leaves some."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlscan.config import Experiment
from dlscan.config.build import Problem
from dlscan.config.event_labels import LabelColumn
from dlscan.config.selection import Selection
from dlscan.expressions.constituents import Ragged
from dlscan.prepare.layout import Format, entry_names
from dlscan.prepare.scatter import PieceSummary
from dlscan.prepare.selecting import holds
from dlscan.raw import FileLayout, RawFile


def require_selections(experiment: Experiment, form: Format, layout: FileLayout) -> None:
    """Check that numbers of an event are that, and that cuts fit the shapes of what they are about.

    Raises
    ------
    ConfigError
        If one is not.
    """
    resample = experiment.data.resample
    numbers = [
        *([] if form.labels is None else [("labels.column", form.labels.column)]),
        *([("weights", form.implied[form.weights])] if form.weights in form.implied else []),
        *(("resample.in", each) for each in (resample.variables if resample else ())),
    ]
    for key, selection in numbers:
        if reason := selection.why_not(layout.shapes[selection.extra]):
            raise experiment.problem(f"data.{key}", reason)
    nothing: dict[str, Any] = dict.fromkeys(entry_names(form.recipes), Ragged(np.zeros(1, int), np.empty(0)))
    nothing |= {name: np.empty((0, *layout.shapes[name]), layout.dtypes[name]) for name in form.selecting}
    for number, cut in enumerate(form.cuts):
        try:
            holds(form.cuts, number, nothing, 0)
        except Problem as problem:
            raise experiment.problem("data.where", str(problem)) from None
        except IndexError:
            raise experiment.problem(
                "data.where", f"{cut!r}: {_no_place(experiment, layout, number)}"
            ) from None


def _no_place(experiment: Experiment, layout: FileLayout, number: int) -> str:
    """Which number of a cut is not there."""
    for name in experiment.data.where.expressions[number].names:
        selection = Selection.parse(name, "data.where")
        shape = layout.shapes.get(selection.extra, ())
        inside = zip(selection.index, shape, strict=False)
        if len(selection.index) > len(shape) or any(not -size <= place < size for place, size in inside):
            text = "x".join(map(str, shape)) or "one number"
            return f"there is no {name}: an event of {selection.extra} has the shape {text}"
    raise AssertionError(number)


def require_entries(experiment: Experiment, form: Format, good: Sequence[PieceSummary]) -> None:
    """Check that inputs with entries have some.

    Raises
    ------
    ConfigError
        If one has none in any event.
    """
    for name, recipe in form.recipes.items():
        if not any(part.count for item in good for part in item.moments.get(name, ())):
            why = "all values are nan or 0, which is taken for padding; see valid in docs/inputs.md"
            if recipe.valid:
                why = f"{recipe.valid} is 0 everywhere"
            raise experiment.problem(f"data.inputs.{name}", f"no event has an entry, because {why}")


def require_kept(
    experiment: Experiment,
    form: Format,
    classes: Sequence[str],
    files: Sequence[RawFile],
    good: Sequence[PieceSummary],
) -> None:
    """Check that each event that stays has a class, and that each class has events.

    Raises
    ------
    ConfigError
        If not: with a count, an example, or the cut that took the last ones.
    """
    column = form.labels
    bad = [item for item in good if item.unlabelled is not None]
    if bad and column is not None:
        first = bad[0].unlabelled
        assert first is not None
        count = sum(item.unlabelled.count for item in bad if item.unlabelled is not None)
        raise experiment.problem(
            "data.labels.classes",
            f"no class has the value {first.value:g} of {column.column} in {files[bad[0].number].name}, row "
            f"{first.row}; {count:,} of {sum(item.read for item in good):,} events have such values: name "
            "them, leave them out with data.labels.other: drop, or make them a class with other: NAME",
        )
    flow = np.sum([item.flow for item in good], axis=0)
    for label, name in enumerate(classes):
        events = flow[:, label]
        if column is not None and not events[0]:
            raise experiment.problem("data.labels.classes", _never(column, name))
        if not events[-1] and len(flow) > 1:
            cut = int(np.argmin(events > 0))
            text, before = form.cuts[cut - 1], events[cut - 1]
            message = f"{text!r} leaves no event of class {name}; {before:,} were left before it"
            raise experiment.problem("data.where", message)


def _never(column: LabelColumn, name: str) -> str:
    listed = ", ".join(f"{value:g}" for value in column.classes.get(name, ()))
    return f"{name}: no event has {listed or 'another value'} as its {column.column}"
