"""The streams that a training reads."""

from typing import Any, Literal

from dlscan import tasks
from dlscan.config import Experiment
from dlscan.config.task_kinds import Generate
from dlscan.dataset import Manifest, fits
from dlscan.machine import free_memory
from dlscan.models import accelerator, backend, starts_with_products
from dlscan.stream import Batches
from dlscan.train.folds import passed_alone

# Training and validation are open at the same time, and share what `stream.memory` allows; so do those of
# another domain.
_STREAMS = 2
# Up to this share of lit cells products of entries are faster than dense ones. With TensorFlow on two cores
# it was 4 % for a single layer of 32 units, 9 % for a pack or a wide layer.
_MOSTLY_ZEROS = 0.07


def open_stream(
    experiment: Experiment,
    split: str,
    seed: int | None = None,
    dataset: str | None = None,
    fold: int | None = None,
    beside: int = 1,
    **options: Any,
) -> Batches:
    """Open the stream of a split as training takes it: train shuffled and augmented, the others as on disk.

    A generator is measured batch by batch, so that each has to be a sample of the whole split: there the
    others are in a random order too, one for all epochs.

    The order of events is that of `seed`, by default `train.seed`; `dataset` is the `config_hash` of the
    dataset that it must be. With `fold` it is the validation split with that fold left out, shuffled: the
    fold itself. So many streams of folds are open `beside` each other, itself among them, and share what one
    may take of the memory. `options` replace those of the stream.

    Raises
    ------
    ConfigError
        If `stream.transport` cannot be what it asks for.
    DataError
        If there is no dataset, or another.
    """
    data, train, stream = experiment.data, experiment.train, experiment.stream
    for_training = split == "train" or fold is not None
    kinds = [task.kind for task in experiment.task.all]
    streams = beside * (_STREAMS if experiment.adversary.domain is None else 2 * _STREAMS)
    memory: int | None = stream.memory
    if memory is None and beside > 1:
        memory = free_memory()
    memory = None if memory is None else memory // streams
    return Batches(
        data.prepared,
        split=split,
        batch_size=train.batch_size,
        seed=train.seed if seed is None else seed,
        shuffle=for_training or ("once" if Generate.kind in kinds else False),
        # validation is never oversampled: each event counts once, with the weight of its class
        balance=data.balance if split == "train" or data.balance == "none" else "weights",
        cache=stream.cache,
        transport=transport(experiment),
        event_weights=data.training_weights,
        dataset=dataset,
        extras=_needed(experiment),
        left_out=data.left_out if fold is None else (fold,),
        classes=experiment.task.train_on,
        augment=data.augment if for_training else {},
        share=data.fraction if split == "train" else None,
        **{"workers": stream.workers, "memory": memory, **options},
    )


def _needed(experiment: Experiment) -> tuple[str, ...]:
    """The extras that the task learns from."""
    return tasks.of(experiment, ()).extras


def transport(experiment: Experiment) -> Literal["dense", "sparse"]:
    """How inputs travel: `auto` is sparse where that can be and is faster.

    That is in front of an accelerator, which has a bus in between, and where TensorFlow multiplies by the
    entries alone on a processor.

    Raises
    ------
    ConfigError
        If the experiment asks for sparse and nothing can be.
    """
    asked = experiment.stream.transport
    if asked == "dense":
        return "dense"
    manifest = Manifest.of(experiment)
    fits.require_transport(manifest, experiment)
    if not manifest.gives_entries(experiment.stream) or manifest.filled_by(experiment):
        return "dense"
    faster = accelerator() is not None or _mostly_zeros(experiment, manifest)
    return "sparse" if asked == "sparse" or faster else "dense"


def _mostly_zeros(experiment: Experiment, manifest: Manifest) -> bool:
    """Whether networks that start with products, on a processor, are faster without the zeros."""
    train = experiment.train
    if backend() != "tensorflow" or train.jit is True or train.precision != "float32":
        return False
    measured = any(experiment.data.normalization(name).is_measured for name in manifest.inputs)
    if measured and experiment.data.left_out and not passed_alone(experiment):
        return False  # folds that share a pass scale such inputs each by its own events
    if not starts_with_products(experiment.model, manifest, experiment.data.inputs):
        return False
    stored = {name: column for name, column in manifest.inputs.items() if column.encoding == "sparse"}
    cells = sum(column.size for column in stored.values())
    lit = sum(column.size * manifest.statistics[name].occupancy for name, column in stored.items())
    return lit < _MOSTLY_ZEROS * cells
