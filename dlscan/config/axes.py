"""What `scan.grid`, `scan.space` and `scan.points` list, as sets of dotted keys. Pure."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.config.build import Collected, Problem, require_mapping
from dlscan.config.families.nested import leaves, with_family
from dlscan.config.scan import ScanOptions

# Dotted keys, `model.width`, with their values as they are written.
Choice = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Axis:
    """One list of a grid.

    Attributes
    ----------
    where : str
        Its key in the file.
    choices : tuple of dict
        What each of its values sets: one key, or several of one section.
    values : sequence
        The values as they are written.
    """

    where: str
    choices: tuple[Choice, ...]
    values: Sequence[Any]

    @property
    def key(self) -> str:
        """The key that is varied, or a section."""
        return self.where.split(".", 2)[2]

    @property
    def section(self) -> str:
        """The section that it varies."""
        return next(iter(self.choices[0])).split(".")[0]


def grid_axes(scan: ScanOptions, sections: Mapping[str, Any]) -> list[Axis]:
    """The lists of `scan.grid`, and those of `scan.space`; of numbers, the ends.

    Raises
    ------
    Problem
        If one is empty, is not of these sections, or sets what another one sets.
    """
    found, axes = Collected(), []
    setting: dict[str, str] = {}
    lists = {("grid", key): values for key, values in scan.grid.items()}
    lists |= {("space", key): each.examples for key, each in scan.space.items()}
    for (name, key), values in lists.items():
        where = f"scan.{name}.{key}"
        with found.collecting():
            if not values:
                raise Problem(where, "must list at least one value")
            choices = tuple(_choice(key, value, where, sections) for value in values)
            for item in dict.fromkeys(item for choice in choices for item in choice):
                if setting.setdefault(item, where) != where:
                    raise Problem(where, f"sets {item}, and so does {setting[item]}; choose one")
            axes.append(Axis(where, choices, values))
    found.settle()
    return axes


def choices_by_hand(points: Sequence[Mapping[str, Any]], sections: Mapping[str, Any]) -> list[Choice]:
    """The points of `scan.points`.

    Raises
    ------
    Problem
        If one sets what is not of these sections, or the same key twice.
    """
    found, choices = Collected(), []
    for number, point in enumerate(points):
        where, own = f"scan.points[{number}]", Choice()
        with found.collecting():
            for key, value in point.items():
                chosen = _choice(key, value, where, sections)
                if twice := own.keys() & chosen.keys():
                    raise Problem(where, f"sets {min(twice)} twice")
                own |= chosen
            choices.append(own)
    found.settle()
    return choices


def _within(key: str, value: Any) -> Choice:
    """What a network within a network sets, key by key; anything else as it is."""
    section, _, name = key.partition(".")
    if section != "model" or not name:
        return {key: value}
    nested = value
    for part in reversed(name.split(".")):
        nested = {part: nested}
    return {".".join((section, *map(str, path))): item for path, item in leaves(nested).items()}


def _choice(key: str, value: Any, where: str, sections: Mapping[str, Any]) -> Choice:
    chosen: Choice = {key: value}
    if key in sections:
        mapping = require_mapping(value, where)
        if not mapping:
            raise Problem(where, "has an empty mapping, which sets nothing")
        mapping = with_family(mapping) if key == "model" else mapping
        chosen = {f"{key}.{name}": item for name, item in mapping.items()}
    chosen = {name: item for own, value in chosen.items() for name, item in _within(own, value).items()}
    for name in chosen:
        section, _, rest = name.partition(".")
        varied = getattr(sections.get(section), "varied", None)
        if section not in sections or (varied is not None and rest.split(".")[0] not in varied):
            raise Problem(
                where,
                "a scan can vary data.normalize, data.augment, data.fraction and the keys of model and "
                "train, such as model.width or train.learning_rate, and of adversary all but kind, nuisance "
                "and classes, such as adversary.strength",
            )
    return chosen
