"""Several devices on TensorFlow and PyTorch: each has a share of a batch; what they find is put together."""

from collections.abc import Mapping, Sequence

from dlscan.models import keras
from dlscan.models.replicas import Replicas, can_share
from dlscan.train.feed import Fed
from dlscan.train.objectives import Given, Told

ops = keras.ops


def sharing(streams: Mapping[str, Fed], devices: Replicas) -> Replicas:
    """The devices that share these batches; the last of an epoch may have no equal shares."""
    here = [len(fed.weights) for fed in streams.values()]
    return devices if all(can_share(events, devices) for events in here) else ()


def shares(batches: Mapping[str, Given], devices: Replicas) -> list[dict[str, Given]]:
    """Equal shares of batches, one behind the other."""
    count, whole = len(devices), dict(batches)
    flat = [ops.split(tensor, count) for tensor in keras.tree.flatten(whole)]
    return [keras.tree.pack_sequence_as(whole, [parts[place] for parts in flat]) for place in range(count)]


def together(told: Sequence[Told]) -> Told:
    """What shares tell, as told of the whole batch: mean losses, sums, and events one behind the other."""
    numbers = ops.stack([own.numbers for own in told])
    heads = {name: ops.concatenate([own.raw[name] for own in told]) for name in told[0].raw}
    joined = ops.concatenate([ops.mean(numbers[:, :1], axis=0), ops.sum(numbers[:, 1:], axis=0)])
    return Told(ops.mean(ops.stack([own.loss for own in told])), joined, heads)
