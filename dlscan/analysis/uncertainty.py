"""Which uncertainty the columns of a table show."""

import dataclasses
from collections.abc import Sequence

from dlscan.analysis.column import Column


def presented(columns: Sequence[Column], errors: bool) -> list[Column]:
    """The columns with the one uncertainty that each entry can show.

    Spreads over repeats, unless `errors` asks for the intervals; the spreads are then columns of their own.
    """
    shown: list[Column] = []
    for column in columns:
        if column.errors is None:
            shown.append(column)
        elif not errors:
            shown.append(dataclasses.replace(column, errors=None))
        else:
            shown.append(dataclasses.replace(column, spreads=None))
            if column.spreads is not None:
                about = dataclasses.replace(column.about, meaning="standard deviation over repeats")
                shown.append(Column(f"{column.name}_Spread", "spread", column.spreads, about))
    return shown


def uncertainty_note(columns: Sequence[Column], errors: bool) -> list[str]:
    """What `+-` means in a table, if it stands there; that it does not, if `errors` asks for it."""
    interval = any(column.errors is not None for column in columns)
    spread = any(column.spreads is not None for column in columns)
    if interval and spread:
        return ["+-: statistical uncertainty (68 %), else standard deviation over repeats"]
    if interval:
        return ["+-: statistical uncertainty (68 %)"]
    missing = ["No number here has an uncertainty on record; `dlscan evaluate` adds them to older records"]
    return [*(["+-: standard deviation over repeats"] if spread else []), *(missing if errors else [])]
