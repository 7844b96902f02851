"""What is made of events in training, looked at."""

import numpy as np
from numpy.typing import NDArray

from dlscan.config import Experiment
from dlscan.dataset import Manifest
from dlscan.errors import UsageError
from dlscan.stream import Batch
from dlscan.stream.augmented import Augmentation


def require_augmented(experiment: Experiment, split: str) -> None:
    """Check that events of a split are augmented.

    Raises
    ------
    UsageError
        If none is.
    """
    if not experiment.data.augment:
        raise UsageError(f"--augmented: {experiment.file} has no data.augment")
    if split.lower() != "train":
        raise UsageError(f"--augmented: only training events are augmented; use --split train, not {split}")


def augmented(
    experiment: Experiment, manifest: Manifest, batch: Batch, row: int, epochs: int
) -> list[dict[str, NDArray[np.float32]]]:
    """The inputs of an event as they are in each of the first epochs of training.

    Parameters
    ----------
    experiment : Experiment
        Its events are augmented, with `train.seed`.
    manifest : Manifest
        Of its dataset.
    batch : Batch
        With `sources`.
    row : int
        Of the event in the batch.
    epochs : int
        How many.

    Returns
    -------
    list of dict of str to ndarray
        For each epoch the values of each input; of one with a mask the entries that are there.
    """
    augmentation = Augmentation.of(experiment.data.augment, manifest, experiment.train.seed)
    assert augmentation is not None
    assert batch.sources is not None
    made = []
    for epoch in range(epochs):
        keys, inputs = augmentation.keys(epoch, batch.sources[[row]]), {}
        for name, stored in batch.inputs.items():
            values, masks = stored[[row]], batch.masks.get(name)
            mask = None if masks is None else masks[[row]]
            if name in augmentation.steps:
                augmentation.apply(name, keys, values, mask)
            inputs[name] = values[0] if mask is None else values[0][mask[0]]
        made.append(inputs)
    return made
