"""One number of each event, taken from a dataset that events carry along: `target[:,0,1]`, `jets.pt`."""

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from dlscan.config.build import Problem

if TYPE_CHECKING:
    # a command that only reads an experiment must not wait for it
    from numpy.typing import NDArray

_WRITTEN = re.compile(r"\s*([^\[\]]+?)\s*(?:\[\s*:\s*((?:,\s*-?\d+\s*)*)\])?\s*")


@dataclasses.dataclass(frozen=True)
class Selection:
    """A number per event.

    Attributes
    ----------
    extra : str
        The dataset, one of `data.extras`; `dataset.field` is a field of a compound one, `dataset.a.b` a field
        of a field. Where a dataset has that whole name, dots and all, it is that dataset.
    index : tuple of int
        Its place in the array of an event; empty where an event has one number.
    """

    extra: str
    index: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: object, key: str) -> "Selection":
        """Read `name`, `name.field` or `name[:,0,1]`, whose first axis is that of the events.

        Raises
        ------
        Problem
            If it is none of these.
        """
        found = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise Problem(
                key,
                "must be a dataset, with the place of one number per event, such as target[:,0,1], "
                f"got {text!r}",
            )
        numbers = re.findall(r"-?\d+", found[2] or "")
        return cls(found[1], tuple(map(int, numbers)))

    def __str__(self) -> str:
        return f"{self.extra}[{','.join([':', *map(str, self.index)])}]" if self.index else self.extra

    def of(self, array: "NDArray[Any]") -> "NDArray[Any]":
        """The numbers (B,) of events whose dataset is (B, ...)."""
        place: Any = (slice(None), *self.index)
        chosen: NDArray[Any] = array[place]
        return chosen.reshape(len(array))

    def why_not(self, shape: tuple[int, ...]) -> str | None:
        """Why this is not one number per event of a dataset with the shape `shape` per event, if so."""
        text = "x".join(map(str, shape))
        if len(self.index) > len(shape) or any(
            not -size <= place < size for place, size in zip(self.index, shape, strict=False)
        ):
            if not shape:
                return f"{self}: {self.extra} has one number per event; write {self.extra}"
            return f"{self}: there is no such place: an event of {self.extra} has the shape {text}"
        rest = shape[len(self.index) :]
        if any(size != 1 for size in rest):
            places = ",".join([":", *map(str, self.index), *("0" for _ in rest)])
            return (
                f"{self}: must be one number per event, but an event of {self.extra} has the shape {text}; "
                f"say which, as in {self.extra}[{places}]"
            )
        return None
