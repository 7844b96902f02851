"""Inputs as families of networks get them, and the masks that tell which of their rows are there."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from dlscan.config import Model, Normalization, mask_name, network_name
from dlscan.config.families import Branches, Siamese
from dlscan.config.families.parts import Shaped
from dlscan.config.inputs import Input
from dlscan.dataset import Manifest, taken
from dlscan.models.backend import keras
from dlscan.models.normalize import normalize
from dlscan.models.points import points


class Inputs(dict[str, Any]):
    """Scaled inputs by the network's names, (B, ...) each.

    Parameters
    ----------
    tensors : mapping of str to KerasTensor
        The inputs. Rows that are missing hold zeros.
    masks : mapping of str to KerasTensor, (B, T) of bool each
        Of the inputs (B, T, F) whose events may have fewer rows: true where there is one.
    shares : mapping of str to KerasTensor, (B, T) of float32 each
        For a family that weighs rows by a feature, `energy_weighted`: the share of each in its sum, of raw
        values.
    own_names : mapping of str to str
        What tensors are called in `flat` that other networks have too, but made in another way.

    Attributes
    ----------
    masks, shares, own_names : dict
        As given.
    """

    def __init__(
        self,
        tensors: Mapping[str, Any],
        masks: Mapping[str, Any] = MappingProxyType({}),
        shares: Mapping[str, Any] = MappingProxyType({}),
        own_names: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(tensors)
        self.masks, self.shares, self.own_names = dict(masks), dict(shares), dict(own_names)
        for tensor in (*self.values(), *self.shares.values()):
            # as in `Network`: a family may build networks on them before
            tensor._sparse = False

    def only(self, names: Collection[str]) -> "Inputs":
        """Some of them, with what belongs to them."""
        tensors, masks, shares = (
            {name: part[name] for name in part if name in names} for part in (self, self.masks, self.shares)
        )
        return Inputs(tensors, masks, shares, self.own_names)

    def replaced(self, flat: Mapping[str, Any]) -> "Inputs":
        """Other tensors under the names of `flat`."""
        return Inputs(
            {name: flat[self._called(name)] for name in self},
            {name: flat[mask_name(name)] for name in self.masks},
            {name: flat[self._called(_shares_name(name))] for name in self.shares},
            self.own_names,
        )

    @property
    def flat(self) -> dict[str, Any]:
        """All tensors by the names that a network has for them; the same name means the same values."""
        tensors = {self._called(name): tensor for name, tensor in self.items()}
        masks = {mask_name(name): mask for name, mask in self.masks.items()}
        shares = {self._called(_shares_name(name)): share for name, share in self.shares.items()}
        return {**tensors, **masks, **shares}

    def _called(self, name: str) -> str:
        return self.own_names.get(name, name)

    @classmethod
    def symbolic(cls, model: Model, shaped: Mapping[str, Shaped]) -> "Inputs":
        """Inputs to build a network on that takes scaled ones, to look at."""
        return cls(
            {name: keras.Input(own.shape, name=name) for name, own in shaped.items()},
            {name: keras.Input(own.shape[:1], dtype="bool") for name, own in shaped.items() if own.masked},
            {
                name: keras.Input(own.shape[:1])
                for name, own in shaped.items()
                if weighed_by(model, name) is not None and len(own.shape) == 2
            },
        )


def _shares_name(name: str) -> str:
    return f"{name}-shares"  # no name of an input has a hyphen


def weighed_by(model: Model, name: str) -> int | None:
    """The feature that a network weighs the rows of an input by, if its family does."""
    parameters = model.parameters
    if isinstance(parameters, Branches):
        own = {network_name(branch): nested.parameters for branch, nested in parameters.branches.items()}
        parameters = own.get(network_name(name))
    return getattr(parameters, "energy_weighted", None)


def scaled_inputs(
    model: Model,
    manifest: Manifest,
    normalizations: Mapping[str, Normalization],
    inputs: Mapping[str, Input] | None = None,
) -> tuple[dict[str, Any], Inputs]:
    """What a network takes, and what its family gets of it.

    Parameters
    ----------
    model : Model
        Says which inputs it takes.
    manifest : Manifest
        Of the dataset: shapes and statistics.
    normalizations : mapping of str to Normalization
        For each input; `standard` where it is silent.
    inputs : mapping of str to Input, optional
        See `taken`.

    Returns
    -------
    raw : dict of str to KerasTensor
        Raw events by the network's names: float32 (B, *shape), and masks, bool (B, T).
    scaled : Inputs
    """
    raw: dict[str, Any] = {}

    def given(name: str, shape: tuple[int, ...], dtype: str = "float32") -> Any:
        if name not in raw:
            raw[name] = keras.Input(shape, name=name, dtype=dtype)
        return raw[name]

    tensors, masks, shares, own_names, scale = {}, {}, {}, dict[str, str](), ""
    for name, shaped in taken(model, manifest.inputs, inputs).items():
        own, view = network_name(name), (inputs or {}).get(name, Input())
        feature = weighed_by(model, name)
        stored = name if view.view is None else str(view.dataset)
        # one network for two inputs has to find both on one scale
        scale = scale if scale and isinstance(model.parameters, Siamese) else stored
        if scale != stored:
            own_names[own] = f"{own}-as-{network_name(scale)}"
        how = normalizations.get(scale, Normalization())
        if manifest.left_out and how.is_measured:
            # networks of a pack may be trained on other folds
            folds = "-".join(map(str, manifest.left_out))
            own_names[own] = f"{own_names.get(own, own)}-without-{folds}"
        tensor = given(network_name(stored), manifest.inputs[stored].shape)
        measured = manifest.statistics[scale]
        if view.view is not None:
            tensors[own], masks[own] = points(tensor, normalize(tensor, how, measured), shaped.shape[0])
            tensor = tensor if feature is None else points(tensor, tensor, shaped.shape[0])[0]
        else:
            if shaped.masked:
                masks[own] = given(mask_name(name), shaped.shape[:1], "bool")
            tensors[own] = normalize(tensor, how, measured, masks.get(own))
        if feature is not None and len(shaped.shape) == 2:
            shares[own] = _shares(tensor, feature, masks.get(own))
            own_names[_shares_name(own)] = f"{_shares_name(own)}-{feature}"
    scaled = Inputs(tensors, masks, shares, own_names)
    own_inputs = {id(tensor) for tensor in raw.values()}
    if {id(tensor) in own_inputs for tensor in scaled.flat.values()} == {True, False}:
        # Keras cannot save a network of which another begins at some of its inputs and behind others
        for part, end in ((tensors, "given"), (masks, "mask")):
            for name, tensor in part.items():
                if id(tensor) in own_inputs:
                    part[name] = keras.layers.Identity(name=f"{name}-{end}")(tensor)
        scaled = Inputs(tensors, masks, shares, own_names)
    return raw, scaled


def _shares(rows: Any, feature: int, mask: Any) -> Any:
    """The share of each row, (B, T), in the sum of a feature of raw rows (B, T, F); of nothing it is 0."""
    ops, values = keras.ops, rows[..., feature]
    if mask is not None:
        values = ops.where(mask, values, 0.0)
    total = ops.sum(values, axis=1, keepdims=True)
    return values / ops.where(ops.equal(total, 0.0), 1.0, total)
