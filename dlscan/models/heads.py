"""The last layers of networks, one for each thing that a task wants to know."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from dlscan.models.backend import keras
from dlscan.models.seeds import layer_seed


class Standard(NamedTuple):
    """Mean and standard deviation of what a head predicts, one of each for every number.

    A standard deviation of 0 counts as 1.
    """

    mean: Sequence[float]
    std: Sequence[float]


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


def predictions(features: Any, standard: Standard, seed: int) -> tuple[Any, Any]:
    """Numbers in their own units.

    Parameters
    ----------
    features : KerasTensor, (B, features)
        Of the family.
    standard : Standard
        Of the numbers, over the training split.
    seed : int
        Of the initial weights.

    Returns
    -------
    standardised, predictions : KerasTensor, (B, numbers)
        What losses see, and the same in its units.
    """
    start = keras.initializers.GlorotUniform(seed=layer_seed(seed, "net.predictions"))
    raw = keras.layers.Dense(
        len(standard.mean), kernel_initializer=start, dtype="float32", name="net-standardised"
    )(features)
    spread = [float(std) or 1.0 for std in standard.std]
    return raw, keras.layers.Rescaling(
        spread, offset=list(map(float, standard.mean)), dtype="float32", name="net-predictions"
    )(raw)
