"""The events that trained models are judged by."""

from dlscan import tasks
from dlscan.config import Experiment
from dlscan.dataset import Manifest
from dlscan.stream import Batches

# Batches that are scored are larger than those of training where events are small: calls take time too. But
# what fits the caches of a processor is scaled there: of 128 MB at once the scaling takes half as long again.
_SCORED_BYTES, _SCORED_EVENTS = 16 * 2**20, 8192


def events_at_once(manifest: Manifest) -> int:
    """How many events are scored at once, at least."""
    return max(1, min(_SCORED_EVENTS, _SCORED_BYTES // manifest.event_bytes))


def open_scored(experiment: Experiment, split: str, seed: int, dataset: str | None = None) -> Batches:
    """Open the events of a split to score: each once, with weights, and of test with what is carried along.

    Train is shuffled in the order of `seed`, because a sample of it is scored. `dataset` is the `config_hash`
    of the dataset that it must be: that of training, or a network is scored on events that it was trained on.

    Raises
    ------
    DataError
        If there is no dataset, or another.
    """
    data, train, stream = experiment.data, experiment.train, experiment.stream
    manifest = Manifest.of(experiment)
    needed = [*tasks.of(experiment, ()).extras, *([] if data.weights is None else [data.weights])]
    sample = split == "train"
    return Batches(
        data.prepared,
        split=split,
        batch_size=max(train.batch_size, events_at_once(manifest)),
        # the few batches of a sample come sooner than processes would
        workers=0 if sample and manifest.raw is None and stream.workers == "auto" else stream.workers,
        seed=seed,
        shuffle=sample,
        balance="none" if data.balance == "none" else "weights",
        extras=split == "test" or needed,
        memory=stream.memory,
        event_weights=data.weights,
        dataset=dataset,
        left_out=data.left_out,
        # what is left out of training is judged all the same
        classes=experiment.task.train_on,
        others=True,
        share=data.fraction if sample else None,
    )
