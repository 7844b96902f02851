"""What matters most: how far each varied parameter moves the result, by itself."""

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any

from dlscan.analysis.columns.column import Column
from dlscan.analysis.columns.names import TRAININGS, text_of
from dlscan.analysis.compare.importance import is_smooth
from dlscan.analysis.tables.rows import Rows


@dataclasses.dataclass(frozen=True)
class Effect:
    """What a parameter does to a number, the other parameters as they come.

    Attributes
    ----------
    name : str
        Of the parameter's column.
    share : float
        Of the sum of squared deviations between all models, the part between the parameter's values.
    means : dict of str to float
        The mean over the models with each value of the parameter, from low to high. Of numbers that are
        rarely equal, such as those of a search, the mean over each half of the models.
    models : int
        How many models there are in them.
    halves : bool
        Whether `means` are those of halves.
    """

    name: str
    share: float
    means: dict[str, float]
    models: int
    halves: bool = False

    @property
    def chance(self) -> float:
        """The share that a parameter of no effect has on average."""
        return (len(self.means) - 1) / (self.models - 1)


def effects(rows: Rows, number: Column) -> list[Effect]:
    """The effect of each parameter that varies, from large to small; empty where nothing can be said.

    Parameters
    ----------
    rows : Rows
        The models.
    number : Column
        What is looked at: an entry per model.
    """
    names = [name for name in rows.varying if name not in TRAININGS]
    found = [_effect(name, rows.columns[name].values, number.values) for name in names]
    return sorted((each for each in found if each is not None), key=lambda each: -each.share)


def _effect(name: str, values: Sequence[Any], numbers: Sequence[float | None]) -> Effect | None:
    groups: dict[str, list[float]] = {}
    present = [value for value, number in zip(values, numbers, strict=True) if number is not None]
    halves = is_smooth(present)
    middle_value = statistics.median_low(value for value in present if value is not None) if halves else None
    for value, number in zip(values, numbers, strict=True):
        if number is not None:
            groups.setdefault(_called(value, middle_value), []).append(number)
    every = [number for group in groups.values() for number in group]
    # as many values as models: whatever the parameter does, the models alone would do as well
    if not 1 < len(groups) < len(every):
        return None
    middle = statistics.fmean(every)
    total = sum((number - middle) ** 2 for number in every)
    if not total:
        return None
    means = {value: statistics.fmean(group) for value, group in groups.items()}
    between = sum(len(group) * (means[value] - middle) ** 2 for value, group in groups.items())
    ranked = dict(sorted(means.items(), key=lambda item: item[1]))
    return Effect(name, between / total, ranked, len(every), halves)


def _called(value: Any, middle: Any) -> str:
    """What to call the models with a value: that, or the half of the models below or above the `middle`."""
    if value is None:
        return "-"
    if middle is None:
        return text_of(value)
    return f"{'≤' if value <= middle else '>'} {text_of(middle)}"
