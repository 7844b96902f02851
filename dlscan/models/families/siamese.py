"""One network with the same weights for two inputs, and how far its features differ.

J. Bromley, I. Guyon, Y. LeCun, E. Säckinger, R. Shah, "Signature verification using a 'Siamese' time delay
neural network", NIPS 6 (1993) 737; G. Koch, R. Zemel, R. Salakhutdinov, "Siamese neural networks for one-shot
image recognition", ICML Deep Learning Workshop (2015), whose distance is `absolute`.
"""

from typing import Any, cast

from dlscan.config import Model, Siamese, mask_name
from dlscan.models.backend import keras
from dlscan.models.families import features as features_of
from dlscan.models.inputs import Inputs
from dlscan.models.layers import headed
from dlscan.models.seeds import layer_seed

# What the network for both calls its input.
PAIR = "pair"
_SMALL = 1e-12


def features(inputs: Inputs, parameters: Siamese, seed: int) -> Any:
    """Build the network that both inputs go through, their distance, and the layers behind.

    Parameters
    ----------
    inputs : Inputs
        Two, scaled, (B, ...) each, of one shape.
    parameters : Siamese
        The family of the network, the distance, and the layers behind.
    seed : int
        Of initial weights and dropout.

    Returns
    -------
    KerasTensor, (B, features)
    """
    body = _body(inputs, parameters, seed)
    first, second = (_through(body, inputs, name) for name in inputs)
    return headed([_distance(first, second, parameters.distance)], parameters, seed)


def _body(inputs: Inputs, parameters: Siamese, seed: int) -> Any:
    """A network of one input, with a mask where the inputs have one."""
    tensor = next(iter(inputs.values()))
    masks = {}
    if inputs.masks:
        rows = tensor.shape[1:2]
        masks[PAIR] = keras.Input(rows, dtype="bool", name=mask_name(PAIR))
    given = Inputs({PAIR: keras.Input(tensor.shape[1:], name=PAIR, dtype="float32")}, masks)
    made = features_of(cast(Model, parameters.body), given, layer_seed(seed, "net.body"))
    return keras.Model(given.flat, made, name="net-body")


def _through(body: Any, inputs: Inputs, name: str) -> Any:
    given = {PAIR: inputs[name]}
    if name in inputs.masks:
        given[mask_name(PAIR)] = inputs.masks[name]
    # squares of small numbers need float32
    return keras.ops.cast(body(given), "float32")


def _distance(first: Any, second: Any, kind: str) -> Any:
    ops = keras.ops
    if kind == "absolute":
        return ops.abs(first - second)
    if kind == "euclidean":
        # the root of zero has no gradient
        return ops.sqrt(ops.sum(ops.square(first - second), axis=-1, keepdims=True) + _SMALL)
    lengths = ops.sum(ops.square(first), axis=-1, keepdims=True) * ops.sum(
        ops.square(second), axis=-1, keepdims=True
    )
    return ops.sum(first * second, axis=-1, keepdims=True) / ops.sqrt(lengths + _SMALL)
