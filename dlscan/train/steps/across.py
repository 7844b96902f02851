"""What processes on several nodes find of their shares of a batch, put together by the back end."""

import itertools
import math
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dlscan.models.backend import backend, keras
from dlscan.train.feed import Fed
from dlscan.train.nodes import Nodes, here


def connect(nodes: Nodes) -> None:
    """Let the back end know of the other processes, before it makes its first tensor."""
    if nodes.count > 1 and not nodes.is_connected:
        handler = signal.getsignal(signal.SIGTERM)
        {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[backend()](nodes)
        # TensorFlow and JAX have taken it for themselves
        signal.signal(signal.SIGTERM, handler)
        nodes.is_connected = True


def _tensorflow(nodes: Nodes) -> None:
    import tensorflow as tf

    cluster = tf.train.ClusterSpec({"worker": nodes.addresses})
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        cluster, task_type="worker", task_id=nodes.number, rpc_layer="grpc"
    )
    # only for its servers; nothing else can start them
    tf.distribute.MultiWorkerMirroredStrategy(resolver)


def _jax(nodes: Nodes) -> None:
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    # steps under way at the same time would mix up what they send between processors
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    jax.distributed.initialize(nodes.addresses[0], nodes.count, nodes.number)
    nodes.at_end = jax.distributed.shutdown


def _torch(nodes: Nodes) -> None:
    import torch
    import torch.distributed as dist

    kind = "nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(kind, f"tcp://{nodes.addresses[0]}", world_size=nodes.count, rank=nodes.number)
    nodes.at_end = dist.destroy_process_group


def are_parts(streams: Mapping[str, Fed]) -> bool:
    """Whether each process has its share of a batch, and not the whole."""
    return all(fed.part for fed in streams.values())


def put_together(
    numbers: Any, slopes: Sequence[Any], part: bool, add: Callable[[Any], Any]
) -> tuple[Any, list[Any]]:
    """What all processes tell of a batch, and the slopes of its loss, on TensorFlow or PyTorch.

    Where all have the whole batch, the first one's are taken: rounding may differ between machines.

    Parameters
    ----------
    numbers : tensor, (M,)
        Of this process: a mean loss, and sums.
    slopes : sequence of (tensor or None)
        Of the mean loss.
    part : bool
        See `are_parts`.
    add : callable
        Gives the sum of a tensor, (N,), over all processes.
    """
    nodes = here()
    if nodes.count == 1:
        return numbers, list(slopes)
    mean = 1 / nodes.count if part else float(not nodes.follows)
    # those of embeddings come as rows
    known = [keras.ops.convert_to_tensor(slope) for slope in slopes if slope is not None]
    own = [numbers[:1] * mean, numbers[1:] * (1.0 if part else mean), *(slope * mean for slope in known)]
    sizes = [math.prod(tensor.shape) for tensor in own]
    flat = keras.ops.concatenate([keras.ops.reshape(tensor, (-1,)) for tensor in own])
    summed = keras.ops.reshape(add(flat), (sum(sizes),))
    parts = keras.ops.split(summed, list(itertools.accumulate(sizes))[:-1])
    first, rest, *found = (
        keras.ops.reshape(summed, mine.shape) for summed, mine in zip(parts, own, strict=True)
    )
    left = iter(found)
    joined = [None if slope is None else next(left) for slope in slopes]
    return keras.ops.concatenate([first, rest]), joined
