"""Which keys are for which points: some are for one family of networks or some optimizers alone. Pure."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.config.adversary import Adversary
from dlscan.config.axes import Axis, Choice
from dlscan.config.data import Data
from dlscan.config.dotted import get, put
from dlscan.config.families.nested import leaves, place_of
from dlscan.config.models import Model
from dlscan.config.train import Train

# What a scan may vary. `decided_by` of each names the key that decides whether there is another, `applies`
# the values for which there is.
SECTIONS: dict[str, Any] = {"data": Data, "model": Model, "train": Train, "adversary": Adversary}


class Fitting:
    """Merges what a point sets with the file.

    Parameters
    ----------
    written : mapping of str to mapping
        The sections as they stand in the file.
    axes : sequence of Axis
        The lists of the grid.
    has_grid : bool
        Whether there are points of the grid; without lists it is one, which sets nothing.
    by_hand : sequence of dict
        What points set that are written by hand.
    """

    def __init__(
        self,
        written: Mapping[str, Mapping[str, Any]],
        axes: Sequence[Axis],
        has_grid: bool,
        by_hand: Sequence[Choice],
    ) -> None:
        self._written, self._axes, self._has_grid, self._by_hand = written, axes, has_grid, by_hand
        self._applying: dict[tuple[str, str, str, bool], bool] = {}
        self._known_kinds: dict[str, set[str]] = {}
        self._of_file: dict[tuple[str, str], str] = {}

    def __call__(self, section: str, own: Choice, by_hand: bool) -> tuple[dict[str, Any], Choice]:
        """The section with these keys set, and which of them are: without what is not for its family."""
        rule = SECTIONS[section]

        def fits(name: str, varied: bool) -> bool:
            for key, part in _deciding(section, name):
                applies = rule.applies(part, _text(self._kind(section, key, own)))
                if not applies and self._is_for_some(section, key, part, varied):
                    return False
            return True

        mapping: dict[str, Any] = {}
        for path, value in _leaves(section, self._written[section]).items():
            if fits(".".join(map(str, path)), False):
                below = mapping
                for name in path[:-1]:
                    below = below.setdefault(name, {})
                below[path[-1]] = value
        kept = {key: value for key, value in own.items() if by_hand or fits(key.partition(".")[2], True)}
        for key, value in kept.items():
            mapping = put({section: mapping}, key, value)[section]
        return mapping, kept

    def _is_for_some(self, section: str, key: str, name: str, varied: bool) -> bool:
        """Whether a key is for some of the points; one in the file alone may be for what stands there."""
        asked = section, key, name, varied
        if asked not in self._applying:
            kinds = self._kinds(section, key) | (set() if varied else {self._kind_of_file(section, key)})
            self._applying[asked] = any(SECTIONS[section].applies(name, kind) for kind in kinds)
        return self._applying[asked]

    def _kinds(self, section: str, name: str) -> set[str]:
        """What a deciding key is at all points: their families, or their optimizers."""
        key, of_file = f"{section}.{name}", self._kind_of_file(section, name)
        if key not in self._known_kinds:
            deciding = [axis for axis in self._axes if any(_sets(choice, key) for choice in axis.choices)]
            of_grid = [choice for axis in deciding for choice in axis.choices] or [{}] * self._has_grid
            chosen = [*of_grid, *self._by_hand]
            self._known_kinds[key] = {_text(self._kind(section, name, choice, of_file)) for choice in chosen}
        return self._known_kinds[key]

    def _kind(self, section: str, name: str, own: Choice, of_file: str | None = None) -> Any:
        """The value of a deciding key where a point sets `own`."""
        if above := _sets(own, f"{section}.{name}"):
            inside = f"{section}.{name}".removeprefix(above).lstrip(".")
            value = get(own[above], inside) if inside and isinstance(own[above], Mapping) else own[above]
            return _default(section, name) if value is None else value
        return self._kind_of_file(section, name) if of_file is None else of_file

    def _kind_of_file(self, section: str, name: str) -> str:
        asked = section, name
        if asked not in self._of_file:
            value = get(self._written[section], name)
            self._of_file[asked] = _text(_default(section, name) if value is None else value)
        return self._of_file[asked]


def _default(section: str, name: str) -> Any:
    """What a deciding key is where nothing sets it; networks within networks have the same."""
    return getattr(SECTIONS[section], name.rpartition(".")[2])


def _sets(own: Choice, key: str) -> str:
    """The key of a point that sets `key`, alone or with what is around it; empty if none does."""
    return next((other for other in own if key == other or key.startswith(f"{other}.")), "")


def _leaves(section: str, written: Mapping[str, Any]) -> dict[tuple[str, ...], Any]:
    """The keys that a section has, those of networks within a network one by one."""
    return leaves(written) if section == "model" else {(name,): value for name, value in written.items()}


# asked for every key of every point
@functools.cache
def _deciding(section: str, name: str) -> list[tuple[str, str]]:
    """The keys that decide whether there is the dotted key `name`, and what each of them decides about."""
    first = name.split(".")[0]
    found = [(SECTIONS[section].decided_by(first), first)]
    within, own = place_of(name) if section == "model" else ("", name)
    return [*found, *([(f"{within}.family", own.split(".")[0])] if within else [])]


def _text(kind: Any) -> str:
    return kind if isinstance(kind, str) else ""
