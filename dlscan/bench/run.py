"""Measure what one experiment can do on this machine."""

from collections.abc import Callable

from dlscan import models
from dlscan.bench.figures import Figures
from dlscan.bench.measures import Measures, measured
from dlscan.config import Experiment
from dlscan.machine import usable_cpus
from dlscan.train.learner import Learner
from dlscan.train.streams import open_stream, transport

_ROUNDS = 3

Progress = Callable[[str, int, int], None]


def bench(experiment: Experiment, split: str, seconds: float, progress: Progress | None = None) -> Figures:
    """Measure the stream of a dataset, the training of a network, and both together.

    Parameters
    ----------
    experiment : Experiment
        Its dataset must be prepared; `scan` is ignored.
    split : {"train", "validation", "test"}
        Which events.
    seconds : float
        For each of the three, spread over several rounds.
    progress : callable, optional
        Called with what is done, how many rounds are over, and how many there are.

    Raises
    ------
    DlscanError
        If the dataset is missing or of another experiment, or cannot be read.
    """
    train = experiment.train
    with open_stream(experiment, split) as batches:
        manifest = batches.manifest
        manifest.require(experiment)
        network = models.build(experiment.model, manifest, experiment.data.normalize, train.seed)
        learner = Learner(network, train, manifest.config_hash)
        measures = Measures(batches, train.batch_size, learner, seconds / _ROUNDS)

        def on_round(done: int) -> None:
            if progress:
                progress("measure", done, _ROUNDS)

        rates = measured(measures, _ROUNDS, on_round)
        return Figures(
            dataset=str(experiment.data.prepared),
            split=split,
            indexed=manifest.raw is not None,
            transport=transport(experiment),
            sparse_inputs=any(column.encoding == "sparse" for column in manifest.inputs.values()),
            events=batches.events,
            event_bytes=measures.event_bytes,
            batch_size=min(train.batch_size, batches.events),
            workers=batches.workers,
            cpus=usable_cpus(),
            parameters=learner.parameters,
            backend=models.backend(),
            device=models.device(),
            on_processor=models.accelerator() is None,
            first_batch=measures.first_batch,
            waited=measures.waited / measures.taken,
            gpu_training=measures.gpu_training.share,
            gpu_both=measures.gpu_both.share,
            **rates,
        )
