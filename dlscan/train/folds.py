"""Which trainings on folds share a pass over the events. No Keras here."""

from dlscan.config import Experiment
from dlscan.config.task_kinds import Reconstruct
from dlscan.dataset import Manifest
from dlscan.errors import DlscanError

# Folds that a training leaves out, from 1.
LeftOut = tuple[int, ...]

# A shorter fold would make too many of the batches of an epoch short ones.
_LEAST_BATCHES = 4


def passed_alone(experiment: Experiment) -> LeftOut:
    """The folds that a training leaves out, if it shares no pass with trainings that leave out others.

    Folds share a pass if each is long enough for some batches, and if the weights of classes, which depend on
    the events that train, are the same for all. Trees, which hold all their events in memory, share none; nor
    does a share of the events, which is one of all that train.
    """
    left_out = experiment.data.left_out
    share = experiment.data.fraction
    alone = experiment.data.balance != "none" or (share is not None and share.share < 1)
    if not left_out or alone or experiment.model.trainer != "networks":
        return left_out
    try:
        manifest = Manifest.of(experiment)
    except DlscanError:
        return left_out  # it is said when the training begins
    trained = next((task.train_on for task in experiment.task.all if isinstance(task, Reconstruct)), None)
    own = [manifest.number_of(name) for name in trained or manifest.classes]
    least = min((sum(fold.events.counts[number] for number in own) for fold in manifest.folds), default=0)
    return () if least >= _LEAST_BATCHES * experiment.train.batch_size else left_out
