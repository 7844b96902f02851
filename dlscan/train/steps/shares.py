"""Several devices on TensorFlow: each has a share of a batch, and what they find is put together."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from dlscan.models.replicas import Replicas
from dlscan.train.objectives import Given, Told


def shares(batches: Mapping[str, Given], devices: Replicas) -> list[dict[str, Given]]:
    """Equal shares of batches, one behind the other."""
    parts = tf.nest.map_structure(lambda tensor: tf.split(tensor, len(devices)), dict(batches))
    flat = [tf.nest.flatten(parts)[start :: len(devices)] for start in range(len(devices))]
    return [tf.nest.pack_sequence_as(dict(batches), own) for own in flat]


def together(told: Sequence[Told]) -> Told:
    """What shares tell, as told of the whole batch: mean losses, sums, and events one behind the other."""
    numbers = tf.stack([own.numbers for own in told])
    heads = {name: tf.concat([own.raw[name] for own in told], axis=0) for name in told[0].raw}
    joined = tf.concat(
        [tf.reduce_mean(numbers[:, :1], axis=0), tf.reduce_sum(numbers[:, 1:], axis=0)], axis=0
    )
    return Told(tf.add_n([own.loss for own in told]) / len(told), joined, heads)


def mean_slopes(slopes: Sequence[Sequence[Any]]) -> list[Any]:
    """The slopes of the mean loss, from those of the losses of shares; None where no loss has one."""
    return [
        None if own[0] is None else tf.add_n([tf.convert_to_tensor(slope) for slope in own]) / len(own)
        for own in zip(*slopes, strict=True)
    ]
