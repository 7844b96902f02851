"""How inputs are scaled inside the network: the values of `data.normalize`."""

import dataclasses
from typing import Annotated, Any, Literal

from dlscan.config.build import Above, Problem, build, join

NORMALIZATIONS = ("none", "scale", "standard", "minmax", "log", "tanh-log", "quantile")


@dataclasses.dataclass(frozen=True)
class Normalization:
    """How an input is scaled inside the network; `factor` multiplies it first.

    With x the raw value times the factor: `none`, `scale` x · `standard` zero mean and unit variance ·
    `minmax` 0 to 1 · `log` sign(x) log(1 + |x|) · `tanh-log` tanh(sign(x) log(1 + |x|) / 2) ·
    `quantile` the rank among the training events, of zero mean and unit variance; for vectors.
    A bare `scale` takes one over the mean size of the non-zero values as its factor.
    """

    kind: str = "standard"
    factor: float | None = None

    @property
    def is_measured(self) -> bool:
        """Whether it depends on the training events."""
        if self.kind == "scale":
            return self.factor is None
        return self.kind in ("standard", "minmax", "quantile")

    @classmethod
    def parse(cls, value: Any, key: str) -> "Normalization":
        """Read `standard` or `{tanh-log: 100}`."""
        factor = None
        if isinstance(value, list) and len(value) == 2 and value[0] in NORMALIZATIONS:
            raise Problem(key, f"a factor is written {{{value[0]}: {value[1]}}}, not {value!r}")
        if isinstance(value, dict):
            if len(value) != 1:
                raise Problem(key, f"must be one of {', '.join(NORMALIZATIONS)} or {{one of them: factor}}")
            ((value, number),) = value.items()
            factor = build(Annotated[float, Above(0)], number, join(key, str(value)))
        return cls(build(Literal[NORMALIZATIONS], "none" if value is None else value, key), factor)

    def plain(self) -> Any:
        """The value that `parse` reads back."""
        return self.kind if self.factor is None else {self.kind: self.factor}
