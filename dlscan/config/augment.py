"""The `data.augment` key: what is done to training events, anew in each epoch."""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any

from dlscan.config.build import Above, Below, Min, Problem, build, join, plain, require_mapping
from dlscan.config.by_name import ByName
from dlscan.config.source import InFile, in_file, is_in_file
from dlscan.spelling import hint

Axis = Annotated[int, Min(0)]
Size = Annotated[float, Above(0)]
# what is drawn once for an event: inputs that have the same step move together
OF_EVENT = ("flip", "rotate", "shift")


@dataclasses.dataclass(frozen=True)
class Step:
    """One thing that is done to the events of an input.

    Attributes
    ----------
    kind : str
        One of `KINDS`, or "own" for a function in a file.
    value : object
        `flip` axes · `rotate` two axes · `shift` cells, for each axis or for all · `noise`, `smear` a size,
        or one for each of some fields · `drop` a share · `shuffle` None · `own` the function.
    """

    kind: str
    value: Any

    @classmethod
    def parse(cls, value: Any, key: str) -> "Step":
        """Read `{flip: [0, 1]}`, `shuffle` or `./aug.py:mine`."""
        if is_in_file(value):
            function = in_file(value, key)
            _require_two(function, key)
            return cls("own", function)
        if value == "shuffle":
            value = {"shuffle": None}
        forms = f"{', '.join(KINDS)}, or a function in a file such as ./aug.py:mine"
        if isinstance(value, str):
            raise Problem(key, f"must be one of {forms}, such as {{flip: [0, 1]}}, got {value!r}")
        mapping = require_mapping(value, key)
        if len(mapping) != 1:
            raise Problem(key, f"must be one step, such as {{flip: [0, 1]}}, got {value!r}")
        ((kind, own),) = mapping.items()
        if kind not in KINDS:
            raise Problem(key, f"must be one of {forms}, got {kind!r}; {hint(str(kind), KINDS)}")
        return cls(kind, KINDS[kind](own, join(key, kind)))

    def plain(self) -> Any:
        """The value that `parse` reads back."""
        if self.kind == "own":
            return str(self.value)
        return self.kind if self.value is None else {self.kind: plain(self.value)}

    @property
    def fills_zeros(self) -> bool:
        """Whether cells that were zero may no longer be."""
        return self.kind in ("noise", "own")

    @property
    def may_exceed(self) -> bool:
        """Whether values may leave the range that those of events have."""
        return self.kind in ("noise", "smear", "own")

    def shifts(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Of `shift`: cells along each axis, at most; one number is for every axis longer than 1."""
        if isinstance(self.value, tuple):
            return self.value
        return tuple(self.value if length > 1 else 0 for length in shape)

    def why_not(self, shape: Sequence[int], masked: bool, features: Collection[str]) -> str | None:
        """Why it cannot be done to an input; None if it can.

        Parameters
        ----------
        shape : sequence of int
            Of an event.
        masked : bool
            Whether events have a varying number of entries.
        features : collection of str
            What the numbers along its last axis are called, if they have names.
        """
        size = "x".join(map(str, shape))
        if masked and self.kind in OF_EVENT:
            return f"{self.kind} is for images, and this input has entries: drop, noise, shuffle, smear"
        if self.kind == "shuffle" and not masked:
            return f"shuffle is for inputs with entries, and this one has the shape {size}"
        if isinstance(self.value, Mapping):
            for name in self.value:
                if name not in features:
                    return f"{name!r} is no field of this input; {hint(name, features)}"
        if self.kind in ("flip", "rotate"):
            for axis in self.value:
                if axis >= len(shape):
                    return f"there is no axis {axis} in the shape {size}; axes are counted from 0"
        if self.kind == "rotate" and len({shape[axis] for axis in self.value}) > 1:
            first, second = self.value
            return f"axes {first} and {second} of the shape {size} are not equally long"
        if self.kind == "shift":
            if isinstance(self.value, tuple) and len(self.value) != len(shape):
                return f"lists {len(self.value)} numbers, and the shape {size} has {len(shape)} axes"
            for axis, (cells, length) in enumerate(zip(self.shifts(shape), shape, strict=True)):
                if cells >= length:
                    return f"{cells} cells would shift everything out of axis {axis} of the shape {size}"
        return None


class Augment(ByName[tuple[Step, ...]]):
    """The steps for each input, in their order. What is not there is not augmented."""

    def __init__(self, named: Mapping[str, Sequence[Step]] | None = None) -> None:
        super().__init__({name: tuple(steps) for name, steps in (named or {}).items() if steps})

    @classmethod
    def parse(cls, value: Any, key: str) -> "Augment":
        """Read `{ECAL: [{flip: [0, 1]}, {noise: 0.01}]}`; null is none."""
        built = {} if value is None else build(dict[str, tuple[Step, ...]], value, key)
        return cls(built)

    def plain(self) -> Any:
        """What `parse` reads back; None where nothing is augmented."""
        return {name: [step.plain() for step in steps] for name, steps in self.items()} or None


def _axes(value: Any, key: str) -> tuple[int, ...]:
    axes: tuple[int, ...] = build(tuple[Axis, ...], [value] if isinstance(value, int) else value, key)
    if not axes:
        raise Problem(key, "must name at least one axis, counted from 0")
    if len(set(axes)) < len(axes):
        raise Problem(key, f"names an axis twice: {list(axes)}")
    return axes


def _plane(value: Any, key: str) -> tuple[int, ...]:
    axes = _axes(value, key)
    if len(axes) != 2:
        raise Problem(key, f"must be two axes ([0, 1]), got {value!r}")
    return axes


def _cells(value: Any, key: str) -> int | tuple[int, ...]:
    if not isinstance(value, list | tuple):
        number: int = build(Annotated[int, Min(1)], value, key)
        return number
    cells: tuple[int, ...] = build(tuple[Axis, ...], value, key)
    if not any(cells):
        raise Problem(key, f"shifts nothing: {list(cells)}")
    return cells


def _sizes(value: Any, key: str) -> float | dict[str, float]:
    sizes: float | dict[str, float] = build(
        dict[str, Size] if isinstance(value, Mapping) else Size, value, key
    )
    if sizes == {}:
        raise Problem(key, "names no field")
    return sizes


def _share(value: Any, key: str) -> float:
    share: float = build(Annotated[float, Above(0), Below(1)], value, key)
    return share


def _nothing(value: Any, key: str) -> None:
    if value not in (None, True):
        raise Problem(key, f"takes no value; write shuffle, got {value!r}")


KINDS: dict[str, Callable[[Any, str], Any]] = {
    "flip": _axes,
    "rotate": _plane,
    "shift": _cells,
    "noise": _sizes,
    "smear": _sizes,
    "drop": _share,
    "shuffle": _nothing,
}


def _require_two(function: InFile, key: str) -> None:
    """Check that a function takes an event and its random numbers."""
    arguments = function.source.function(function.function, key).args
    positional = [*arguments.posonlyargs, *arguments.args]
    needed = len(positional) - len(arguments.defaults)
    keywords = any(default is None for default in arguments.kw_defaults)
    if keywords or not needed <= 2 <= (len(positional) if arguments.vararg is None else needed + 2):
        raise Problem(key, f"{function.short} must take two arguments: the event, and a numpy Generator")
