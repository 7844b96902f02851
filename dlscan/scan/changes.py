"""What has changed in an experiment since the plan of its scan was frozen."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dlscan.config import Experiment, experiment_from
from dlscan.errors import ConfigError, ScanError

if TYPE_CHECKING:
    from dlscan.scan.plan import Plan

# What decides a result; how and where a point runs may change from one submission to the next, and so may
# where the data lie: what they are is the dataset's hash.
_FROZEN = ("name", "data", "model", "train", "scan")
_NOT_FROZEN = ("data.raw", "data.prepared", "train.time_limit", "train.gpu_memory")
_AFRESH = "give the experiment another name to start afresh"


def as_planned(plan: "Plan", experiment: Experiment) -> Experiment:
    """The experiment with the network of its plan, where the plan is older than a key and the file leaves it.

    A default that has changed since is no change of the experiment: the points that are left get the network
    of those that are done.
    """
    parameters, default = experiment.model.parameters, type(experiment.model.parameters)()
    then = {
        key: plan.config["model"][key]
        for key in plan.older
        if getattr(parameters, key, None) == getattr(default, key, None)
    }
    if not then:
        return experiment
    model = dataclasses.replace(experiment.model, parameters=dataclasses.replace(parameters, **then))
    return dataclasses.replace(experiment, model=model)


def require_same(plan: "Plan", experiment: Experiment, dataset: str | None, extend: bool) -> bool:
    """Check that an experiment is the one that a plan was made from.

    Parameters
    ----------
    plan, experiment, dataset
        The plan, and what `freeze` got.
    extend : bool
        Its scan may differ.

    Returns
    -------
    bool
        Whether its scan differs.

    Raises
    ------
    ScanError
        If more differs; the message shows the difference and the ways out.
    """
    before, now = _as_understood_now(plan, experiment), experiment.plain()
    changes = [change for key in _FROZEN for change in _differences(before.get(key), now.get(key), key)]
    others = [text for key, text in changes if not key.startswith("scan.")]
    if changes and (others or not extend):
        # points can be added to a scan; what all of them share cannot be changed
        more = "" if others else "run `dlscan scan` with --extend to add its points, "
        raise ScanError(
            f"{plan.directory}: this scan was planned with {'; '.join(text for _, text in changes)}; "
            f"undo the change, {more}or {_AFRESH}"
        )
    if None not in (plan.dataset, dataset) and plan.dataset != dataset:
        raise ScanError(
            f"{plan.directory}: this scan was planned for another dataset than is now in "
            f"{experiment.data.prepared}, and results on different events do not compare; "
            f"prepare the raw files of then, or {_AFRESH}"
        )
    return bool(changes)


def _as_understood_now(plan: "Plan", experiment: Experiment) -> dict[str, Any]:
    """The experiment of a plan with what this version of dlscan adds to it: keys that were not there yet."""
    path = plan.directory / "plan.json"
    try:
        return experiment_from(plan.config, path).plain()
    except ConfigError as error:
        raise ScanError(
            f"{error}; the plan is of a version of dlscan that this one does not understand: go on with "
            f"that one, or {_AFRESH}"
        ) from None


def _differences(before: Any, now: Any, key: str) -> Iterator[tuple[str, str]]:
    """The keys that differ, with their values in words."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*before, *now]):
            yield from _differences(before.get(name), now.get(name), f"{key}.{name}")
    elif before != now and key not in _NOT_FROZEN:
        yield key, f"{key} {before!r}, now it is {now!r}"
