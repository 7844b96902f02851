"""Choose the best model without a look at the test split."""

import dataclasses
from collections.abc import Sequence

from dlscan.analysis.columns.cells import cell
from dlscan.analysis.columns.column import Column
from dlscan.analysis.lookup import find_column
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.events import choose_events, different_events
from dlscan.analysis.points.folds import folds_missing, validated_apart, what_differs
from dlscan.analysis.points.losses import different_losses, is_loss
from dlscan.analysis.points.ranked import ranking_key
from dlscan.analysis.points.tasks import metrics_of
from dlscan.analysis.tables.rows import Rows
from dlscan.errors import UsageError
from dlscan.spelling import agree, counted
from dlscan.tasks.metric import short_names


@dataclasses.dataclass(frozen=True)
class Choice:
    """Which line is the best.

    Attributes
    ----------
    position : int
        Its position.
    column : Column
        What it was chosen by.
    reason : str
        In words its number and why it is the best.
    considered : tuple of int
        The positions that it was chosen from, its own among them.
    """

    position: int
    column: Column
    reason: str
    considered: tuple[int, ...]

    @property
    def note(self) -> str:
        """A line below a table."""
        return f"Chosen by {self.column.name} (validation split): {self.reason}"


def choose(rows: Rows, key: str | None = None) -> Choice:
    """The best model by a number of the validation split.

    Parameters
    ----------
    rows : Rows
        The models to choose from.
    key : str, optional
        `val_auc`, `val_loss`, another name that the task knows, or a column of the validation split; by
        default what the task chooses by.

    Raises
    ------
    UsageError
        If there is no such column, it is of another split, or no model has it.
    """
    key = key or ranking_key(rows.points)
    if key is None:
        raise UsageError("no finished model has a number of the validation split to choose by")
    column = _column(rows, key)
    present = [row for row, value in enumerate(column.values) if value is not None]
    # a mean over fewer folds is of other events
    missing = folds_missing(rows.models)
    whole = [row for row in present if not missing[row]] or present
    unfinished, present = len(present) - len(whole), whole
    if not present:
        raise UsageError(f"--best {key}: no finished model has {column.name}")
    points = [point for row in present for point in rows.models[row]]
    events = different_events(points)
    if events:
        raise UsageError(
            f"--best {key}: these models were tested on different events ({events}), so none of them is the "
            f"best of all; {choose_events(points)}"
        )
    different = different_losses(points)
    if is_loss(column.name) and different:
        raise UsageError(f"--best {key}: {column.name} is of {different}; choose by another number")
    goodness = column.about.goodness
    position = max(present, key=lambda row: goodness(column.values[row]))
    best = column.values[position]
    ties = sum(goodness(column.values[row]) == goodness(best) for row in present)
    trainings = rows.models[position]
    said = [
        cell(best, column),
        _mean_over(trainings),
        f"the {column.about.best_is} of {counted(len(present), 'model')}",
        f"tied with {counted(ties - 1, 'other')}, the first is shown" if ties > 1 else "",
    ]
    without = len(column.values) - len(present) - unfinished
    ending = (
        f"; {without} without this number {agree(without, 'was', 'were')} not considered" if without else ""
    )
    if unfinished:
        ending += f"; {unfinished} without all folds {agree(unfinished, 'was', 'were')} not considered"
    apart = validated_apart([rows.models[row] for row in present])
    ending += f"; {apart}" if apart else ""
    return Choice(position, column, ", ".join(filter(None, said)) + ending, tuple(present))


def _mean_over(trainings: Sequence[DonePoint]) -> str:
    """`the mean over 5 folds`, of several trainings."""
    if len(trainings) < 2:
        return ""
    words = what_differs([trainings])
    return f"the mean over {len(trainings)} {words if ' and ' not in words else f'trainings ({words})'}"


def _column(rows: Rows, key: str) -> Column:
    aliases = short_names(metrics_of(rows.points))
    name = aliases.get(key.casefold(), key)
    keys = {name: "" for name, head in rows.columns.heads.items() if head.about.split == "validation"}
    if name in aliases.values() and name not in keys:
        there = f"choose by {', '.join(keys)}" if keys else "and no other validation number either"
        raise UsageError(f"--best {key}: no finished model has {name}; {there}")
    if (meant := f"val_{key.casefold()}") in aliases:
        raise UsageError(f"--best {key}: choose on the validation split; did you mean {meant}?")
    try:
        column = rows.columns[rows.columns.find(name)]
    except UsageError:
        # the nearest of those that are allowed
        column = rows.columns[find_column(name, keys, "column of the validation split")]
    usual = next(iter(aliases))
    if column.about.split == "test":
        raise UsageError(
            f"--best {key}: choosing the best of many models on the test split biases its test result; "
            f"choose on the validation split, such as by {usual} or val_loss"
        )
    if column.name not in keys:
        raise UsageError(
            f"--best {key}: not measured on the validation split; choose by {usual}, val_loss or a val_*"
        )
    return column
