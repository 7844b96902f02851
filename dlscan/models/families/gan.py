"""Generative adversarial networks: the layers of a generator and of a critic.

I. Goodfellow et al., "Generative Adversarial Networks", NIPS 27 (2014), arXiv:1406.2661; on calorimeter
images M. Paganini, L. de Oliveira, B. Nachman, "CaloGAN", Phys. Rev. D 97 (2018) 014021,
arXiv:1712.10321, and F. Carminati et al., "Three dimensional Generative Adversarial Networks for fast
simulation", J. Phys. Conf. Ser. 1085 (2018) 032016.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dlscan.config.families.gan import DENSE, Gan
from dlscan.models.backend import keras
from dlscan.models.layers import flat, random_name, started
from dlscan.models.seeds import layer_seed


def generated(
    parts: Sequence[Any], shapes: Mapping[str, tuple[int, ...]], parameters: Gan, seed: int
) -> dict[str, Any]:
    """The layers of a generator.

    Parameters
    ----------
    parts : sequence of KerasTensor, (B, ...)
        Noise, and what is known of the events.
    shapes : mapping of str to tuple of int
        Of each input of an event, by name.
    parameters : Gan
        Of the family.
    seed : int
        Of initial weights.

    Returns
    -------
    dict of str to KerasTensor, (B, *shape)
        Scaled inputs, any numbers.
    """
    layers = keras.layers
    tensor = layers.Concatenate(name="net-known")(parts) if len(parts) > 1 else parts[0]
    for number in range(1, parameters.depth + 1):
        tensor = _active(_dense(tensor, parameters.width, f"net-make_{number}", parameters, seed), parameters)
    made = {}
    for name, shape in shapes.items():
        if parameters.layers_of(shape) == DENSE:
            tensors = _dense(tensor, math.prod(shape), f"{name}-cells", parameters, seed, last=True)
            made[name] = layers.Reshape(shape, name=f"{name}-made")(tensors)
        else:
            made[name] = _unfolded(tensor, name, shape, parameters, seed)
    return made


def criticism(inputs: Mapping[str, Any], beside: Sequence[Any], parameters: Gan, seed: int) -> Any:
    """The layers of a critic: one number for each event, (B, 1).

    Parameters
    ----------
    inputs : mapping of str to KerasTensor, (B, ...)
        Scaled inputs.
    beside : sequence of KerasTensor, (B, F)
        What else it is shown.
    parameters, seed
        As for `generated`.
    """
    parts = [_folded(tensor, name, parameters, seed) for name, tensor in inputs.items()]
    parts += beside
    tensor = keras.layers.Concatenate(name="net-shown")(parts) if len(parts) > 1 else parts[0]
    for number in range(1, parameters.depth + 1):
        name = f"net-judge_{number}"
        tensor = _active(
            _checked(_layer(parameters.width, name, parameters, seed), parameters)(tensor), parameters
        )
    return _checked(_layer(1, "net-verdict", parameters, seed, last=True), parameters)(tensor)


def seed_norms(critic: Any, seed: int) -> None:
    """Let every spectral normalisation of a critic start from vectors that the seed decides."""
    for layer in critic.layers:
        if isinstance(layer, keras.layers.SpectralNormalization):
            own = layer_seed(seed, f"{random_name(layer.name)}.norm")
            layer.vector_u.assign(np.random.default_rng(own).normal(size=layer.vector_u.shape))


def _unfolded(tensor: Any, name: str, shape: tuple[int, ...], parameters: Gan, seed: int) -> Any:
    """An image, from a small one that doubles in each stage."""
    layers, axes, stages = keras.layers, len(shape), parameters.stages
    small = tuple(-(-length // 2**stages) for length in shape)
    filters = parameters.filters * 2 ** (stages - 1)
    tensor = _active(
        _dense(tensor, math.prod(small) * filters, f"{name}-small", parameters, seed), parameters
    )
    tensor = layers.Reshape((*small, filters), name=f"{name}-seed")(tensor)
    for stage in range(1, stages + 1):
        tensor = getattr(layers, f"UpSampling{axes}D")(2, name=f"{name}-double_{stage}")(tensor)
        last = stage == stages
        filters = 1 if last else parameters.filters * 2 ** (stages - 1 - stage)
        own = f"{name}-deconv_{stage}"
        convolution = getattr(layers, f"Conv{axes}D")(
            filters,
            parameters.kernel,
            padding="same",
            kernel_initializer=_started(own, parameters, seed, last),
            name=own,
        )
        tensor = convolution(tensor)
        tensor = tensor if last else _active(tensor, parameters)
    tensor = layers.Reshape(tuple(tensor.shape[1:-1]), name=f"{name}-one")(tensor)
    cut = tuple(slice(length) for length in shape)
    return tensor if tuple(tensor.shape[1:]) == shape else tensor[(slice(None), *cut)]


def _folded(tensor: Any, name: str, parameters: Gan, seed: int) -> Any:
    """Features (B, F) of an input."""
    shape = tuple(tensor.shape[1:])
    if parameters.layers_of(shape) == DENSE:
        return flat(tensor, name)
    layers, axes = keras.layers, len(shape)
    tensor = layers.Reshape((*shape, 1), name=f"{name}-image")(tensor)
    for stage in range(1, parameters.stages + 1):
        own = f"{name}-conv_{stage}"
        convolution = getattr(layers, f"Conv{axes}D")(
            parameters.filters * 2 ** (stage - 1),
            parameters.kernel,
            strides=2,
            padding="same",
            kernel_initializer=_started(own, parameters, seed),
            name=own,
        )
        tensor = _active(_checked(convolution, parameters)(tensor), parameters)
    return flat(tensor, name)


def _dense(tensor: Any, width: int, name: str, parameters: Gan, seed: int, last: bool = False) -> Any:
    return _layer(width, name, parameters, seed, last)(tensor)


def _layer(width: int, name: str, parameters: Gan, seed: int, last: bool = False) -> Any:
    return keras.layers.Dense(width, kernel_initializer=_started(name, parameters, seed, last), name=name)


def _started(name: str, parameters: Gan, seed: int, last: bool = False) -> Any:
    """What weights are drawn from; those of a last layer, which has no activation, always by Glorot."""
    if last:
        return keras.initializers.GlorotUniform(seed=layer_seed(seed, random_name(name)))
    return started(name, parameters, seed)


def _checked(layer: Any, parameters: Gan) -> Any:
    """A layer of the critic, its weights divided by their largest singular value if that is wanted."""
    if not parameters.spectral_norm:
        return layer
    return keras.layers.SpectralNormalization(layer, name=f"{layer.name}_norm")


def _active(tensor: Any, parameters: Gan) -> Any:
    made = tensor._keras_history.operation.name
    return keras.layers.Activation(parameters.activation, name=f"{made}_{parameters.activation}")(tensor)
