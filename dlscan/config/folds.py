"""How events are dealt into folds, `data.folds`, and what a scan makes of them, `scan.folds`."""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from dlscan.config.build import Max, Min, Problem, build, build_fields, join

# The key of a point that says which folds validate it.
FOLD = "data.fold"
# Its value where all of them train.
NONE = "none"
# The folds, from 1, that such a training leaves out.
NO_FOLD = (0,)
# Why it has no number of validation.
ALL_TRAIN = "all folds train, so no events are left to validate on"
# Folds of one event each, which `data.folds` does not make.
_SINGLE = ("leave-one-out", "leave_one_out", "loo")


@dataclasses.dataclass(frozen=True)
class Folds:
    """How many folds, and what is kept together.

    Attributes
    ----------
    count : int
        Folds. Without `group` and `order` an event's fold is a hash of its file's name, row and the seed.
    group : str or None
        A dataset with one number per event: events with the same number are in the same fold.
    order : str or None
        A dataset with one number per event: each fold is a stretch of these numbers.
    """

    count: Annotated[int, Min(2), Max(100)]
    group: str | None = None
    order: str | None = None

    @classmethod
    def parse(cls, value: Any, key: str) -> "Folds":
        """Read `5` or `{count: 5, group: run}`."""
        if value in _SINGLE:
            raise Problem(
                key,
                "one event at a time cannot be left out: it has no AUC, and each event would need a "
                "training; write a number of folds up to 100, such as 20",
            )
        if isinstance(value, int) and not isinstance(value, bool):
            value = {"count": value}
        elif not isinstance(value, Mapping):
            raise Problem(
                key,
                "must be the number of folds, from 2 to 100, or a mapping of count and group or order, such "
                f"as {{count: 5, group: run}}; got {value!r}",
            )
        folds: Folds = build_fields(cls, value, key)
        if folds.group is not None and folds.order is not None:
            raise Problem(key, "group keeps events together, order sorts them; choose one")
        return folds

    def plain(self) -> Any:
        """The value that `parse` reads back."""
        chosen = {name: value for name, value in vars(self).items() if value is not None}
        return chosen if len(chosen) > 1 else self.count

    @property
    def column(self) -> str | None:
        """The dataset that decides, if one does."""
        return self.group or self.order


def require_folds(fold: "int | tuple[int, ...] | str | None", folds: Folds | None, key: str) -> None:
    """Check that `data.fold` names folds that there are, and leaves one to train on."""
    if fold is None:
        return
    if folds is None:
        raise Problem(key, "there are no folds; set data.folds too")
    if isinstance(fold, str):
        return
    chosen = (fold,) if isinstance(fold, int) else fold
    wrong = [number for number in chosen if not 1 <= number <= folds.count]
    if wrong:
        raise Problem(key, f"must be from 1 to {folds.count}, got {wrong[0]}")
    if not 1 <= len(set(chosen)) == len(chosen) < folds.count:
        raise Problem(key, f"must be different folds, fewer than {folds.count}, got {list(chosen)}")


def validating(params: Mapping[str, Any]) -> tuple[int, ...]:
    """The folds that validate a point with these keys, from 1; none where it sets none, or all train."""
    value = params.get(FOLD)
    if value in (None, NONE):
        return ()
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def narrowing(left: Sequence[tuple[int, ...]]) -> float:
    """By how much the error of a mean over trainings, by the folds that each leaves out, is below theirs.

    Each fold has other validation events; trainings that leave out the same ones have the same events.
    """
    together = {fold for own in left for fold in own}
    return math.sqrt(len(left[0]) / len(together)) if together else 1.0


@dataclasses.dataclass(frozen=True)
class FoldScan:
    """Every point is trained once for each choice of `leave_out` folds, which validate it."""

    leave_out: Annotated[int, Min(1)] = 1

    @classmethod
    def parse(cls, value: Any, key: str) -> "FoldScan | None":
        """Read `true`, `false` or `{leave_out: 2}`."""
        if value is None or isinstance(value, bool):
            return cls() if value else None
        if not isinstance(value, Mapping):
            raise Problem(
                key,
                "must be true, false or {leave_out: p}, the folds that each training leaves out; how many "
                f"folds there are is data.folds; got {value!r}",
            )
        scan: FoldScan = build_fields(cls, value, key)
        return scan

    def plain(self) -> Any:
        """The value that `parse` reads back."""
        return True if self == FoldScan() else dict(vars(self))

    def trainings(self, folds: Any) -> int:
        """How many `choices` there are; arguments and errors as there."""
        return math.comb(self._count(folds), self.leave_out)

    def choices(self, folds: Any) -> list[Any]:
        """The values of `data.fold`, one for each training of a point.

        Parameters
        ----------
        folds : object
            `data.folds` as it is written.

        Raises
        ------
        Problem
            If there are no folds, or no more than are left out.
        """
        found = itertools.combinations(range(1, self._count(folds) + 1), self.leave_out)
        return [chosen[0] if self.leave_out == 1 else list(chosen) for chosen in found]

    def _count(self, folds: Any) -> int:
        if folds is None:
            raise Problem("scan.folds", "there are no folds; set data.folds, such as 5, and prepare again")
        count: int = build(Folds, folds, join("data", "folds")).count
        if self.leave_out >= count:
            raise Problem("scan.folds.leave_out", f"must be less than the {count} folds of data.folds")
        return count
