"""What jobs of several nodes can train."""

from dlscan.config import BatchOptions, Experiment
from dlscan.config.task_kinds import Generate
from dlscan.dataset import Manifest


def require_nodes(experiment: Experiment, batch: BatchOptions, manifest: Manifest | None) -> None:
    """Check that `batch.nodes` nodes can train all points together.

    Raises
    ------
    ConfigError
        If they cannot; it says why.
    """
    if batch.nodes == 1:
        return
    reason = _why_not(experiment, batch, manifest)
    if reason:
        raise experiment.problem("batch.nodes", f"is {batch.nodes}, but {reason}; set it to 1")
    for point in experiment.combinations.examples:
        size, devices = point.train.batch_size, point.train.devices
        count = batch.nodes * (1 if devices == "all" else devices)
        if size % count:
            raise experiment.problem(
                "batch.nodes",
                f"is {batch.nodes}, but {count} devices cannot share train.batch_size evenly, which is "
                f"{size}; set it to 1, or train.batch_size to a multiple of {count}",
            )


def _why_not(experiment: Experiment, batch: BatchOptions, manifest: Manifest | None) -> str:
    if batch.system != "slurm":
        return f"only jobs of slurm can have several nodes, and batch.system is {batch.system}"
    if batch.pull:
        return "a job with batch.pull trains on one node"
    if experiment.scan.halving:
        return "points of scan.halving train on one node"
    if manifest is not None and manifest.raw is not None:
        return "the order of events that are read from raw files depends on a node's memory"
    if any(isinstance(task, Generate) for task in experiment.task.all):
        return "the loss of the task generate is of a whole batch"
    for point in experiment.combinations.examples:
        if point.model.trainer != "networks":
            return f"{point.model.family} trains on one node"
        if point.adversary.kind:
            return "an adversary learns from whole batches"
        if point.train.parallel == "model":
            return "train.parallel: model divides a network over the devices of one node"
    return ""
