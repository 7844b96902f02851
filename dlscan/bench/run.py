"""Measure what one experiment can do on this machine."""

from collections.abc import Callable

from dlscan import models, tasks
from dlscan.bench.figures import Figures
from dlscan.bench.measures import Measures, measured
from dlscan.config import Experiment
from dlscan.dataset import Manifest, fits
from dlscan.machine import usable_cpus
from dlscan.models.replicas import Replicas, named, replicas
from dlscan.scan import Plan, expand
from dlscan.scan.costs import is_of_trees
from dlscan.scan.packs import pack as packed
from dlscan.stream.standards import standards
from dlscan.train.learner import Learner
from dlscan.train.pack import Pack
from dlscan.train.starting import starting_learner
from dlscan.train.streams import open_stream, transport

_ROUNDS = 3

Progress = Callable[[str, int, int], None]


def bench(experiment: Experiment, split: str, seconds: float, progress: Progress | None = None) -> Figures:
    """Measure the stream of a dataset, the training of networks, and both together.

    Parameters
    ----------
    experiment : Experiment
        Its dataset must be prepared. With `batch.models_per_job` 1 its own network is trained, else those of
        the largest pack that its scan has.
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
    manifest = Manifest.of(experiment)
    fits.require(manifest, experiment)
    members = _members(experiment, manifest)
    # what they share may be varied from pack to pack
    train = members[0].train
    models.prepare_device(train)
    devices = replicas(train)
    with open_stream(members[0], split) as batches:
        learners = [_learner(member, manifest, batches.steps, devices) for member in members]
        pack = Pack(learners, train.jit, devices=devices)
        measures = Measures(batches, train.batch_size, pack, seconds / _ROUNDS, devices)

        def on_round(done: int) -> None:
            if progress:
                progress("measure", done, _ROUNDS)

        rates = measured(measures, _ROUNDS, on_round)
        return Figures(
            dataset=str(experiment.data.prepared),
            split=split,
            indexed=manifest.raw is not None,
            transport=transport(members[0]),
            sparse_inputs=any(column.encoding == "sparse" for column in manifest.inputs.values()),
            events=batches.events,
            event_bytes=measures.event_bytes,
            batch_size=min(train.batch_size, batches.events),
            workers=batches.workers,
            cpus=usable_cpus(),
            parameters=sum(learner.parameters for learner in learners),
            networks=len(learners),
            points=len(expand(experiment)),
            backend=models.backend(),
            device=named(devices),
            on_processor=models.accelerator() is None,
            first_batch=measures.first_batch,
            waited=measures.waited / measures.taken,
            gpu_training=measures.gpu_training.share,
            gpu_both=measures.gpu_both.share,
            **rates,
        )


def _members(experiment: Experiment, manifest: Manifest) -> list[Experiment]:
    """The points of the largest pack of networks, or the first network alone."""
    plan = Plan.of(experiment)
    networks = [point for point in plan.points if not is_of_trees(plan, point)]
    if not networks:
        raise experiment.problem(
            "model.family",
            "bench measures a network together with its stream, and boosted trees read all events once; "
            "`dlscan scan --dry-run` tells how long they take",
        )
    if experiment.batch.models_per_job == 1 or len(networks) == 1:
        return [experiment if experiment.model.trainer == "networks" else experiment.at(networks[0].params)]
    largest = max(packed(plan, networks, experiment.batch, manifest), key=len)
    return [experiment.at(point.params) for point in largest]


def _learner(experiment: Experiment, manifest: Manifest, steps: int, devices: Replicas) -> Learner:
    task = tasks.of(experiment, manifest.classes)
    found = standards(experiment, task, manifest.config_hash)
    return starting_learner(experiment, task, found, manifest, steps, devices)
