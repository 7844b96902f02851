"""Folds of a dataset: parts of which some train and the others validate."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from dlscan.dataset.splits import SplitInfo
from dlscan.dataset.statistics import Statistics
from dlscan.dataset.weights import WeightSums


def part_names(count: int) -> tuple[str, ...]:
    """The parts of a dataset with so many folds, as its shards are named."""
    return (*(f"fold{number}" for number in range(1, count + 1)), "test")


@dataclasses.dataclass(frozen=True)
class Fold:
    """One fold.

    Attributes
    ----------
    events : SplitInfo
        Its shards, and how many events of each class they hold.
    moments : dict of str to dict
        Of each input, as plain values of `dlscan.dataset.moments`: those of several folds can be merged.
    weights : dict of str to WeightSums
        Of each extra with one number per event.
    quantiles : dict of str to tuple of tuple of float
        Of each input that is a vector, over all *other* folds: quantiles cannot be merged.
    """

    events: SplitInfo
    moments: dict[str, dict[str, Any]]
    weights: dict[str, WeightSums]
    quantiles: dict[str, tuple[tuple[float, ...], ...]]

    @classmethod
    def from_plain(cls, value: dict[str, Any]) -> "Fold":
        """Read what `dataclasses.asdict` gives, from JSON."""
        return cls(
            SplitInfo.from_plain(value["events"]),
            value["moments"],
            {name: WeightSums.from_plain(sums) for name, sums in value["weights"].items()},
            {name: tuple(map(tuple, found)) for name, found in value["quantiles"].items()},
        )


def events_of(folds: Sequence[Fold]) -> SplitInfo:
    """Folds as one split."""
    return SplitInfo(
        tuple(shard for fold in folds for shard in fold.events.shards),
        tuple(map(sum, zip(*(fold.events.counts for fold in folds), strict=True))),
    )


def weights_of(folds: Sequence[Fold], name: str) -> WeightSums:
    """The sums of an extra over folds."""
    sums = [fold.weights[name] for fold in folds]
    return WeightSums(
        *(
            tuple(map(sum, zip(*(getattr(own, field) for own in sums), strict=True)))
            for field in ("total", "squares", "negative")
        )
    )


def statistics_of(folds: Sequence[Fold], left_out: Sequence[Fold], name: str) -> Statistics:
    """What is known of an input over `folds`; its quantiles where a single fold is left out."""
    # not for `status`, which reads manifests
    from dlscan.dataset.moments import Moments, merged

    found = merged([Moments.of_plain(fold.moments[name]) for fold in folds]).statistics()
    if len(left_out) != 1:
        return found
    return dataclasses.replace(found, quantiles=left_out[0].quantiles.get(name, ()))
