"""The `train.loss` key: what training minimises."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any

from dlscan.config.build import Above, Below, Problem, build, join
from dlscan.config.source import InFile, in_file, is_in_file, short_name
from dlscan.spelling import near_miss

AUTO, QUANTILE = "auto", "quantile"
# The losses of each task, its `auto` first.
LOSSES = {
    "classify": ("cross_entropy", "focal", "kl", "mse", "mae"),
    "regress": ("mse", "mae", "huber", "log_cosh", "poisson", "gaussian_nll", QUANTILE),
    "reconstruct": ("mse", "mae", "cross_entropy", "poisson"),
    "generate": ("standard", "wasserstein", "least_squares", "mse", "cross_entropy", "poisson"),
}
_NAMES = tuple(dict.fromkeys([AUTO, *(name for names in LOSSES.values() for name in names)]))


# Tasks that take no function in a file.
_WITHOUT_OWN = ("reconstruct", "generate")


@dataclasses.dataclass(frozen=True)
class Loss:
    """A loss.

    Attributes
    ----------
    name : str or InFile
        `auto`, one of `LOSSES`, or a function in a file.
    quantile : float or None
        Of the loss `quantile`: how much of the truth is to lie below the prediction.
    """

    name: str = AUTO
    quantile: float | None = None

    @classmethod
    def parse(cls, value: Any, key: str) -> "Loss":
        """Read `auto`, the name of a loss, `{quantile: 0.9}` or `./losses.py:mine`."""
        if isinstance(value, Mapping) and list(value) == [QUANTILE]:
            rule = Annotated[float, Above(0), Below(1)]
            return cls(QUANTILE, build(rule, value[QUANTILE], join(key, QUANTILE)))
        if is_in_file(value):
            return cls(_own(value, key))
        if value == QUANTILE:
            raise Problem(key, "needs its number: {quantile: 0.9}")
        name = value.lower() if isinstance(value, str) else ""
        if name not in _NAMES:
            known = f"{', '.join(_NAMES)} (as {{quantile: 0.9}}) or a function in a file (./losses.py:mine)"
            near = near_miss(value, _NAMES)
            meant = f"; did you mean {near!r}?" if near else ""
            raise Problem(key, f"must be one of {known}, got {value!r}{meant}")
        return cls(name)

    def plain(self) -> Any:
        """What `parse` reads back."""
        return str(self.name) if self.quantile is None else {QUANTILE: self.quantile}

    def __str__(self) -> str:
        return short_name(self.name)

    @property
    def is_own(self) -> bool:
        """Whether it is a function in a file."""
        return isinstance(self.name, InFile)

    def why_not(self, kind: str) -> str | None:
        """Why a task of this kind cannot have it, if so."""
        names = LOSSES[kind]
        if self.is_own and kind in _WITHOUT_OWN:
            return f"{self} is a function in a file; the task {kind} has {', '.join(names)}"
        if self.name == AUTO or self.is_own or self.name in names:
            return None
        shown = ", ".join("{quantile: 0.9}" if name == QUANTILE else name for name in names)
        own = "" if kind in _WITHOUT_OWN else " and functions in files"
        return f"{self.name} is no loss of the task {kind}, which has {shown}{own}"

    def of(self, kind: str) -> str:
        """The name for a task of this kind."""
        return LOSSES[kind][0] if self.name == AUTO else self.name


def _own(value: str, key: str) -> InFile:
    """A function `(targets, outputs)` in a file."""
    function = in_file(value, key)
    found = function.source.function(function.function, key).args
    positional = [*found.posonlyargs, *found.args]
    needed = len(positional) - len(found.defaults)
    keywords = sum(default is None for default in found.kw_defaults)
    if keywords or needed > 2 or (len(positional) < 2 and found.vararg is None):
        raise Problem(key, f"{function}: must take two arguments, (targets, outputs)")
    return function
