"""Which points a scan has: the product of its grid's lists, times its repeats. Pure."""

import dataclasses
import hashlib
import itertools
import json
import re
from collections.abc import Sequence
from typing import Any

from dlscan.config import Experiment, experiment_from, plain
from dlscan.config.loading import set_key
from dlscan.errors import ScanError

# A file system's names end at 255 bytes; the number and what writers add to it need some of them.
_LONGEST_NAME = 200


@dataclasses.dataclass(frozen=True)
class Point:
    """One choice of parameters.

    Attributes
    ----------
    number : int
        From 1, in the order of the grid: the last key varies fastest.
    name : str
        Its parameters: `width=64-depth=3`.
    params : dict of str to object
        The values of the varied keys; `train.seed` among them if the scan repeats its points.
    """

    number: int
    name: str
    params: dict[str, Any]

    @property
    def directory(self) -> str:
        """The name of its directory."""
        return f"{self.number:04d}-{self.name}"


def expand(experiment: Experiment) -> list[Point]:
    """List the points of an experiment's scan."""
    grid = {key: list(values) for key, values in experiment.scan.grid.items()}
    if experiment.scan.repeats > 1:
        # repeats differ in their seed alone, and each seed follows from the one in the file
        first = experiment.train.seed
        grid["train.seed"] = list(range(first, first + experiment.scan.repeats))
    points = []
    for number, values in enumerate(itertools.product(*grid.values()), start=1):
        wanted = dict(zip(grid, values, strict=True))
        # the value as the experiment understands it: 1e-3 and 0.001, Adam and adam are the same
        built = at(experiment, wanted).plain()
        params = {key: _value(built, key) for key in wanted}
        points.append(Point(number, _name(params, experiment.model.family), params))
    return points


def extended(points: Sequence[Point], experiment: Experiment) -> list[Point]:
    """Add to `points` those that the experiment's scan has beyond them.

    Parameters
    ----------
    points : sequence of Point
        Of a plan; they keep numbers and names, and get the values of keys that are varied from now on.
    experiment : Experiment
        With a wider grid, or more repeats; else that of the plan.

    Raises
    ------
    ScanError
        If the experiment lacks some of `points`.
    """
    wanted = expand(experiment)
    keys = list(wanted[0].params)
    every = dict.fromkeys([*keys, *(key for point in points for key in point.params)])

    def values(point: Point) -> dict[str, Any]:
        # what the plan did not vary is as the experiment has it
        built = at(experiment, point.params).plain()
        return {key: _value(built, key) for key in every}

    def identity(point: Point) -> str:
        return json.dumps(values(point), sort_keys=True)

    known = {identity(point): point for point in points}
    identities = {identity(point): point for point in wanted}
    new = [point for key, point in identities.items() if key not in known]
    gone = known.keys() - identities.keys()
    if gone:
        names = [point.directory for key, point in known.items() if key in gone]
        raise ScanError(
            f"{experiment.directory}: the experiment no longer has {len(names)} of {len(points)} points of "
            f"this scan ({', '.join(names[:3])}{' ...' if len(names) > 3 else ''}); a scan can get more "
            "points, not fewer: put their values back, or give the experiment another name to start afresh"
        )
    kept = []
    for point in points:
        full = values(point)
        kept.append(dataclasses.replace(point, params={key: full[key] for key in keys}))
    added = [dataclasses.replace(point, number=len(points) + n) for n, point in enumerate(new, start=1)]
    return kept + added


def at(experiment: Experiment, params: dict[str, Any]) -> Experiment:
    """The experiment at one point: the same data, the point's parameters, and no scan."""
    mapping = experiment.plain()
    for key, value in params.items():
        mapping = set_key(mapping, key, plain(value))
    del mapping["scan"]
    assert experiment.file is not None
    return experiment_from(mapping, experiment.file)


def _value(mapping: Any, key: str) -> Any:
    for part in key.split("."):
        mapping = mapping[part]
    return mapping


def _name(params: dict[str, Any], family: str) -> str:
    short = [key.rsplit(".", 1)[-1] for key in params]
    names = short if len(set(short)) == len(short) else list(params)
    name = "-".join(f"{key}={value}" for key, value in zip(names, params.values(), strict=True)) or family
    name = re.sub(r"[\s/\\{}\[\]'\":,]+", "_", name)
    if len(name.encode()) > _LONGEST_NAME:
        digest = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
        name = name.encode()[: _LONGEST_NAME - 9].decode(errors="ignore") + "-" + digest
    return name
