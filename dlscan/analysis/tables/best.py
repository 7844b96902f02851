"""Choose the best model without a look at the test split."""

import dataclasses

from dlscan.analysis.columns.cells import cell
from dlscan.analysis.columns.column import Column
from dlscan.analysis.lookup import find_column
from dlscan.analysis.tables.rows import Rows
from dlscan.errors import UsageError
from dlscan.spelling import agree, counted

# what people call them, as the columns are called
ALIASES = {"val_auc": "val_Mean_AUC", "val_loss": "best_val_loss", "val_accuracy": "val_kept_accuracy"}
_LOW_IS_GOOD = ("loss", "error")


@dataclasses.dataclass(frozen=True)
class Choice:
    """Which line is the best, by which column, and in words its number and why it is the best."""

    position: int
    column: Column
    reason: str

    @property
    def note(self) -> str:
        """A line below a table."""
        return f"Chosen by {self.column.name} (validation split): {self.reason}"


def choose(rows: Rows, key: str) -> Choice:
    """The best model by a number of the validation split.

    Parameters
    ----------
    rows : Rows
        The models to choose from.
    key : str
        `val_auc`, `val_loss`, `val_accuracy` or a column of the validation split.

    Raises
    ------
    UsageError
        If there is no such column, it is of another split, or no model has it.
    """
    column = _column(rows, key)
    present = [row for row, value in enumerate(column.values) if value is not None]
    if not present:
        raise UsageError(f"--best {key}: no finished model has {column.name}")
    low = column.name.endswith(_LOW_IS_GOOD)
    pick = min if low else max
    position = pick(present, key=column.values.__getitem__)
    best = column.values[position]
    ties = sum(column.values[row] == best for row in present)
    repeats = len(rows.models[position])
    said = [
        cell(best, column),
        f"the mean over {repeats} repeats" if repeats > 1 else "",
        f"the {'lowest' if low else 'highest'} of {len(present)} models",
        f"tied with {counted(ties - 1, 'other')}, the first is shown" if ties > 1 else "",
    ]
    without = len(column.values) - len(present)
    ending = (
        f"; {without} without this number {agree(without, 'was', 'were')} not considered" if without else ""
    )
    return Choice(position, column, ", ".join(filter(None, said)) + ending)


def _column(rows: Rows, key: str) -> Column:
    name = ALIASES.get(key.casefold(), key)
    keys = {name: "" for name, head in rows.columns.heads.items() if head.about.split == "validation"}
    if name in ALIASES.values() and name not in keys:
        there = f"choose by {', '.join(keys)}" if keys else "and no other validation number either"
        raise UsageError(f"--best {key}: no finished model has {name}; {there}")
    try:
        column = rows.columns[rows.columns.find(name)]
    except UsageError:
        # the nearest of those that are allowed
        column = rows.columns[find_column(name, keys, "column of the validation split")]
    if column.about.split == "test":
        raise UsageError(
            f"--best {key}: choosing the best of many models on the test split biases its test result; "
            "choose on the validation split, such as by val_auc or val_loss"
        )
    if column.name not in keys:
        raise UsageError(
            f"--best {key}: not measured on the validation split; choose by val_auc, val_loss or a val_*"
        )
    return column
