"""Networks within a network: their own family and its parameters, below a key of another family."""

import abc
from collections.abc import Callable, Collection, Mapping
from typing import Any

from dlscan.config.build import Problem, join
from dlscan.config.families.parts import Shapes

__all__ = ["BY_NAME", "SINGLE", "Nested", "leaves", "place_of", "read_by", "with_family"]

# Keys of families that hold others: by name below `branches`, or one.
BY_NAME, SINGLE = "branches", "body"
# The families that have them.
_NESTING = ("branches", "siamese")


class Nested(abc.ABC):
    """A value `{family: resnet, depth: 2}` below a key of `model`: what families may ask of it.

    It becomes a `Model`, whose file stands above those of the families: see `read_by`.
    """

    family: str
    parameters: Any
    inputs: tuple[str, ...] | None
    pretrained: Any

    @property
    @abc.abstractmethod
    def trainer(self) -> str:
        """What trains it."""

    @abc.abstractmethod
    def why_not_inputs(self, inputs: Shapes, masked: Collection[str] = ()) -> str | None:
        """Why a network cannot take inputs of these shapes; None if it can."""

    @classmethod
    def parse(cls, value: Any, key: str) -> "Nested":
        """Read it."""
        (read,) = _READ
        model = read(value, key)
        if model.trainer != "networks" or str(model.family) in _NESTING:
            raise Problem(join(key, "family"), f"{model.family} cannot be part of another network")
        for name in ("inputs", "pretrained"):
            if getattr(model, name) is not None:
                raise Problem(join(key, name), f"is for the whole network; write it as model.{name}")
        return model


_READ: list[Callable[[Any, str], Nested]] = []


def read_by(read: Callable[[Any, str], Nested]) -> None:
    """Let networks within networks be read by `Model.parse`."""
    _READ[:] = [read]


def place_of(key: str) -> tuple[str, str]:
    """The section that a dotted key of `model` belongs to, and its name there.

    `branches.ECAL.depth` is `depth` of `branches.ECAL`, `body.depth` is `depth` of `body`; any other key is
    one of the whole.
    """
    first, *rest = key.split(".")
    if first == BY_NAME and len(rest) > 1:
        return f"{first}.{rest[0]}", ".".join(rest[1:])
    if first == SINGLE and rest:
        return first, ".".join(rest)
    return "", key


def leaves(model: Mapping[str, Any]) -> dict[tuple[str, ...], Any]:
    """The keys of a `model` section by the way to each, those of networks within it one by one."""
    found: dict[tuple[str, ...], Any] = {}
    for name, value in model.items():
        if name == BY_NAME and _is_filled(value):
            nested: dict[tuple[str, ...], Any] = {(name, branch): own for branch, own in value.items()}
        else:
            nested = {(name,): value}
        for path, own in nested.items():
            if _is_filled(own) and (len(path) > 1 or name == SINGLE):
                found |= {(*path, key): item for key, item in own.items()}
            else:
                found[path] = own
    return found


def _is_filled(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value)


def with_family(model: Mapping[str, Any]) -> dict[str, Any]:
    """A `model` section that names its family: where there are branches, nobody needs to."""
    return {"family": BY_NAME, **model} if BY_NAME in model else dict(model)
