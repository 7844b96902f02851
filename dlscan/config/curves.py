"""The columns of histories, and which way each is better."""

import dataclasses
from collections.abc import Iterable

from dlscan.config.labels import VALIDATION_AREA


@dataclasses.dataclass(frozen=True)
class Curve:
    """A column of a history, of training and with `val_` in front of validation.

    Attributes
    ----------
    name : str
        Of the column.
    less_is_better : bool
        Which way it improves.
    of_some : bool
        Whether it is a mean over some of the events. Steps tell two sums for it: that of the values times
        their weights, and that of the weights.
    """

    name: str
    less_is_better: bool
    of_some: bool = False


# What steps tell of each kind of task, the loss first.
CURVES = {
    "classify": (Curve("loss", True), Curve("accuracy", False)),
    "regress": (Curve("loss", True), Curve("mae", True)),
    "reconstruct": (
        Curve("loss", True),
        Curve("reconstruction", True),
        Curve("kl", True),
        Curve("mse", True),
    ),
    "generate": (
        Curve("loss", True),
        Curve("generator_loss", True),
        Curve("critic_loss", True),
        Curve("reconstruction", True),
        Curve("kl", True),
    ),
}
# Of these the ones that only variational autoencoders have, and those that they do not.
_VARIATIONAL, _ADVERSARIAL = ("reconstruction", "kl"), ("generator_loss", "critic_loss")
# Columns of validation that are only there if they are monitored.
MONITORED = {
    **dict.fromkeys(CURVES, ()),
    "classify": (Curve(VALIDATION_AREA, False),),
}


def columns(curves: Iterable[Curve], monitored: Iterable[Curve] = ()) -> dict[str, bool]:
    """The columns of a history that early stopping may monitor, and whether less is better.

    Parameters
    ----------
    curves : iterable of Curve
        What steps tell.
    monitored : iterable of Curve
        What is only computed if it is monitored.
    """
    both = {
        f"{split}{curve.name}": curve.less_is_better
        for split in ("val_", "")
        for curve in dict.fromkeys(curves)
    }
    return both | {curve.name: curve.less_is_better for curve in monitored}


def has_curve(name: str, is_variational: bool) -> bool:
    """Whether a column of a history is one of variational autoencoders, or else of other networks."""
    return name.removeprefix("val_") not in (_ADVERSARIAL if is_variational else _VARIATIONAL)


def known_columns() -> list[str]:
    """Every column that a history of some task may have."""
    of_tasks = [Curve(f"{kind}_loss", True) for kind in CURVES]
    curves = [curve for own in CURVES.values() for curve in own]
    return list(columns([*curves, *of_tasks], [curve for own in MONITORED.values() for curve in own]))
