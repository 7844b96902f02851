"""What training is told of a point, and what it tells."""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal

from dlscan.config.source import Source
from dlscan.origins import Origin
from dlscan.record import PointPaths

Outcome = Literal["done", "paused", "preempted", "timeout", "held"]
# why a training ended before its end
Stopped = Literal["preempted", "timeout"]
Progress = Callable[[int, int, int], None]


@dataclasses.dataclass(frozen=True)
class Rungs:
    """Where the points of a scan pause, unless they are among the best.

    Attributes
    ----------
    epochs : tuple of int
        After so many epochs.
    promoted : callable
        Gives the numbers of the points that may train beyond the last of these that they have come to.
    waiting : callable
        Gives those of them that have paused there, for nobody else may train them on.
    racing : bool
        Whether points are compared event by event, so that the losses of events are kept.
    """

    epochs: tuple[int, ...]
    promoted: Callable[[], Collection[int]]
    waiting: Callable[[], "Sequence[tuple[PointPaths, PointInfo]]"]
    racing: bool = False


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
    dataset : str or None
        The `config_hash` of the dataset that the scan was planned for.
    git_commit : str or None
        Of the directory that holds the experiment file.
    order_seed : int or None
        Of the order of events, the same for all points of a scan; None takes the point's own seed.
    check : callable or None
        Called before the point is trained: raises a `DlscanError` if its file is not as planned.
    sources : mapping of str to Source
        The files with functions of the experiment, by their paths, as they were planned.
    rungs : Rungs or None
        Of the scan, the same for all of its points.
    origins : mapping of str to Origin
        The networks that points begin with, by `Pretrained.place`, as they were planned; what is missing is
        looked for.
    """

    number: int
    name: str
    scan: str
    varied: tuple[str, ...]
    dataset: str | None = None
    git_commit: str | None = None
    order_seed: int | None = None
    check: Callable[[], None] | None = dataclasses.field(default=None, compare=False)
    sources: Mapping[str, Source] = dataclasses.field(default_factory=dict, compare=False)
    rungs: Rungs | None = dataclasses.field(default=None, compare=False)
    origins: Mapping[str, Origin] = dataclasses.field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        return f"point {self.number} ({self.name})"


@dataclasses.dataclass(frozen=True)
class Report:
    """Whom to tell what becomes of members.

    Attributes
    ----------
    done : callable
        Called with a point whose record is written, and "done", or with one that has paused, and "paused".
    fail : callable
        Called with a point that cannot go on, and why; the others do.
    on_step : callable, optional
        Called after each training step with the epoch, from 1, the step, from 1, and the steps of an epoch.
    """

    done: Callable[[PointInfo, Outcome], None]
    fail: Callable[[PointInfo, Exception], None]
    on_step: Progress | None = None
