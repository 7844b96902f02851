"""The `batch` section: where points run, and what each job may use."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from dlscan.config.adversary import Adversary
from dlscan.config.build import Min, Problem
from dlscan.config.models import is_variational, trainer_of
from dlscan.config.share import FRACTION, Share
from dlscan.config.units import Duration, Size


@dataclasses.dataclass(frozen=True)
class BatchOptions:
    """Where the points run and what each job may use.

    A job has `nodes`, which train its networks together, and `gpus` and `cpus` on each of them.
    `models_per_job` points share one stream; `auto` decides by what they cost. A point that crashed more than
    `retries` times is not submitted again unless asked for. `options` are the batch system's own. `template`
    is the name of a job script in the package or the path of one. `scheduler` is the address of a dask
    scheduler. A job with `pull` that has time left when its points are done asks the search for more.
    """

    system: Literal["local", "slurm", "htcondor", "pbs", "dask"] = "local"
    models_per_job: Literal["auto"] | Annotated[int, Min(1)] = 1
    nodes: Annotated[int, Min(1)] = 1
    gpus: Annotated[int, Min(0)] = 1
    cpus: Annotated[int, Min(1)] = 1
    memory: Size | None = None
    time: Duration | None = None
    max_running: Annotated[int, Min(1)] | None = None
    retries: Annotated[int, Min(0)] = 3
    template: str | None = None
    scheduler: str | None = None
    pull: bool = False
    options: dict[str, Any] = dataclasses.field(default_factory=dict)

    def with_gpus(self, devices: int, is_written: bool) -> "BatchOptions":
        """The same, with a GPU for each of the devices that train a network together.

        Raises
        ------
        Problem
            If the file says that jobs get fewer, but some.
        """
        if not 0 < self.gpus < devices:
            return self
        if is_written:
            raise Problem(
                "batch.gpus",
                f"must be at least train.devices, which is {devices}, or 0 to train on processors, got "
                f"{self.gpus}",
            )
        return dataclasses.replace(self, gpus=devices)


def in_common(experiment: Mapping[str, Any]) -> str:
    """What points have to have in common to be trained in one job: equal texts do.

    That is one trainer, one stream of events, what is learned of them, one way to compile, and one way to
    take GPUs; and the network that they begin with, if they do.

    Parameters
    ----------
    experiment : mapping
        The plain sections `data`, `task`, `model`, `stream`, `train` and `adversary` of a point.
    """
    own = [experiment["train"].get(key) for key in ("batch_size", "jit", "gpu_memory", "devices", "parallel")]
    family = experiment["model"]["family"]
    # steps tell the same numbers of all
    own += [trainer_of(family), is_variational(family)]
    # a network that begins with another one scales its inputs as that does
    begun = experiment["model"].get("pretrained")
    own += [] if begun is None else [begun["from"], begun.get("point")]
    data = experiment["data"]
    share = data.get("fraction")
    if data.get("balance") == "none" and (share is None or Share.parse(share, FRACTION).share == 1):
        # folds may share a pass; the weights of classes, and a share, depend on the events that train
        data = {name: value for name, value in data.items() if name != "fold"}
    shared = [data, experiment["task"], experiment["stream"]]
    # how strong an adversary is may differ, but not what it needs of events
    adversary = Adversary.parse(experiment.get("adversary"), "adversary").shared
    return json.dumps([*shared, *own, *([adversary] if adversary else [])], sort_keys=True)
