"""The `data.fraction` key: a share of the training events."""

import dataclasses
from typing import Annotated, Any

from dlscan.config.build import Above, Max, Min, build_fields

# The key of a point that says which share it is trained on.
FRACTION = "data.fraction"


@dataclasses.dataclass(frozen=True)
class Share:
    """A share of the training events of each class.

    Attributes
    ----------
    share : float
        At most 1, which is all of them. The events of a smaller share are among those of a larger one.
    seed : int
        Another seed chooses other events.
    """

    share: Annotated[float, Above(0), Max(1)]
    seed: Annotated[int, Min(0)] = 1

    @classmethod
    def parse(cls, value: Any, key: str) -> "Share":
        """Read `0.1` or `{share: 0.1, seed: 2}`."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        share: Share = build_fields(cls, {"share": value} if number else value, key)
        return share

    def plain(self) -> Any:
        """The value that `parse` reads back."""
        return self.share if self.seed == Share.seed else dict(vars(self))

    def of(self, events: int) -> int:
        """How many events of a class are chosen of so many: at least one."""
        return min(events, max(1, int(self.share * events + 0.5)))
