"""What the choices of a point make of the sections of an experiment."""

import dataclasses
import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.config.axes import Axis, Choice
from dlscan.config.build import Problem, UnknownKey, build, plain
from dlscan.config.fitting import SECTIONS, Fitting
from dlscan.config.models import Model


@dataclasses.dataclass(frozen=True)
class Part:
    """What the choices of a point make of one section: built, plain, and those that it kept."""

    built: Any
    plain: dict[str, Any]
    kept: Choice

    @functools.cached_property
    def content(self) -> str:
        """Equal texts are equal sections."""
        return json.dumps(self.plain, sort_keys=True)


# By the section's name and its text, as built and as plain values.
Built = dict[tuple[str, str], tuple[Any, dict[str, Any]]]


class Parts:
    """Makes the parts of points, and remembers which choices are at fault.

    Parameters
    ----------
    written : mapping of str to mapping
        The sections as they stand in the file, without defaults.
    axes : sequence of Axis
        What varies.
    has_grid : bool
        Whether there are points beside those by hand.
    by_hand : sequence of Choice
        Points that are written out.
    built : Built, optional
        What sections with the same functions in files have been built already; it grows.
    """

    def __init__(
        self,
        written: Mapping[str, Mapping[str, Any]],
        axes: Sequence[Axis],
        has_grid: bool,
        by_hand: Sequence[Choice],
        built: "Built | None" = None,
    ) -> None:
        self.fitting = Fitting(written, axes, has_grid, by_hand)
        self.built: Built = {} if built is None else built
        self._at_fault: set[tuple[str, int]] = set()
        self._without: dict[tuple[str, str], Part] = {}

    def is_at_fault(self, own: Choice) -> bool:
        """Whether one of these choices has been refused by itself."""
        return bool(self._at_fault & {(key, id(value)) for key, value in own.items()})

    def of(self, own: Choice, where: str, by_hand: bool) -> dict[str, Part]:
        """The parts of a point, by section."""
        return {section: self.part(section, own, where, by_hand) for section in SECTIONS}

    def read(self, parts: dict[str, Part], where: str) -> dict[str, Part]:
        """A point without the keys of other sections that its family has no use for."""
        model: Model = parts["model"].built
        read = dict(parts)
        for section, part in parts.items():
            left = {key: value for key, value in part.kept.items() if section == "model" or model.reads(key)}
            if len(left) == len(part.kept):
                continue
            if where != "scan.grid":
                unread = next(key for key in part.kept if key not in left)
                raise Problem(where, f"sets {unread}, which {model.family} has no use for; remove it")
            asked = section, json.dumps(left, sort_keys=True, default=repr)
            if asked not in self._without:
                self._without[asked] = self.part(section, left, where, False)
            read[section] = self._without[asked]
        return read

    def part(self, section: str, own: Choice, where: str, by_hand: bool) -> Part:
        """What choices make of a section.

        Raises
        ------
        Problem
            If that cannot be.
        """
        mapping, kept = self.fitting(section, of_section(section, own), by_hand)
        # thousands of points have most of their sections in common
        text = section, repr(mapping)
        if text not in self.built:
            try:
                built = build(SECTIONS[section], mapping, section)
            except Problem as problem:
                raise self._refused(section, kept, where, problem) from None
            self.built[text] = built, plain(built)
        return Part(*self.built[text], kept)

    def _refused(self, section: str, own: Choice, where: str, problem: Problem) -> Problem:
        """The problem of a combination under its name, or under that of the one key that is at fault."""
        rule = SECTIONS[section]
        nowhere = {each.key for each in problem.all if isinstance(each, UnknownKey)}
        for key, value in own.items():
            name = key.split(".")[1]
            kind = own.get(f"{section}.{rule.decided_by(name)}", "")
            if isinstance(kind, str) and kind and key not in nowhere and not rule.applies(name, kind):
                continue  # what is not for the kind that is set beside it
            try:
                build(SECTIONS[section], self.fitting(section, {key: value}, True)[0], section)
            except Problem as alone:
                if (alone.key, str(alone)) == (problem.key, str(problem)):
                    # once is enough
                    self._at_fault.add((key, id(value)))
                    return Problem(f"{where}.{problem.key}", str(problem))
        name = ", ".join(f"{key}={value}" for key, value in own.items())
        return Problem(where, f"{name}: {problem}" if name else str(problem))


def of_section(section: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a section."""
    return {key: value for key, value in params.items() if key.split(".")[0] == section}
