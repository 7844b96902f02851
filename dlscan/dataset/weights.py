"""What the numbers that may weigh events add up to, and the weights of classes that follow."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from dlscan.errors import DataError


@dataclasses.dataclass(frozen=True)
class WeightSums:
    """Sums of one number per event over a split, by class; numbers that are not finite are left out.

    Attributes
    ----------
    total, squares : tuple of float, (classes,)
        Sum of the numbers, and of their squares.
    negative : tuple of int, (classes,)
        How many events have a number below zero.
    """

    total: tuple[float, ...]
    squares: tuple[float, ...]
    negative: tuple[int, ...]

    @classmethod
    def from_plain(cls, value: dict[str, Any]) -> "WeightSums":
        """Read what `dataclasses.asdict` gives, from JSON."""
        return cls(**{name: tuple(numbers) for name, numbers in value.items()})

    def effective(self, label: int) -> float:
        """The effective number of events of a class, (sum w)^2 / sum w^2; 0 if all numbers are zero."""
        return self.total[label] ** 2 / self.squares[label] if self.squares[label] else 0.0


@dataclasses.dataclass(frozen=True)
class Weights:
    """What was measured of an extra that holds one number per event.

    Attributes
    ----------
    splits : dict of str to WeightSums
        By the name of the split.
    not_finite : str or None
        The first event whose number is not finite as float32, in words: file and row.
    """

    splits: dict[str, WeightSums]
    not_finite: str | None

    @classmethod
    def from_plain(cls, value: dict[str, Any]) -> "Weights":
        """Read what `dataclasses.asdict` gives, from JSON."""
        splits = {split: WeightSums.from_plain(sums) for split, sums in value["splits"].items()}
        return cls(splits, value["not_finite"])


def class_weights(
    balance: str,
    classes: Sequence[str],
    counts: Sequence[int],
    name: str = "",
    sums: WeightSums | None = None,
) -> tuple[float, ...]:
    """What the weights of the events of each class are multiplied by.

    Parameters
    ----------
    balance : {"none", "weights", "oversample"}
        As `data.balance`: with `weights` each class has the same total weight; with `oversample` too, once
        each class has the same number of events.
    classes : sequence of str, (C,)
        The labels.
    counts : sequence of int, (C,)
        Training events of each class.
    name : str
        The extra that weighs events.
    sums : WeightSums, optional
        Its sums over the training split; without them every event weighs 1.

    Returns
    -------
    tuple of float, (C,)
        The mean weight of a training event stays what it was; 0 for a class without training events.

    Raises
    ------
    DataError
        If the weights of a class do not add up to more than zero, so that no factor makes them so.
    """
    if balance == "none" or (balance == "oversample" and sums is None):
        return (1.0,) * len(counts)
    totals = counts if sums is None else sums.total
    for label, count, total in zip(classes, counts, totals, strict=True):
        if count and not total > 0:
            raise DataError(
                f"balance: {balance} gives each class the same total weight, but the event weights {name} "
                f"of class {label} add up to {total:g} in the training split; "
                "choose balance: none or other weights"
            )
    events, present = sum(counts), sum(count > 0 for count in counts)
    whole = sum(total for count, total in zip(counts, totals, strict=True) if count)
    if balance == "weights":
        shares = [total * present for total in totals]
    else:
        shares = [events * total / count if count else 0 for count, total in zip(counts, totals, strict=True)]
    return tuple(whole / share if count else 0.0 for count, share in zip(counts, shares, strict=True))
