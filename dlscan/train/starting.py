"""The network of a point at its start, whoever trains it and whatever for."""

from collections.abc import Mapping, Sequence

from dlscan import models
from dlscan.config import Experiment
from dlscan.config.task_kinds import Generate
from dlscan.dataset import Manifest
from dlscan.errors import BackendError
from dlscan.models import Start
from dlscan.models.model_parallel import place
from dlscan.models.replicas import Replicas, require_replicable
from dlscan.origins import Origin, origins_of
from dlscan.tasks import Standards, Task
from dlscan.train.generators import generating_learner
from dlscan.train.learner import Learner
from dlscan.train.member import Member
from dlscan.train.nodes import Nodes, here
from dlscan.train.pivots import beside


def starting_learner(
    experiment: Experiment,
    task: Task,
    standards: Standards,
    manifest: Manifest,
    steps: int,
    devices: Replicas = (),
    origin: Origin | None = None,
) -> Learner:
    """The network of a point at its start, with what is trained beside it.

    Parameters
    ----------
    experiment : Experiment
        Of the point.
    task : Task
        What it learns.
    standards : mapping of str to Standard
        Of the numbers that it predicts or is told.
    manifest : Manifest
        Of the dataset.
    steps : int
        Batches in an epoch.
    devices : Replicas
        Those that train it together, if there are several.
    origin : Origin, optional
        The network of `model.pretrained`; by default what is there now.

    Raises
    ------
    DlscanError
        If the network cannot be built, or what it begins with is gone.
    """
    train, left_out = experiment.train, experiment.data.left_out
    with place(devices):
        if Generate.kind in task.kinds:
            return generating_learner(experiment, task, standards, manifest, steps)
        network = models.construct(
            *(experiment.model, manifest, experiment.data.normalize, train.seed, train.precision),
            task,
            standards,
            experiment.data.inputs,
            _start(experiment, manifest, origin),
        )
        other = beside(experiment, network, task, standards, steps)
        learner = Learner(
            network, task, train, manifest.config_hash, steps, standards, left_out, other, devices=devices
        )
    require_replicable(learner.trained.networks, train, devices, here().count)
    return learner


def start_alike(
    members: Sequence[Member[Learner]], failed: Mapping[int, str], nodes: Nodes
) -> list[Member[Learner]]:
    """Let the learners of all processes go on from where those of the first one are.

    Parameters
    ----------
    members : sequence of Member
        Those that can be trained here.
    failed : mapping of int to str
        Why others cannot, by the number of their point.
    nodes : Nodes
        The processes.

    Returns
    -------
    list of Member
        Those that the first process trains, in its order.

    Raises
    ------
    BackendError
        If a point can be trained there but not here.
    """
    if nodes.count == 1:
        return list(members)
    own = {member.point.number: member for member in members}
    numbers = nodes.agree(list(own))
    for number in numbers:
        if number not in own:
            raise BackendError(
                f"point {number} cannot be trained in process {nodes.number + 1} of {nodes.count}: "
                f"{failed[number]}"
            )
        learner = own[number].learner
        state, values = nodes.agree((learner.state(), learner.values()))
        if nodes.follows:
            learner.follow(state, values, nodes.number)
    return [own[number] for number in numbers]


def _start(experiment: Experiment, manifest: Manifest, origin: Origin | None) -> Start | None:
    """The network that a point begins with, if it does with one."""
    pretrained = experiment.model.pretrained
    if pretrained is None:
        return None
    if origin is None:
        origin = origins_of(experiment)[pretrained.place]
    origin.require_same()
    same = (origin.classes, origin.task) == (manifest.classes, experiment.task.plain())
    return Start.of(pretrained, origin.file, same)
