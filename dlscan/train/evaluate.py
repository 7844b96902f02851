"""The trained network on the test split: scores to a file, and what they are worth."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dlscan.config import network_name
from dlscan.files import written_whole
from dlscan.metrics import accuracy, one_against_rest
from dlscan.stream import Batches

# As Keras clips scores in its loss: one event that is wrong beyond doubt must not make the mean infinite.
_LEAST = 1e-7


def evaluate(network: Any, batches: Batches, path: Path) -> dict[str, float | None]:
    """Score every event of a stream, write the scores to `path`, whole, and measure them.

    Parameters
    ----------
    network : keras.Model
        Takes raw inputs by name, gives scores.
    batches : Batches
        The test split, with extras.
    path : Path
        The HDF5 file to write: `scores` (N, C) float32, `labels` (N,) int32, `sources` (N, 2) uint32 (number
        of the raw file in the dataset's manifest, row in it), `extras/<name>`; attributes `classes`, `split`.

    Returns
    -------
    dict of str to (float or None)
        `<Class>_AUC`, `Mean_AUC`, `test_accuracy`, `test_loss`; None where a class is absent.
    """
    classes = batches.manifest.classes
    weights = np.empty(batches.events, np.float32)
    with written_whole(path) as temporary, h5py.File(temporary, "w") as file:
        _create(file, batches)
        start = 0
        for batch in batches.epoch(0):
            here = slice(start, start + len(batch))
            inputs = {network_name(name): values for name, values in batch.inputs.items()}
            file["scores"][here] = network.predict_on_batch(inputs)
            file["labels"][here] = batch.labels
            file["sources"][here] = batch.sources
            for name, values in batch.extras.items():
                file["extras"][name][here] = values
            weights[here] = batch.weights
            start = here.stop
        scores, labels = file["scores"][()], file["labels"][()]
    return {
        **one_against_rest(scores, labels, classes),
        "test_accuracy": accuracy(scores, labels),
        "test_loss": _loss(scores, labels, weights),
    }


def _create(file: Any, batches: Batches) -> None:
    manifest = batches.manifest
    file.attrs["classes"] = list(manifest.classes)
    file.attrs["split"] = "test"
    file.create_dataset("scores", (batches.events, len(manifest.classes)), np.float32)
    file.create_dataset("labels", (batches.events,), np.int32)
    file.create_dataset("sources", (batches.events, 2), np.uint32)
    extras = file.create_group("extras")
    for name, column in manifest.extras.items():
        extras.create_dataset(name, (batches.events, *column.shape), column.dtype)


def _loss(scores: NDArray[np.float32], labels: NDArray[np.int32], weights: NDArray[np.float32]) -> float:
    """Weighted cross-entropy, the mean over events, as in the history."""
    own = scores[np.arange(len(labels)), labels].astype(np.float64)
    return float(np.mean(weights * -np.log(np.clip(own, _LEAST, 1 - _LEAST))))
