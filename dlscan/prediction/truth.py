"""What is known of events to which models are applied."""

import dataclasses

from dlscan.prepare.new_files import NewFiles
from dlscan.tasks import Task


@dataclasses.dataclass(frozen=True)
class Truth:
    """What is known of the events.

    Attributes
    ----------
    labels : bool
        Whether their classes are known.
    targets : bool
        Whether there is what a regression learns.
    weights : str or None
        The extra that weighs them.
    weighed : bool
        Whether it is known what they weigh.
    measurable : bool
        Whether all of it is known that the task is measured by.
    unmeasured : str
        Why they are not measured although it is known what they are; else empty.
    """

    labels: bool
    targets: bool
    weights: str | None
    weighed: bool
    measurable: bool
    unmeasured: str

    @classmethod
    def of(cls, task: Task, weights: str | None, found: NewFiles) -> "Truth":
        """What files have of it."""
        targets = bool(task.extras) and set(task.extras) <= set(found.extras)
        by_class = not {"classify", "reconstruct"}.isdisjoint(task.kinds)
        known = (found.known or not by_class) and (targets or not task.extras)
        if weights is None or weights in found.extras:
            return cls(found.known, targets, weights, True, known, "")
        reason = f"no metrics: data.weights is {weights}, which these files do not all have"
        return cls(found.known, targets, None, False, False, reason if known else "")
