"""The `model` section: a family of networks and its parameters, apart from Keras.

A family is a dataclass in `dlscan.config.families`, or a function in a file of the user, `./nets.py:mine`,
whose parameters are read from its text.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.config.build import Collected, Problem, build_fields, join, keys, plain, require_mapping, unknown
from dlscan.config.families import FAMILIES, Dense, NetworkSize
from dlscan.config.losses import Loss
from dlscan.config.signature import parameters
from dlscan.config.source import InFile, in_file, is_in_file

__all__ = ["FAMILIES", "Dense", "Model", "NetworkSize"]


def trainer_of(family: object) -> str:
    """What trains a family: "networks", or what its class says."""
    return str(getattr(FAMILIES.get(str(family)), "trainer", "networks"))


def epochs_key(family: object) -> str:
    """The key that says how many epochs a family is trained at most."""
    return "model.trees" if trainer_of(family) == "trees" else "train.epochs"


@dataclasses.dataclass(frozen=True)
class Model:
    """A network: its family and that family's parameters."""

    family: str = "dense"
    parameters: Any = Dense()

    @classmethod
    def parse(cls, value: Any, key: str) -> "Model":
        """Read `{family: dense, width: 64, ...}`."""
        mapping = dict(require_mapping(value, key))
        family = mapping.pop("family", "dense")
        if is_in_file(family):
            family = in_file(family, join(key, "family"))
            rule = parameters(family, join(key, "family"))
        elif isinstance(family, str) and family in FAMILIES:
            rule = FAMILIES[family]
        else:
            known = f"{', '.join(FAMILIES)}, or a function in a file such as ./nets.py:mine"
            raise Problem(join(key, "family"), f"must be one of {known}, got {family!r}")
        found, names = Collected(), keys(rule)
        for name in mapping:
            if name not in names:
                found.problems.append(unknown(name, ["family", *names], key))
        with found.collecting():
            known_items = {name: item for name, item in mapping.items() if name in names}
            built = build_fields(rule, known_items, key)
        found.settle()
        return cls(family, built)

    @staticmethod
    def decided_by(name: str) -> str:
        """The key that decides whether there is the key `name`."""
        return "family"

    @staticmethod
    def applies(name: str, family: Any) -> bool:
        """Whether a family has the key `name`; families that nobody knows are refused elsewhere."""
        rule = _rule(family)
        return rule is None or name == "family" or name in keys(rule)

    def size(self, inputs: Sequence[tuple[int, ...]], outputs: int) -> NetworkSize | None:
        """What the network takes, where its family has a formula for that, see `dlscan.scan.sizes`.

        Boosted trees are no network, and take nothing of what networks take.

        Parameters
        ----------
        inputs : sequence of tuple of int
            The shape of each input of an event.
        outputs : int
            Numbers that the network gives for an event.
        """
        if self.trainer != "networks":
            return NetworkSize(0, 0, 0)
        formula = getattr(FAMILIES.get(self.family), "size", None)
        size: NetworkSize | None = None if formula is None else formula(self.parameters, inputs, outputs)
        return size

    @property
    def trainer(self) -> str:
        """What trains it, see `dlscan.train.trainer`."""
        return trainer_of(self.family)

    def epochs(self, asked: int) -> int:
        """How many epochs a training has at most where `train.epochs` asks for so many."""
        own: int = self.parameters.trees if epochs_key(self.family) == "model.trees" else asked
        return own

    def why_not(self, kinds: Sequence[str], loss: Loss) -> str | None:
        """Why a family cannot learn tasks of these kinds, or not with this loss; None if it can."""
        losses = getattr(FAMILIES.get(str(self.family)), "losses", None)
        if losses is None:
            return None
        if len(kinds) > 1:
            return f"{self.family} learns one task, and task lists {' and '.join(kinds)}"
        wanted = loss.of(kinds[0])
        if wanted in losses[kinds[0]]:
            return None
        known = ", ".join("{quantile: 0.9}" if name == "quantile" else name for name in losses[kinds[0]])
        return f"{self.family} minimises {known} in the task {kinds[0]}, and train.loss is {loss}"

    def why_not_inputs(self, inputs: Mapping[str, tuple[int, ...]]) -> str | None:
        """Why a family cannot take inputs of these shapes of an event; None if it can."""
        refusal = getattr(self.parameters, "why_not_inputs", None)
        reason = refusal(inputs) if refusal else None
        return f"{self.family} {reason}" if reason else None

    def reads(self, key: str) -> bool:
        """Whether a dotted key of `data` or `train` that points may differ in matters to this family."""
        section, _, rest = key.partition(".")
        own = getattr(FAMILIES.get(str(self.family)), "reads", {}).get(section)
        return own is None or rest.split(".")[0] in own

    def plain(self) -> dict[str, Any]:
        """The mapping that `parse` reads back."""
        return {"family": str(self.family), **plain(self.parameters)}


def _rule(family: Any) -> type | None:
    """The parameters of a family; None if there is none, or its file is wrong, which is said elsewhere."""
    try:
        return parameters(family, "") if isinstance(family, InFile) else FAMILIES.get(family)
    except Problem:
        return None
