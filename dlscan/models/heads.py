"""The last layers of networks, one for each thing that a task wants to know."""

from typing import Any

from dlscan.models.backend import keras
from dlscan.models.seeds import layer_seed
from dlscan.tasks import Head, Standard

# What the logarithm of an uncertainty in standard units may be: beyond that one event decides all.
WIDEST = 10.0
# Beyond that the logarithm of a rate tells nothing, and its exponential is no number.
_MOST = 15.0


def within(logs: Any) -> Any:
    """Logarithms of rates, where they tell something."""
    return keras.ops.clip(logs, -_MOST, _MOST)


def rates(logs: Any) -> Any:
    """Positive numbers, of what a layer gives."""
    return keras.ops.exp(within(logs))


def scores(features: Any, classes: int, seed: int) -> tuple[Any, Any]:
    """A score per class.

    Parameters
    ----------
    features : KerasTensor, (B, features)
        Of the family.
    classes : int
        How many.
    seed : int
        Of the initial weights.

    Returns
    -------
    logits, scores : KerasTensor, (B, classes)
        The scores of an event add up to 1.
    """
    # the hyphen keeps names of layers apart from those of inputs, which have none
    start = keras.initializers.GlorotUniform(seed=layer_seed(seed, "net.output"))
    # scores of 1e-5 decide at high purity: less than float32 would make many of them equal
    logits = keras.layers.Dense(classes, kernel_initializer=start, dtype="float32", name="net-output")(
        features
    )
    return logits, keras.layers.Activation("softmax", dtype="float32", name="net-scores")(logits)


def predictions(features: Any, head: Head, standard: Standard, seed: int) -> tuple[Any, Any]:
    """Numbers in their own units.

    Parameters
    ----------
    features : KerasTensor, (B, features)
        Of the family.
    head : Head
        With T targets; twice as large where an uncertainty of each is predicted too.
    standard : Standard
        Of the targets, over the training split.
    seed : int
        Of the initial weights.

    Returns
    -------
    raw, predictions : KerasTensor, (B, T) or (B, 2 T)
        What losses see: numbers in standard units, and then the logarithms of uncertainties; or logarithms of
        rates, in units of their means. And the same in the units of the targets, without logarithms.
    """
    layers = keras.layers
    start = keras.initializers.GlorotUniform(seed=layer_seed(seed, "net.predictions"))
    raw = layers.Dense(head.size, kernel_initializer=start, dtype="float32", name="net-standardised")(
        features
    )
    if head.are_rates:
        unit = layers.Rescaling(list(standard.mean), dtype="float32", name="net-predictions")
        return raw, unit(rates(raw))
    count, spread = len(head.targets), list(standard.std)
    back = layers.Rescaling(spread, list(standard.mean), dtype="float32", name="net-predictions")
    if head.size == count:
        return raw, back(raw)
    # as the loss takes them
    logs = keras.ops.clip(raw[:, count:], -WIDEST, WIDEST)
    sigmas = layers.Rescaling(spread, dtype="float32", name="net-sigmas")(keras.ops.exp(logs))
    return raw, layers.Concatenate(dtype="float32", name="net-both")([back(raw[:, :count]), sigmas])
