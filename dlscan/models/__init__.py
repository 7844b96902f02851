"""Networks. Importing this package imports Keras.

A network is the scaling of its inputs, what a family makes of them (`families`), and heads.
"""

import contextlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from dlscan.config import Dense, Model, Normalization
from dlscan.config.inputs import Input
from dlscan.config.task import Tasks
from dlscan.config.task_kinds import needs_head
from dlscan.dataset import Manifest, taken
from dlscan.errors import ConfigError
from dlscan.models import heads
from dlscan.models.backend import accelerator, backend, device, keras, prepare_device, versions
from dlscan.models.families import features
from dlscan.models.inputs import Inputs, scaled_inputs
from dlscan.models.network import HIDDEN, Network, trunks
from dlscan.models.pretrained import Start, scaled_as, take_over
from dlscan.models.reconstruction import reconstruction
from dlscan.tasks import Reconstruction, Standards, Task, make


def construct(
    model: Model,
    manifest: Manifest,
    normalizations: Mapping[str, Normalization],
    seed: int = 1,
    precision: str = "float32",
    task: Task | None = None,
    standards: Standards = MappingProxyType({}),
    inputs: Mapping[str, Input] | None = None,
    start: Start | None = None,
) -> Network:
    """Build a network that takes raw events and gives what a task asks for.

    Parameters
    ----------
    model : Model
        Its family and parameters, and which inputs it takes.
    manifest : Manifest
        Of the dataset: shapes and measured statistics of the inputs, classes.
    normalizations : mapping of str to Normalization
        For each input; `standard` where it is silent.
    seed : int
        Of initial weights and dropout; the same seed gives the same network, whatever was built before.
    precision : {"float32", "mixed_float16", "mixed_bfloat16"}
        What hidden layers compute in. Weights, normalisation and the output layer are float32 in any case.
    task : Task, optional
        What it is to learn; by default to tell the classes of the dataset apart.
    standards : mapping of str to Standard
        Of the heads that predict numbers.
    inputs : mapping of str to Input, optional
        What there is to take, `data.inputs`; by default what is stored.
    start : Start, optional
        The network that it begins with, whose scaling of inputs it has too; by default none.

    Returns
    -------
    Network
        Of a `keras.Model` with inputs by name (see `network_name`), (B, *shape) float32 each, and masks (see
        `mask_name`), (B, T) bool, of those whose events may have fewer rows. Its output is
        that of its head, (B, numbers) float32, or a dict of those of several by name. Scores of an event add
        up to 1; predictions are in the units of the targets. Of an autoencoder see `reconstruction`.
    """
    raw, scaled = scaled_inputs(model, manifest, normalizations, inputs)
    task = task or make(Tasks(), manifest.classes)
    with _policy(precision):
        if isinstance(task, Reconstruction):
            if start is not None:
                raise ConfigError(f"model.pretrained: {needs_head(task.kinds[0])}")
            hidden = None
            before, final = reconstruction(model, scaled, task, seed)
        else:
            hidden = features(model, scaled, seed)
            if start is not None:
                other = start.read()
                scaled = scaled_as(other, raw, scaled, hidden, start.file)
                hidden = features(model, scaled, seed)
            before, final = _headed(hidden, task, standards, seed)
    output = final if len(final) > 1 else next(iter(final.values()))
    name = getattr(model.family, "function", model.family)
    network = Network(keras.Model(raw, output, name=name), scaled.flat, before, final, hidden)
    if start is not None:
        take_over(network, other, start)
    return network


def _headed(
    hidden: Any, task: Task, standards: Standards, seed: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What losses see and what a user wants, by the name of the head, from features (B, F)."""
    ends = {
        head.name: heads.predictions(hidden, head, standards[head.name], seed)
        if head.targets
        else heads.scores(hidden, head.size, seed)
        for head in task.heads
    }
    return {name: end for name, (end, _) in ends.items()}, {name: end for name, (_, end) in ends.items()}


def build(
    model: Model,
    manifest: Manifest,
    normalizations: Mapping[str, Normalization],
    seed: int = 1,
    precision: str = "float32",
) -> Any:
    """The `keras.Model` of `construct`."""
    return construct(model, manifest, normalizations, seed, precision).model


def starts_with_products(model: Model, manifest: Manifest, inputs: Mapping[str, Input] | None = None) -> bool:
    """Whether inputs go to dense layers first, where `first_layers` can cut a network, and that pays."""
    parameters = model.parameters
    if not isinstance(parameters, Dense):
        return False
    own = taken(model, manifest.inputs, inputs)
    if own.keys() - manifest.inputs.keys():
        return False
    branches = parameters.branches({name: shaped.shape for name, shaped in own.items()})
    # without a hidden layer the output layer takes all inputs together: there is little to gain
    return parameters.depth > 0 or len(branches) == 1


@contextlib.contextmanager
def _policy(precision: str) -> Iterator[None]:
    """Let layers that are made meanwhile compute in `precision`."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


__all__ = [
    "HIDDEN",
    "Inputs",
    "Network",
    "Start",
    "accelerator",
    "backend",
    "build",
    "construct",
    "device",
    "features",
    "keras",
    "prepare_device",
    "starts_with_products",
    "trunks",
    "versions",
]
