"""Inputs as families of networks get them, and the masks that tell which of their rows are there."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from dlscan.config import Model, Normalization, mask_name, network_name
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

    Attributes
    ----------
    masks : dict of str to KerasTensor
        As given.
    """

    def __init__(self, tensors: Mapping[str, Any], masks: Mapping[str, Any] = MappingProxyType({})) -> None:
        super().__init__(tensors)
        self.masks = dict(masks)

    def only(self, names: Collection[str]) -> "Inputs":
        """Some of them, with their masks."""
        return Inputs(
            {name: tensor for name, tensor in self.items() if name in names},
            {name: mask for name, mask in self.masks.items() if name in names},
        )

    @property
    def flat(self) -> dict[str, Any]:
        """All tensors by the names that a network has for them, masks too."""
        return {**self, **{mask_name(name): mask for name, mask in self.masks.items()}}


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

    tensors, masks = {}, {}
    for name, shaped in taken(model, manifest.inputs, inputs).items():
        own, view = network_name(name), (inputs or {}).get(name, Input())
        stored = name if view.view is None else str(view.dataset)
        how = normalizations.get(stored, Normalization())
        tensor = given(network_name(stored), manifest.inputs[stored].shape)
        measured = manifest.statistics[stored]
        if view.view is not None:
            tensors[own], masks[own] = points(tensor, normalize(tensor, how, measured), shaped.shape[0])
            continue
        if shaped.masked:
            masks[own] = given(mask_name(name), shaped.shape[:1], "bool")
        tensors[own] = normalize(tensor, how, measured, masks.get(own))
    return raw, Inputs(tensors, masks)
