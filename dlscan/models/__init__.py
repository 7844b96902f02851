"""Networks. Importing this package imports Keras.

A family is a module with `features(inputs, parameters, seed)` that turns normalised inputs into what the
output layer sees, entered in `FAMILIES` under the name of its parameters in `dlscan.config.models`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from dlscan.config import Model, Normalization, network_name
from dlscan.dataset import Manifest
from dlscan.models import dense
from dlscan.models.backend import accelerator, backend, device, keras, versions
from dlscan.models.normalize import normalize
from dlscan.models.seeds import layer_seed

FAMILIES: dict[str, Callable[[Mapping[str, Any], Any, int], Any]] = {"dense": dense.features}


def build(
    model: Model, manifest: Manifest, normalizations: Mapping[str, Normalization], seed: int = 1
) -> Any:
    """Build a network that takes raw events and gives a score per class.

    Parameters
    ----------
    model : Model
        Its family and parameters.
    manifest : Manifest
        Of the dataset: shapes and measured statistics of the inputs, classes.
    normalizations : mapping of str to Normalization
        For each input; `standard` where it is silent.
    seed : int
        Of initial weights and dropout; the same seed gives the same network, whatever was built before.

    Returns
    -------
    keras.Model
        Inputs by name (see `network_name`), (B, *shape) float32 each; output (B, classes) float32, each row
        adds up to 1.
    """
    raw = {
        network_name(name): keras.Input(column.shape, name=network_name(name), dtype="float32")
        for name, column in manifest.inputs.items()
    }
    normalized = {
        network_name(name): normalize(
            raw[network_name(name)], normalizations.get(name, Normalization()), manifest.statistics[name]
        )
        for name in manifest.inputs
    }
    hidden = FAMILIES[model.family](normalized, model.parameters, seed)
    # the hyphen keeps names of layers apart from those of inputs, which have none
    start = keras.initializers.GlorotUniform(seed=layer_seed(seed, "net.output"))
    output = keras.layers.Dense(len(manifest.classes), kernel_initializer=start, name="net-output")(hidden)
    # float32 even if the layers before compute in less: scores of 1e-5 decide at high purity
    scores = keras.layers.Activation("softmax", dtype="float32", name="net-scores")(output)
    return keras.Model(raw, scores, name=model.family)


__all__ = ["FAMILIES", "accelerator", "backend", "build", "device", "keras", "versions"]
