"""What the metrics of a task are: names in records and tables, which way is better, how models compare."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from dlscan.metrics.influence import Influenced

# how an entry is written: an area to four decimals, other numbers to four digits
Kind = Literal["auc", "number"]
Split = Literal["", "train", "validation", "test"]
# a number is the one that is aimed at: 0 for a bias
Better = Literal["more", "less"] | float | None

# from a class or a target to what people call it
Called = Callable[[str], str]


@dataclasses.dataclass(frozen=True)
class About:
    """What a column is, beside its values.

    Attributes
    ----------
    meaning : str
        One line for a person.
    unit : str
        As in a table of a paper: `s`, `1/s`; empty for a pure number.
    split : {"", "train", "validation", "test"}
        Which events the numbers were measured on, where that matters.
    family : str
        What columns of this sort are called together, such as `val_*`.
    title : str
        What a picture or a page calls it, a marked text (see `dlscan.analysis.labels`); empty where that is
        the column's own name.
    better : {"more", "less"} or float or None
        Which way is better, or the number that is aimed at; None where no way is.
    """

    meaning: str = ""
    unit: str = ""
    split: Split = ""
    family: str = ""
    title: str = ""
    better: Better = None

    def goodness(self, value: float) -> float:
        """What rises as `value` gets better; where no way is better, `value` itself."""
        if self.better == "less":
            return -value
        return value if self.better in ("more", None) else -abs(value - float(self.better))

    @property
    def best_is(self) -> str:
        """What the best of several values is: `highest`, `lowest`, `nearest to 0`."""
        if self.better == "less":
            return "lowest"
        return "highest" if self.better in ("more", None) else f"nearest to {self.better:g}"


class Metric(NamedTuple):
    """What a metric is, and how its entries are written."""

    kind: Kind
    about: About


class TaskMetrics(Protocol):
    """The metrics of one task, or of the same task of several scans put together.

    Attributes
    ----------
    kind : str
        Of the task, as in the experiment file.
    phrase : str
        The task in a sentence: `a regression of Energy`.
    names : tuple of str
        What the network tells apart or predicts: classes or targets.
    noun : str
        What `names` are called together: `classes`, `targets`.
    columns : mapping of str to tuple of str
        What the second axis of an array in `predictions.h5` holds: `{"scores": ("Ele", "Pi0")}`.
    comparable : str
        What `--versus` compares, in words.
    needed : tuple of str
        The arrays of these that are always there.
    truth : tuple of str
        The arrays there that are the same for every network.
    parts : mapping of str to str
        For each of `names` its own metric of the test split.
    each : mapping of str to str
        Those of `parts` that are numbers of their own: of two classes both areas are the same.
    headline : str
        The metric of the test split that stands for all: the only one of `each`, or the mean of `parts`.
    word, mean_of : str
        For a sentence on the headline: its `AUC` is ..., `the mean over the classes`.
    curves : mapping of str to str
        What people call columns of the history, where the name does not say it.
    defaults : tuple of str
        What the table shows first, beside what the scan varies and the loss.
    chosen_by : tuple of str
        The columns of the validation split that choose the best, the first that is there.
    aliases : mapping of str to str
        What people call columns of the validation split: `val_auc`.
    """

    @property
    def kind(self) -> str: ...

    @property
    def noun(self) -> str: ...

    @property
    def comparable(self) -> str: ...

    @property
    def needed(self) -> tuple[str, ...]: ...

    @property
    def phrase(self) -> str: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]: ...

    @property
    def truth(self) -> tuple[str, ...]: ...

    @property
    def parts(self) -> Mapping[str, str]: ...

    @property
    def each(self) -> Mapping[str, str]: ...

    @property
    def word(self) -> str: ...

    @property
    def mean_of(self) -> str: ...

    @property
    def curves(self) -> Mapping[str, str]: ...

    @property
    def headline(self) -> str: ...

    @property
    def defaults(self) -> tuple[str, ...]: ...

    @property
    def chosen_by(self) -> tuple[str, ...]: ...

    @property
    def aliases(self) -> Mapping[str, str]: ...

    def first(self, count: int) -> Self:
        """That of so many of the names, the first."""

    def merged(self, other: Self) -> Self:
        """That of the names of this and of another one of its kind."""

    def metric(self, name: str, called: Called) -> Metric | None:
        """What a metric of a record is; None for one that this task does not have.

        Parameters
        ----------
        name : str
            As in the record, `val_` in front included.
        called : callable
            From one of `names` to what people call it.
        """

    def is_compared(self, name: str) -> bool:
        """Whether models are compared by this metric of the test split, paired event by event."""

    def losses(self, kept: Mapping[str, NDArray[Any]]) -> NDArray[np.float64] | None:
        """The loss of each event (N,), where `kept` tells it."""

    def influenced(self, kept: Mapping[str, NDArray[Any]], name: str) -> Influenced | None:
        """A metric of some events with what each of them adds to its fluctuation.

        Parameters
        ----------
        kept : mapping of str to ndarray, (N, ...) each
            What `predictions.h5` holds of the events.
        name : str
            The metric, without `val_`.

        Returns
        -------
        Influenced or None
            None for a metric that is not made of events one by one, or has no value.

        Raises
        ------
        DataError
            If what the network gave is not finite.
        """


def loss_metric(name: str) -> Metric | None:
    """What a loss in a record is: those that every task has."""
    if name not in _LOSSES:
        return None
    split, meaning, title = _LOSSES[name]
    family = next((f"{start}*" for start in ("test_", "val_") if name.startswith(start)), name)
    return Metric("number", About(meaning, split=split, family=family, title=title, better="less"))


_LOSSES: dict[str, tuple[Split, str, str]] = {
    "test_loss": ("test", "loss with the weights of training, as in the history", "loss"),
    "initial_loss": ("train", "training loss after the first epoch", "loss after the first epoch"),
    "final_loss": ("train", "training loss after the last epoch", "loss after the last epoch"),
    "initial_val_loss": (
        "validation",
        "validation loss after the first epoch",
        "loss after the first epoch",
    ),
    "final_val_loss": ("validation", "validation loss after the last epoch", "loss after the last epoch"),
    "best_val_loss": (
        "validation",
        "validation loss of the weights that were kept",
        "loss of the kept weights",
    ),
}
TEST_LOSS, VALIDATION_LOSS = "test_loss", "best_val_loss"


def short_names(tasks: Iterable[TaskMetrics]) -> dict[str, str]:
    """What people call columns of the validation split, by names in lower case: `val_auc`, `val_loss`.

    Of a name that several tasks have, the column of the first.
    """
    found: dict[str, str] = {}
    for task in tasks:
        for name, column in task.aliases.items():
            found.setdefault(name, column)
    return found | {"val_loss": VALIDATION_LOSS}


def union(some: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Both without those that stand twice."""
    return tuple(dict.fromkeys((*some, *more)))
