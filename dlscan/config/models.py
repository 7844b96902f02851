"""The `model` section: a family of networks and its parameters, apart from Keras.

A family is a dataclass in `dlscan.config.families`, or a function in a file of the user, `./nets.py:mine`,
whose parameters are read from its text.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from dlscan.config.build import (
    Collected,
    Problem,
    build,
    build_fields,
    join,
    keys,
    plain,
    require_mapping,
    unknown,
)
from dlscan.config.families import FAMILIES, Dense, NetworkSize, Vae
from dlscan.config.families.nested import BY_NAME, SINGLE, Nested, place_of, read_by, with_family
from dlscan.config.inputs import Input
from dlscan.config.losses import Loss
from dlscan.config.pretrained import Pretrained
from dlscan.config.signature import parameters
from dlscan.config.source import InFile, functions_in, in_file, is_in_file
from dlscan.spelling import hint, near_miss

# What families learn that do not say it.
_TASKS = ("classify", "regress")
# Keys of every family; boosted trees have no weights to begin with.
_EVERY = ("family", "inputs", "pretrained")

__all__ = ["FAMILIES", "Dense", "Model", "NetworkSize"]


def trainer_of(family: object) -> str:
    """What trains a family: "networks", or what its class says."""
    return str(getattr(FAMILIES.get(str(family)), "trainer", "networks"))


def is_variational(family: object) -> bool:
    """Whether a family is that of variational autoencoders, which have curves and numbers of their own."""
    return issubclass(FAMILIES.get(str(family), object), Vae)


def epochs_key(family: object) -> str:
    """The key that says how many epochs a family is trained at most."""
    return "model.trees" if trainer_of(family) == "trees" else "train.epochs"


@dataclasses.dataclass(frozen=True)
class Model(Nested):
    """A network: its family, that family's parameters, which inputs it takes, and where it begins.

    By default it takes all inputs of the dataset, and begins with random weights.
    """

    family: str = "dense"
    parameters: Any = Dense()
    inputs: tuple[str, ...] | None = None
    pretrained: Pretrained | None = None

    @classmethod
    def parse(cls, value: Any, key: str) -> "Model":
        """Read `{family: dense, inputs: [ECAL], width: 64, ...}`."""
        mapping = with_family(require_mapping(value, key))
        family, inputs = mapping.pop("family", "dense"), mapping.pop("inputs", None)
        pretrained = mapping.pop("pretrained", None)
        if is_in_file(family):
            family = in_file(family, join(key, "family"))
            rule = parameters(family, join(key, "family"))
        elif isinstance(family, str) and family in FAMILIES:
            rule = FAMILIES[family]
        else:
            near = near_miss(family, FAMILIES)
            known = f"{', '.join(FAMILIES)}, or a function in a file such as ./nets.py:mine"
            meant = f"; did you mean {near!r}?" if near else ""
            raise Problem(join(key, "family"), f"must be one of {known}, got {family!r}{meant}")
        found, names = Collected(), keys(rule)
        for name in mapping:
            if name not in names:
                found.problems.append(unknown(name, [*_EVERY, *names], key))
        with found.collecting():
            known_items = {name: item for name, item in mapping.items() if name in names}
            built = build_fields(rule, known_items, key)
        with found.collecting():
            inputs = None if inputs is None else _inputs(inputs, join(key, "inputs"))
        with found.collecting():
            pretrained = None if pretrained is None else _pretrained(pretrained, family, key)
        found.settle()
        return cls(family, built, inputs, pretrained)

    @staticmethod
    def decided_by(name: str) -> str:
        """The key that decides whether there is the key `name`."""
        return "family"

    @staticmethod
    def applies(name: str, family: Any) -> bool:
        """Whether a family has the key `name`; families that nobody knows are refused elsewhere."""
        rule = _rule(family)
        if name == "pretrained" and trainer_of(family) != "networks":
            return False
        return rule is None or name in _EVERY or name in keys(rule)

    def has(self, name: str) -> bool:
        """Whether it has the dotted key `name`, of itself or of a network within it."""
        within, own = place_of(name)
        if not within:
            return self.applies(name.split(".")[0], self.family)
        kind, _, branch = within.partition(".")
        nested = getattr(self.parameters, kind, None)
        part = nested.get(branch) if branch and isinstance(nested, Mapping) else nested
        return isinstance(part, Model) and part.has(own)

    @property
    def functions(self) -> list[InFile]:
        """The functions in files that it has, of networks within it too."""
        nested = [getattr(self.parameters, name, None) for name in (BY_NAME, SINGLE)]
        parts = [part for each in nested for part in (each.values() if isinstance(each, Mapping) else [each])]
        own = functions_in([self.family, *vars(self.parameters).values()])
        return [*own, *(found for part in parts if isinstance(part, Model) for found in part.functions)]

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

    @property
    def is_variational(self) -> bool:
        """Whether it is a variational autoencoder."""
        return is_variational(self.family)

    def epochs(self, asked: int) -> int:
        """How many epochs a training has at most where `train.epochs` asks for so many."""
        own: int = self.parameters.trees if epochs_key(self.family) == "model.trees" else asked
        return own

    def why_not(self, kinds: Sequence[str], loss: Loss) -> str | None:
        """Why a family cannot learn tasks of these kinds, or not with this loss; None if it can."""
        rule = FAMILIES.get(str(self.family))
        able = getattr(rule, "tasks", _TASKS)
        if wrong := next((kind for kind in kinds if kind not in able), None):
            others = [name for name, own in FAMILIES.items() if wrong in getattr(own, "tasks", _TASKS)]
            return f"{self.family} cannot learn the task {wrong}; choose one of {', '.join(others)}"
        losses = getattr(rule, "losses", None)
        if losses is None:
            return None
        if len(kinds) > 1:
            return f"{self.family} learns one task, and task lists {' and '.join(kinds)}"
        if kinds[0] not in losses:
            return None
        if loss == Loss() or loss.of(kinds[0]) in losses[kinds[0]]:
            return None
        known = ", ".join("{quantile: 0.9}" if name == "quantile" else name for name in losses[kinds[0]])
        return f"{self.family} minimises {known} in the task {kinds[0]}, and train.loss is {loss}"

    def minimises(self, kind: str, loss: Loss) -> str:
        """The name of what a family minimises in a task of this kind: its first where `loss` is `auto`."""
        losses = getattr(FAMILIES.get(str(self.family)), "losses", {})
        return str(losses[kind][0]) if loss == Loss() and kind in losses else loss.of(kind)

    def why_not_inputs(
        self, inputs: Mapping[str, tuple[int, ...]], masked: Collection[str] = ()
    ) -> str | None:
        """Why a family cannot take inputs of these shapes of an event; None if it can.

        Parameters
        ----------
        inputs : mapping of str to tuple of int
            The shape of each.
        masked : collection of str
            Those that may have fewer rows.
        """
        refusal = getattr(self.parameters, "why_not_inputs", None)
        reason = refusal(inputs, masked) if refusal else None
        return f"{self.family} {reason}" if reason else None

    def reads(self, key: str) -> bool:
        """Whether a dotted key of `data` or `train` that points may differ in matters to this family."""
        section, _, rest = key.partition(".")
        own = getattr(FAMILIES.get(str(self.family)), "reads", {}).get(section)
        return own is None or rest.split(".")[0] in own

    @property
    def augments(self) -> bool:
        """Whether it is trained on augmented events: trees read each event once."""
        return self.reads("data.augment")

    def plain(self) -> dict[str, Any]:
        """The mapping that `parse` reads back."""
        own: dict[str, Any] = {} if self.inputs is None else {"inputs": list(self.inputs)}
        own |= {} if self.pretrained is None else {"pretrained": self.pretrained.plain()}
        return {"family": str(self.family), **own, **plain(self.parameters)}

    def takes(self, name: str) -> bool:
        """Whether it takes an input of the dataset."""
        return self.inputs is None or name in self.inputs

    def require_inputs(self, inputs: Mapping[str, Input]) -> None:
        """Check that what it takes are inputs of the dataset.

        Parameters
        ----------
        inputs : mapping of str to Input
            What there is, `data.inputs`.

        Raises
        ------
        Problem
            If one is not; it names the nearest. If boosted trees would have to take what networks make.
        """
        for name in self.inputs or ():
            if name not in inputs:
                raise Problem("model.inputs", f"{name!r} is none of data.inputs; {hint(name, inputs)}")
        made = [name for name, own in inputs.items() if own.view is not None and self.takes(name)]
        if self.trainer == "trees" and made and (self.inputs or len(made) == len(inputs)):
            raise Problem(
                "model.inputs",
                f"{self.family} takes stored inputs only, and {made[0]} is made inside networks; choose "
                "other inputs",
            )


def _inputs(value: Any, key: str) -> tuple[str, ...]:
    """The names in a list of inputs, each once."""
    names: tuple[str, ...] = build(tuple[str, ...], [value] if isinstance(value, str) else value, key)
    if not names:
        raise Problem(key, "must name at least one of data.inputs")
    if twice := [name for name in names if names.count(name) > 1]:
        raise Problem(key, f"lists {twice[0]!r} twice")
    return names


def _pretrained(value: Any, family: str, key: str) -> Pretrained:
    where = join(key, "pretrained")
    if trainer_of(family) != "networks":
        raise Problem(where, f"is for networks, and {family} has no weights to begin with; remove it")
    return Pretrained.parse(value, where)


read_by(Model.parse)


def _rule(family: Any) -> type | None:
    """The parameters of a family; None if there is none, or its file is wrong, which is said elsewhere."""
    try:
        return parameters(family, "") if isinstance(family, InFile) else FAMILIES.get(family)
    except Problem:
        return None
