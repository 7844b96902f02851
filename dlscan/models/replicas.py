"""Several devices that train a network together.

Each has a copy of it and takes its share of each batch; or, model parallel, each has a part of it.
"""

import itertools
import logging
from collections.abc import Mapping
from typing import Any

from dlscan.config import Train
from dlscan.errors import BackendError, ConfigError
from dlscan.models.backend import accelerator, backend, device, keras
from dlscan.models.model_parallel import ModelParallel
from dlscan.models.network import Network
from dlscan.spelling import counted

log = logging.getLogger("dlscan")

# The back end's own devices; none where one device trains, as it does without any of this.
Replicas = tuple[Any, ...]

_NAMES = {"tensorflow": "TensorFlow", "torch": "PyTorch"}

# Layers that keep what they have seen of batches.
_OF_BATCHES = (keras.layers.BatchNormalization, keras.layers.SpectralNormalization)


def replicas(train: Train, nodes: int = 1) -> Replicas:
    """The devices that `train.devices` asks for, after `prepare_device`; empty for one.

    With JAX they are those of all nodes, if several train together.

    Raises
    ------
    BackendError
        If there are fewer.
    ConfigError
        If they cannot train what `train` says.
    """
    if train.devices == nodes == 1:
        return ()
    if train.parallel == "model" and backend() != "jax":
        raise ConfigError(
            f"train.parallel: model divides a network over devices, which works on JAX alone, and Keras runs "
            f"on {_NAMES[backend()]}; set KERAS_BACKEND=jax, or train.parallel: data"
        )
    seen = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[backend()]()
    count = len(seen) if train.devices == "all" else train.devices
    if count > len(seen):
        ways = "lower it, or give jobs more with batch.gpus"
        if accelerator() is None:
            ways = "set it to 1, or run on machines with GPUs"
        raise BackendError(
            f"train.devices is {count}, but this job sees {counted(len(seen), 'device')} ({device()}); {ways}"
        )
    if count == 1 and nodes == 1:
        if train.parallel == "model":
            log.info("train.parallel: model divides nothing, because this job sees 1 device (%s)", device())
        return ()
    if train.parallel == "model":
        if nodes > 1:
            raise ConfigError(
                "train.parallel: model divides a network over the devices of one node; set batch.nodes: 1"
            )
        return ModelParallel(seen[:count])
    every = count * nodes
    if train.batch_size % every:
        raise ConfigError(
            f"train.batch_size is {train.batch_size}, which {every} devices cannot share evenly; make it "
            f"{train.batch_size - train.batch_size % every or every}"
        )
    if backend() == "tensorflow" and train.jit is True and every > 1:
        raise ConfigError(
            f"train.jit: what TensorFlow compiles by XLA runs on one device, and there are {every}; set it "
            "to auto, or set KERAS_BACKEND=jax"
        )
    if nodes > 1 and backend() == "jax":
        return _of_all_nodes(count)
    if count == 1:
        return ()
    return tuple(seen[:count])


def require_replicable(
    networks: Mapping[str, Network], train: Train, devices: Replicas, nodes: int = 1
) -> None:
    """Check that several devices train these networks as one would.

    Raises
    ------
    ConfigError
        If TensorFlow or PyTorch would make something else of them: replicas there do not see each other's
        events.
    """
    count = max(len(devices), 1) * nodes
    if count == 1 or backend() == "jax":
        return
    name = _NAMES[backend()]
    ways = f"set KERAS_BACKEND=jax, or {'train.devices' if nodes == 1 else 'batch.nodes'}: 1"
    if backend() == "tensorflow" and train.precision != "float32":
        raise ConfigError(
            f"train.precision is {train.precision}, but TensorFlow trains on several devices in float32 "
            f"only; {ways}"
        )
    every = (network.model._flatten_layers(include_self=False) for network in networks.values())
    for layer in itertools.chain.from_iterable(every):
        if isinstance(layer, _OF_BATCHES) and layer.trainable:
            raise ConfigError(
                f"layer {layer.name} learns from whole batches, and with {name} each of {count} "
                f"devices would give it a share; {ways}"
            )


def named(devices: Replicas, nodes: int = 1) -> str:
    """The name of the device that trains, or of several."""
    own = len(devices) // (nodes if backend() == "jax" else 1)
    name = f"{own} x {device()}" if own > 1 else device()
    return f"{nodes} nodes x {name}" if nodes > 1 else name


def holding(devices: Replicas) -> Replicas:
    """The devices that hold networks together; none where each has all of them, so that one can score."""
    return devices if isinstance(devices, ModelParallel) else ()


def can_share(events: int, devices: Replicas) -> bool:
    """Whether devices can have equal shares of so many events; otherwise a batch is not shared."""
    return bool(devices) and events % len(devices) == 0


def _tensorflow() -> list[Any]:
    import tensorflow

    found = tensorflow.config.list_logical_devices
    # where processes train together, those of the others are listed too
    own = tensorflow.constant(0).device.rpartition("/device:")[0]
    return [each.name for each in found("GPU") or found("CPU") if each.name.startswith((own, "/device:"))]


def _jax() -> list[Any]:
    import jax

    return list(jax.local_devices())


def _of_all_nodes(count: int) -> Replicas:
    """So many devices of each process."""
    import jax

    return tuple(
        device
        for process in range(jax.process_count())
        for device in jax.local_devices(process_index=process)[:count]
    )


def _torch() -> list[Any]:
    import torch

    return [f"cuda:{number}" for number in range(torch.cuda.device_count())] or ["cpu"]
