"""What an autoencoder gives: its events again, their codes, and how far it is off."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from dlscan.config import Model
from dlscan.errors import ConfigError
from dlscan.models.backend import keras
from dlscan.models.coded import Coded
from dlscan.models.heads import rates
from dlscan.models.inputs import Inputs
from dlscan.models.layers import shapes_of
from dlscan.models.seeds import layer_seed
from dlscan.tasks import Reconstruction

# From what a loss sees to scaled cells.
LINKS: Mapping[str, Callable[[Any], Any]] = {
    "mse": lambda raw: raw,
    "mae": lambda raw: raw,
    "cross_entropy": lambda raw: keras.ops.sigmoid(raw),
    "poisson": rates,
}


def reconstruction(
    model: Model, inputs: Inputs, task: Reconstruction, seed: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Build an autoencoder on its scaled inputs.

    Parameters
    ----------
    model : Model
        Its family and parameters.
    inputs : Inputs
        Scaled, (B, ...) each.
    task : Reconstruction
        How noisy its inputs are while it is trained, and what it minimises.
    seed : int
        Of initial weights, dropout and noise.

    Returns
    -------
    raw : dict of str to KerasTensor
        What losses see: `reconstruction` before its last step and `target`, (B, F) each with the cells of all
        inputs one behind the other, `code` (B, K), and what a family adds.
    final : dict of str to KerasTensor
        `reconstruction` (B, F) in scaled units, `code` (B, K), `error` (B, 1), the mean over the cells of the
        square of what the reconstruction is off, and what a family adds.

    Raises
    ------
    ConfigError
        If the family cannot take these inputs.
    """
    if reason := model.why_not_inputs(shapes_of(inputs), inputs.masks):
        raise ConfigError(reason)
    layers = keras.layers
    flats = [
        layers.Flatten(dtype="float32", name=f"{name}-target")(tensor) for name, tensor in inputs.items()
    ]
    target = layers.Concatenate(name="net-target", dtype="float32")(flats) if len(flats) > 1 else flats[0]
    coded = coded_by(model, _noisy(inputs, task.noise, seed), seed)
    made = LINKS[task.loss](coded.cells)
    error = keras.ops.mean(keras.ops.square(made - target), axis=-1, keepdims=True)
    final = {"reconstruction": made, "code": coded.raw["code"], "error": error, **coded.final}
    return {**coded.raw, "target": target}, final


def coded_by(model: Model, inputs: Inputs, seed: int) -> Coded:
    """What the family of an autoencoder makes of scaled inputs."""
    family = importlib.import_module(f"dlscan.models.families.{model.family}")
    coded: Coded = family.coded(inputs, model.parameters, seed)
    return coded


def _noisy(inputs: Inputs, noise: float, seed: int) -> Inputs:
    """The inputs with normal noise of this width on every cell, drawn anew in each step of training."""
    if not noise:
        return inputs
    return Inputs(
        {
            name: keras.layers.GaussianNoise(
                noise, seed=layer_seed(seed, f"{name}.noise"), dtype="float32", name=f"{name}-noise"
            )(tensor)
            for name, tensor in inputs.items()
        },
        inputs.masks,
        inputs.shares,
    )
