"""The parameters of the family `branches`: a network per input, merged."""

import dataclasses
from collections.abc import Collection
from typing import Annotated, Literal

from dlscan.config.build import Below, Min
from dlscan.config.families.nested import Nested
from dlscan.config.families.parts import Activation, Initializer, Shapes, Widths
from dlscan.config.inputs import network_name


@dataclasses.dataclass(frozen=True)
class Branches:
    """A family of its own for each input, and dense layers behind the place where these meet.

    Inputs of one axis or none may go without a branch: they join in front of `head`.

    Attributes
    ----------
    branches : dict of str to Model
        By the name of the input: a family and its parameters, as of a network that takes this input alone.
    merge : {"concatenate", "add", "attention"}
        How the features of the branches become one. For `add` and `attention` a dense layer makes those as
        wide as the widest that are not; `attention` adds them with weights that are learned and depend on the
        event (arXiv:1802.04712).
    head : tuple of int
        Widths of the dense layers behind.
    activation, dropout, batch_norm, initializer
        Of these layers, as in `dense`.
    """

    branches: dict[str, Nested] = dataclasses.field(default_factory=dict)
    merge: Literal["concatenate", "add", "attention"] = "concatenate"
    head: Widths = (128,)
    activation: Activation = "relu"
    dropout: Annotated[float, Min(0), Below(1)] = 0.0
    batch_norm: bool = False
    initializer: Initializer = "glorot"

    def __hash__(self) -> int:
        return hash((tuple(self.branches.items()), self.merge, self.head))

    def why_not_inputs(self, inputs: Shapes, masked: Collection[str] = ()) -> str | None:
        """Why a network cannot take inputs of these shapes; None if it can."""
        known = {network_name(name): name for name in inputs}
        branches = {network_name(name): model for name, model in self.branches.items()}
        for name in self.branches:
            if network_name(name) not in known:
                return f"has one for {name}, which is none of its inputs: {', '.join(inputs)}"
        for name, model in branches.items():
            if reason := model.why_not_inputs({known[name]: inputs[known[name]]}, masked):
                return f"has one for {known[name]} that cannot be: {reason}"
        for name, own in known.items():
            if name not in branches and len(inputs[own]) > 1:
                shape = " x ".join(map(str, inputs[own]))
                return (
                    f"has none for {own} ({shape}); only inputs of one axis go without: give it one in "
                    "model.branches, or leave it out with model.inputs"
                )
        return None
