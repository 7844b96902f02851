"""What trees take, from their parameters and the dataset alone."""

import math
from collections.abc import Sequence

from dlscan.config import Bdt
from dlscan.dataset import Manifest
from dlscan.tasks import Head

# Bytes of a value: of the training events the number of its bin too, for scikit-learn and as that keeps it.
_TRAINING, _VALIDATION = 4 + 8 + 1, 4
# Events by which features are binned where there are more: a copy of them.
_BINNED = 200_000
# Of an event beside its values: truth, weight, and for each margin what was added up, slopes and losses.
_EVENT, _MARGIN = 64, 64
# For batches on their way into memory: they need be no faster than the disk.
_READING, _READ_EVENTS = 64 * 2**20, 8192
_BATCHES = 6
# Seconds, on two cores: of a value in each level of a tree, of a bin of each leaf, of an event and a tree.
_VALUE, _BIN, _APPLIED = 1e-9, 1e-8, 1e-7


def margins_of(classes: int) -> int:
    """Trees of a round that tells so many classes apart."""
    return 1 if classes == 2 else classes


def trees_of(heads: Sequence[Head]) -> int:
    """Trees of a round for a task with these heads."""
    return sum(head.size if head.targets else margins_of(head.size) for head in heads)


def needed_bytes(manifest: Manifest, margins: int) -> int:
    """What training on all events takes, with so many trees a round."""
    values = _values(manifest)
    training, validation = (manifest.splits[name].events for name in ("train", "validation"))
    copied = _BINNED if training > _BINNED else 0
    return (
        values * (training * _TRAINING + validation * _VALIDATION + copied * 8)
        + (training + validation) * (_EVENT + margins * _MARGIN)
        + reading_bytes(manifest)
    )


def batch_events(manifest: Manifest) -> int:
    """Events of a batch on its way into memory."""
    return max(1, min(_READ_EVENTS, _READING // (_BATCHES * manifest.event_bytes)))


def reading_bytes(manifest: Manifest) -> int:
    """What such batches may take."""
    extras = sum(column.size * 8 for column in manifest.extras.values())
    return max(_READING, 2 * _BATCHES * batch_events(manifest) * (manifest.event_bytes + extras + 64))


def round_seconds(parameters: Bdt, manifest: Manifest, margins: int) -> float:
    """What a round of so many trees takes on a middling machine."""
    values = _values(manifest)
    training, validation = (manifest.splits[name].events for name in ("train", "validation"))
    levels = math.log2(parameters.leaves)
    tree = training * values * levels * _VALUE + parameters.leaves * values * parameters.bins * _BIN
    return margins * (tree + (training + validation) * _APPLIED)


def _values(manifest: Manifest) -> int:
    """Of an event."""
    return sum(column.size for column in manifest.inputs.values())
