"""What has changed in an experiment since the plan of its scan was frozen."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from dlscan.config import Experiment, experiment_from, load_point
from dlscan.errors import ScanError
from dlscan.scan.plan import AFRESH, Plan
from dlscan.scan.space import Point

# What decides a result; how and where a point runs may change from one submission to the next, and so may
# where the data lie: what they are is the dataset's hash.
_FROZEN = ("name", "data", "task", "model", "train", "adversary", "scan")
NOT_FROZEN = (
    # it comes after the points, and changes none of them
    "scan.refit",
    *("data.raw", "data.prepared", "data.follow_links", "data.labels"),
    *("train.time_limit", "train.gpu_memory", "train.keep_checkpoint"),
    *("train.devices", "train.parallel"),
)


def as_planned(plan: Plan, experiment: Experiment) -> Experiment:
    """The experiment with the network of its plan, where the plan is older than a key and the file leaves it.

    A default that has changed since is no change of the experiment: the points that are left get the network
    of those that are done.

    Parameters
    ----------
    plan : Plan
        Of the scan.
    experiment : Experiment
        As it is now.
    """
    written = experiment.written
    then = {key: plan.config["model"][key] for key in plan.older if key not in written["model"]}
    if not then:
        return experiment
    assert experiment.file is not None
    mapping = {**experiment.plain(), **written, "model": {**written["model"], **then}}
    planned = experiment_from(mapping, experiment.file, experiment.sources)
    return dataclasses.replace(planned, overrides=experiment.overrides)


def require_same(directory: Path, before: Mapping[str, Any], experiment: Experiment, extend: bool) -> bool:
    """Check that an experiment is the one that a plan was made from.

    Parameters
    ----------
    directory : Path
        Of the scan, for the message.
    before : mapping
        The plain experiment as it was planned.
    experiment : Experiment
        As it is.
    extend : bool
        Its scan may differ, and it may have more epochs.

    Returns
    -------
    bool
        Whether it does.

    Raises
    ------
    ScanError
        If more differs; the message shows the difference and the ways out.
    """
    now = experiment.plain()
    changes = list(differences(before, now, _FROZEN))
    longer = before["train"]["epochs"] < now["train"]["epochs"]
    added = [key for key, *_ in changes if key.startswith("scan.")]
    others = len(changes) - len(added) - longer
    if changes and (others or not extend):
        texts = [f"{key} {_shown(then)}, which is now {_shown(later)}" for key, then, later in changes]
        # points can be added to a scan, and train on; what else all of them share cannot be changed
        gain = "to add its points" if added else "to train its points further"
        more = "" if others else f"run `{experiment.command('scan', '--extend')}` {gain}, "
        raise ScanError(
            f"{directory}: this scan was planned with {'; '.join(texts)}; undo the change, {more}or {AFRESH}"
        )
    return bool(changes)


def _shown(value: Any) -> str:
    return "not set" if value is None else repr(value)


def require_same_dataset(directory: Path, planned: str | None, now: str | None, prepared: Path) -> None:
    """Check that a dataset, by its `config_hash`, is the one that a scan was planned for; None is unknown.

    Raises
    ------
    ScanError
        If it is another.
    """
    if None not in (planned, now) and planned != now:
        raise ScanError(
            f"{directory}: the dataset in {prepared} is not the one this scan was planned for, and results "
            f"on different events cannot be compared; prepare the original raw files again, or {AFRESH}"
        )


def require_planned(plan: Plan, point: Point) -> None:
    """Check that the file of a point, which training reads, has what the plan has.

    Raises
    ------
    ScanError
        If somebody changed it: the result would stand beside the parameters of the plan.
    ConfigError
        If it cannot be read.
    """
    file = plan.paths(point).config
    there, planned = load_point(file, plan.sources).plain(), plan.experiment.at(point.params).plain()
    changes = [
        f"{key} is {now!r}, but {before!r} was planned"
        for key, before, now in differences(planned, there, [key for key in _FROZEN if key != "scan"])
    ]
    # a plan may take other files until the first point is claimed
    if plan.sources and Plan.read(plan.directory).sources != plan.sources:
        raise ScanError(f"{plan.directory}: its plan has changed since this job started; run it again")
    if changes:
        raise ScanError(f"{file}: {'; '.join(changes)}; run `dlscan scan`, which writes this file again")


def differences(
    before: Mapping[str, Any], now: Mapping[str, Any], sections: Collection[str]
) -> Iterator[tuple[str, Any, Any]]:
    """The keys of these sections that differ and decide a result, with both values."""
    for section in sections:
        # plans do not hold a section that is empty
        yield from _differences(before.get(section) or {}, now.get(section) or {}, section)


def _differences(before: Any, now: Any, key: str) -> Iterator[tuple[str, Any, Any]]:
    if key in NOT_FROZEN:
        return
    if isinstance(before, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*before, *now]):
            yield from _differences(before.get(name), now.get(name), f"{key}.{name}")
    elif before != now:
        yield key, before, now
