"""Who trains which family: networks are one trainer, boosted trees another.

A trainer is imported when it is needed, because each loads much.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from dlscan.train.info import Report, Stopped
from dlscan.train.interruption import Interruption
from dlscan.train.member import Member


class Trainer(Protocol):
    """Trains points of a job that have all in common that `dlscan.config.in_common` asks for."""

    def __call__(
        self, members: Sequence[Member[Any]], interruption: Interruption, report: Report, began: float
    ) -> Stopped | None:
        """Train members from their starts or checkpoints; at the end write models, scores and records.

        Parameters
        ----------
        members : sequence of Member
            The caller holds their claims.
        interruption : Interruption
            What may ask to stop.
        report : Report
            Whom to tell.
        began : float
            When the job began with these members, by `time.perf_counter`.

        Returns
        -------
        str or None
            Why training stopped before all that did not fail were done.
        """


def _networks() -> Trainer:
    from dlscan.train.fit import fit

    return fit


def _trees() -> Trainer:
    from dlscan.train.trees.fit import fit

    return fit


class Kind(NamedTuple):
    """A trainer.

    Attributes
    ----------
    load : callable
        Gives it.
    together : bool
        Whether the points of a job take their steps together, or one point after the other is trained.
    """

    load: Callable[[], Trainer]
    together: bool


# By `dlscan.config.Model.trainer`.
TRAINERS: Mapping[str, Kind] = {"networks": Kind(_networks, True), "trees": Kind(_trees, False)}
