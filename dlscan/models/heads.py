"""The last layers of networks, one for each thing that a task wants to know."""

from typing import Any

from dlscan.models.backend import keras
from dlscan.models.seeds import layer_seed


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
