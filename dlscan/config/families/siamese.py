"""The parameters of the family `siamese`: one network for two inputs, and a distance."""

import dataclasses
from collections.abc import Collection
from typing import Annotated, Any, Literal

from dlscan.config.build import Below, Min
from dlscan.config.families.nested import Nested
from dlscan.config.families.parts import Activation, Initializer, Shapes, Widths


def _dense() -> Any:
    return Nested.parse({}, "model.body")


@dataclasses.dataclass(frozen=True)
class Siamese:
    """The same network, with the same weights, for two inputs of one shape, and how far its features differ.

    Attributes
    ----------
    body : Model
        The family and parameters of that network; by default `dense`.
    distance : {"absolute", "euclidean", "cosine"}
        What follows of the two features: the absolute difference of each, or one number, the Euclidean
        distance or the cosine of the angle between them.
    head : tuple of int
        Widths of dense layers behind.
    activation, dropout, batch_norm, initializer
        Of these layers, as in `dense`.
    """

    body: Nested = dataclasses.field(default_factory=_dense)
    distance: Literal["absolute", "euclidean", "cosine"] = "absolute"
    head: Widths = ()
    activation: Activation = "relu"
    dropout: Annotated[float, Min(0), Below(1)] = 0.0
    batch_norm: bool = False
    initializer: Initializer = "glorot"

    def why_not_inputs(self, inputs: Shapes, masked: Collection[str] = ()) -> str | None:
        """Why a network cannot take inputs of these shapes; None if it can."""
        if len(inputs) != 2 or len(set(inputs.values())) != 1:
            there = ", ".join(
                f"{name} ({' x '.join(map(str, shape)) or 1})" for name, shape in inputs.items()
            )
            return f"takes two inputs of one shape, and there are {there}; choose two with model.inputs"
        if 0 < len(masked) < 2:
            (other,) = (name for name in inputs if name not in masked)
            return (
                f"takes two inputs of one kind, and {next(iter(masked))} has a varying number of entries, "
                f"{other} has not; choose two with model.inputs"
            )
        if getattr(self.body.parameters, "energy_weighted", None) is not None:
            return "cannot have a body with model.body.energy_weighted; leave that out"
        pair = {"pair": next(iter(inputs.values()))}
        reason = self.body.why_not_inputs(pair, pair if masked else ())
        return f"has a body that cannot be: {reason}" if reason else None
