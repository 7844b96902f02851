"""What training is told of a point, and what it tells."""

import dataclasses
from collections.abc import Callable
from typing import Literal

Outcome = Literal["done", "preempted", "timeout"]
Progress = Callable[[int, int, int], None]


@dataclasses.dataclass(frozen=True)
class PointInfo:
    """What the plan knows of a point beside its configuration.

    Attributes
    ----------
    number : int
        From 1.
    name : str
        Its parameters, such as `width=64-depth=3`.
    scan : str
        Name of the scan.
    varied : tuple of str
        The parameters that the scan varies: `("model.width", "model.depth")`.
    """

    number: int
    name: str
    scan: str
    varied: tuple[str, ...]

    def __str__(self) -> str:
        return f"point {self.number} ({self.name})"
