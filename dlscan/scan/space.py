"""The points of a scan, with their numbers and names. Pure."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.config import Experiment, plain
from dlscan.config.combinations import Combination
from dlscan.config.dotted import short_name_of
from dlscan.config.fitting import SECTIONS
from dlscan.config.pretrained import short_text
from dlscan.config.source import short_name
from dlscan.errors import ScanError

# A file system's names end at 255 bytes; the number and what writers add to it need some of them.
_LONGEST_NAME = 200


@dataclasses.dataclass(frozen=True)
class Point:
    """One choice of parameters.

    Attributes
    ----------
    number : int
        From 1, in the order of the grid: the last key varies fastest; then the points written by hand.
    name : str
        Its parameters: `width=64-depth=3`.
    params : dict of str to object
        The keys that it sets, with their values; `train.seed` among them if the scan repeats its points.
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
    return numbered(experiment, experiment.combinations.all, 1)


def numbered(experiment: Experiment, combinations: Sequence[Combination], first: int) -> list[Point]:
    """Points with numbers from `first` on, and with names."""
    # a point by hand that the file no longer has sets keys that nothing else does
    own = [key for each in combinations for key in each.params]
    short = _short(list(dict.fromkeys([*experiment.combinations.keys, *own])))
    return [
        Point(number, _name(each.params, short, each.model.family), each.params)
        for number, each in enumerate(combinations, start=first)
    ]


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
        If the experiment lacks some of `points`, or no longer tells two of them apart.
    """
    if experiment.scan.search is not None:
        return _searched(points, experiment)
    known = _known(points, experiment)
    wanted = {
        _identity(each): point
        for each, point in zip(experiment.combinations.all, expand(experiment), strict=True)
    }
    gone = known.keys() - wanted.keys()
    if gone:
        names = [point.directory for key, point in known.items() if key in gone]
        raise ScanError(
            f"{experiment.directory}: the experiment no longer contains {len(names)} of the {len(points)} "
            f"points of this scan ({', '.join(names[:3])}{' ...' if len(names) > 3 else ''}); points can "
            "be added to a scan but not removed: restore their values, or give the experiment another name "
            "to start afresh"
        )
    kept = [dataclasses.replace(point, params=wanted[key].params) for key, point in known.items()]
    more = [point for key, point in wanted.items() if key not in known]
    added = [dataclasses.replace(point, number=len(points) + n) for n, point in enumerate(more, start=1)]
    return kept + added


def _searched(points: Sequence[Point], experiment: Experiment) -> list[Point]:
    """The points of a search with all repeats and folds of each, and those that are written by hand."""
    trainings = experiment.combinations.trainings
    known = _known(points, experiment)
    new = {_identity(each): each for each in experiment.combinations.all if _identity(each) not in known}
    choices: dict[str, dict[str, Any]] = {}
    params = {key: _with_all(point, experiment) for key, point in known.items()}
    for own in params.values():
        choice = {key: value for key, value in own.items() if key not in trainings.keys}
        choices.setdefault(json.dumps(plain(choice), sort_keys=True), choice)
    for choice in choices.values():
        for each in trainings.of(choice):
            training = experiment.at(each)
            key = _identity(training)
            if key in known:
                params[key] = each
            else:
                # also where it is written by hand, which sets fewer keys
                (single,) = training.combinations.all
                new[key] = dataclasses.replace(single, params=each)
    kept = [dataclasses.replace(point, params=params[key]) for key, point in known.items()]
    return kept + numbered(experiment, list(new.values()), len(points) + 1)


def _known(points: Sequence[Point], experiment: Experiment) -> dict[str, Point]:
    """The points of a plan by what tells them apart; an error if that is nothing, as one would be lost."""
    known: dict[str, Point] = {}
    for point in points:
        same = known.setdefault(_identity(experiment.at(point.params)), point)
        if same is not point:
            raise ScanError(
                f"{experiment.directory}: {same.directory} and {point.directory} are the same training, so "
                "this scan cannot be extended; give the experiment another name to start afresh"
            )
    return known


def _with_all(point: Point, experiment: Experiment) -> dict[str, Any]:
    """The keys of a point with those that are varied from now on, as they were in the file."""
    own = experiment.at(point.params)
    keys = [key for key in experiment.combinations.keys if key not in point.params and own.applies(key)]
    return {**point.params, **{key: own.value(key) for key in keys}}


def _identity(point: Experiment | Combination) -> str:
    """What tells a point from another: what its network sees, and all else that points can set."""
    data = point.data
    seen = [plain(data.normalize), data.left_out, plain(data.augment), data.value("fraction")]
    others = [plain(getattr(point, section)) for section in SECTIONS if section != "data"]
    return json.dumps([*seen, *others], sort_keys=True)


def _short(keys: Sequence[str]) -> dict[str, str]:
    """The last part of each key where these are unlike each other."""
    short = [short_name_of(key) for key in keys]
    return dict(zip(keys, short if len(set(short)) == len(short) else keys, strict=True))


def _name(params: Mapping[str, Any], short: Mapping[str, str], family: str) -> str:
    texts = {key: short_text(value) or short_name(str(value)) for key, value in params.items()}
    name = "-".join(f"{short[key]}={value}" for key, value in texts.items()) or short_name(family)
    name = re.sub(r"[\s/\\{}\[\]'\":,]+", "_", name)
    if len(name.encode()) > _LONGEST_NAME:
        digest = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
        name = name.encode()[: _LONGEST_NAME - 9].decode(errors="ignore") + "-" + digest
    return name
