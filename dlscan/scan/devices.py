"""Whether points can train on several devices."""

from dlscan.backend import choose_backend
from dlscan.config import BatchOptions, Experiment
from dlscan.gpus import visible_gpus


def require_devices(experiment: Experiment, batch: BatchOptions) -> None:
    """Check that `train.devices` means something, and that this machine has them if it is to train.

    Raises
    ------
    ConfigError
        If not; it says why.
    """
    devices, points = experiment.train.devices, experiment.combinations.examples
    if devices == 1:
        return
    if not any(point.model.reads("train.devices") for point in points):
        families = " and ".join(dict.fromkeys(str(point.model.family) for point in points))
        raise experiment.problem(
            "train.devices", f"is how many devices train a network, which {families} is not; remove it"
        )
    # the processor is one device, but JAX may divide it
    if devices != "all" and batch.system == "local" and choose_backend() != "jax" and not visible_gpus():
        raise experiment.problem(
            "train.devices", f"is {devices}, but this machine has no GPUs for jobs; set it to 1"
        )
