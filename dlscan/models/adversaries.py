"""Networks that work against another one."""

from typing import Any

from dlscan.config.adversary import Domain, Pivot
from dlscan.models.backend import keras
from dlscan.models.network import Network
from dlscan.models.seeds import layer_seed

# What the adversary takes, and what it gives.
SCORES, CLASS, DENSITY, FEATURES, DOMAINS = "scores", "class", "density", "features", "domains"


def nuisance_adversary(pivot: Pivot, scores: int, classes: int, seed: int) -> Network:
    """A network that tells the density of a nuisance from the scores of an event.

    Parameters
    ----------
    pivot : Pivot
        How it is built.
    scores : int
        How many there are.
    classes : int
        How many classes it works within; it is told which where there are several.
    seed : int
        Of initial weights.

    Returns
    -------
    Network
        Takes `scores` (B, scores), logits less their mean, and `class` (B, classes), 1 for that of the event.
        Gives what `dlscan.train.objectives.pivot` makes a density of.
    """
    inputs = {SCORES: keras.Input((scores,), name=SCORES)}
    if classes > 1:
        inputs[CLASS] = keras.Input((classes,), name=CLASS)
    tensors = list(inputs.values())
    tensor = keras.layers.Concatenate(name="joined")(tensors) if classes > 1 else tensors[0]
    for number in range(1, pivot.depth + 1):
        tensor = _dense(pivot.width, f"hidden_{number}", seed, "tanh")(tensor)
    size = 3 * pivot.components if pivot.density == "mixture" else pivot.bins
    raw = {DENSITY: _dense(size, DENSITY, seed)(tensor)}
    return Network(keras.Model(inputs, raw, name="adversary"), {}, raw, raw)


def domain_classifier(domain: Domain, features: int, seed: int) -> Network:
    """A network that tells domains apart: takes `features` (B, F), gives `domains` (B, 1), a logit."""
    inputs = {FEATURES: keras.Input((features,), name=FEATURES)}
    tensor = inputs[FEATURES]
    for number in range(1, domain.depth + 1):
        tensor = _dense(domain.width, f"hidden_{number}", seed, "relu")(tensor)
    raw = {DOMAINS: _dense(1, DOMAINS, seed)(tensor)}
    return Network(keras.Model(inputs, raw, name="domain"), {}, raw, raw)


def _dense(width: int, name: str, seed: int, activation: str | None = None) -> Any:
    start = keras.initializers.GlorotUniform(seed=layer_seed(seed, f"adversary.{name}"))
    return keras.layers.Dense(width, activation, kernel_initializer=start, name=name, dtype="float32")
