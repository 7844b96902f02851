"""What is known of events to which models are applied."""

import dataclasses

from dlscan.prepare.new_files import NewFiles
from dlscan.tasks import Task


@dataclasses.dataclass(frozen=True)
class Truth:
    """What is known of the events.

    Attributes
    ----------
    known : bool
        Their classes, and what else the task learns.
    weights : str or None
        The extra that weighs them.
    weighed : bool
        Whether it is known what they weigh.
    unmeasured : str
        Why they are not measured although they are known; else empty.
    """

    known: bool
    weights: str | None
    weighed: bool
    unmeasured: str

    @classmethod
    def of(cls, task: Task, weights: str | None, found: NewFiles) -> "Truth":
        """What files have of it."""
        known = found.known and set(task.extras) <= set(found.extras)
        if weights is None or weights in found.extras:
            return cls(known, weights, True, "")
        reason = f"no metrics: data.weights is {weights}, which these files do not all have"
        return cls(known, None, False, reason if known else "")
