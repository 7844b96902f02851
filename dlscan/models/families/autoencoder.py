"""Autoencoders.

G. E. Hinton, R. R. Salakhutdinov, "Reducing the dimensionality of data with neural networks", Science 313
(2006) 504, doi 10.1126/science.1127647; with noise on the inputs P. Vincent et al., "Extracting and composing
robust features with denoising autoencoders", ICML 2008, doi 10.1145/1390156.1390294.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.config.families import Autoencoder
from dlscan.models.backend import keras
from dlscan.models.coded import Coded
from dlscan.models.convolutions import convolution, image
from dlscan.models.inputs import Inputs
from dlscan.models.layers import flat, hidden, random_name, shapes_of, space_of, started
from dlscan.models.seeds import layer_seed


def features(inputs: Inputs, parameters: Autoencoder, seed: int) -> Any:
    """The code (B, K) of events."""
    return code(encoded(inputs, parameters, seed), "net-code", parameters, seed)


def coded(inputs: Inputs, parameters: Autoencoder, seed: int) -> Coded:
    """Events by way of their codes."""
    found = features(inputs, parameters, seed)
    cells = decoder(shapes_of(inputs), parameters, seed)(found)
    return Coded({"code": found, "reconstruction": cells}, cells, {})


def encoded(inputs: Inputs, parameters: Autoencoder, seed: int, known: Sequence[Any] = ()) -> Any:
    """What the code is made from, (B, features): inputs, and what else is `known` of events, (B, F) each."""
    parts = []
    for name, tensor in inputs.items():
        if parameters.convolves(tuple(tensor.shape[1:])):
            tensor = image(tensor, name, parameters.channels)
            for stage in range(parameters.stages):
                filters = parameters.filters * 2**stage
                tensor = convolution(
                    tensor, filters, parameters.kernel, f"{name}-conv_{stage + 1}", parameters, seed, 2
                )
        parts.append(flat(tensor, name))
    parts += known
    tensor = keras.layers.Concatenate(name="net-joined")(parts) if len(parts) > 1 else parts[0]
    for number in range(1, parameters.depth + 1):
        tensor = hidden(tensor, parameters.width, f"net-encoded_{number}", parameters, seed)
    return tensor


def code(tensor: Any, name: str, parameters: Autoencoder, seed: int) -> Any:
    """A linear layer of as many numbers as the code has, in float32."""
    return _linear(tensor, parameters.code, name, seed)


def decoder(shapes: Mapping[str, tuple[int, ...]], parameters: Autoencoder, seed: int, known: int = 0) -> Any:
    """The network from a code (B, K) to all cells of inputs of these shapes (B, F), one behind the other.

    The code has so many numbers behind it that are known of the event.
    """
    given = tensor = keras.Input((parameters.code + known,), name="code")
    for number in range(1, parameters.depth + 1):
        tensor = hidden(tensor, parameters.width, f"net-decoded_{number}", parameters, seed)
    parts = []
    for name, shape in shapes.items():
        if parameters.convolves(shape):
            parts.append(_image_of(tensor, name, shape, parameters, seed))
        else:
            parts.append(_linear(tensor, math.prod(shape), f"{name}-cells", seed))
    made = keras.layers.Concatenate(name="net-cells", dtype="float32")(parts) if len(parts) > 1 else parts[0]
    return keras.Model(given, made, name="net-decoder")


def _image_of(tensor: Any, name: str, shape: tuple[int, ...], parameters: Autoencoder, seed: int) -> Any:
    """The cells of an image (B, cells) from features: its stages the other way round."""
    layers = keras.layers
    space, channels = (shape[:-1], shape[-1]) if _has_channels(shape, parameters) else (shape, 1)
    spaces = [space]
    for _ in range(parameters.stages):
        spaces.append(tuple(-(-length // 2) for length in spaces[-1]))
    filters = parameters.filters * 2 ** (parameters.stages - 1)
    tensor = hidden(tensor, math.prod(spaces[-1]) * filters, f"{name}-start", parameters, seed)
    tensor = layers.Reshape((*spaces[-1], filters), name=f"{name}-small")(tensor)
    for stage in reversed(range(parameters.stages)):
        tensor = _larger(tensor, spaces[stage], f"{name}-larger_{stage + 1}")
        if stage:
            filters = parameters.filters * 2 ** (stage - 1)
            layer = f"{name}-back_{stage + 1}"
            tensor = convolution(tensor, filters, parameters.kernel, layer, parameters, seed)
    last = getattr(layers, f"Conv{len(space)}D")(
        channels,
        parameters.kernel,
        padding="same",
        kernel_initializer=started(f"{name}-cells", parameters, seed),
        dtype="float32",
        name=f"{name}-cells",
    )
    return layers.Flatten(name=f"{name}-flat", dtype="float32")(last(tensor))


def _has_channels(shape: tuple[int, ...], parameters: Autoencoder) -> bool:
    return parameters.channels == "last" and len(shape) > 1


def _larger(tensor: Any, space: tuple[int, ...], name: str) -> Any:
    """An image of twice the size along each axis, without what is beyond `space`."""
    times = tuple(min(2, length) for length in space)
    kind = len(space)
    factor = times[0] if kind == 1 else times
    tensor = getattr(keras.layers, f"UpSampling{kind}D")(factor, name=name)(tensor)
    beyond = [own - length for own, length in zip(space_of(tensor), space, strict=True)]
    if not any(beyond):
        return tensor
    cut = [(0, length) for length in beyond]
    layer = getattr(keras.layers, f"Cropping{kind}D")
    return layer(cut[0] if kind == 1 else cut, name=f"{name}_cut")(tensor)


def _linear(tensor: Any, numbers: int, name: str, seed: int) -> Any:
    start = keras.initializers.GlorotUniform(seed=layer_seed(seed, random_name(name)))
    layer = keras.layers.Dense(numbers, kernel_initializer=start, dtype="float32", name=name)
    return layer(tensor)
