"""Which keys are for which points: some are for one family of networks or for some optimizers alone. Pure."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.config.axes import Axis, Choice
from dlscan.config.data import Data
from dlscan.config.dotted import put
from dlscan.config.models import Model
from dlscan.config.train import Train

# What a scan may vary. `kind` of each is the key that decides which others there are, `applies` says which.
SECTIONS: dict[str, Any] = {"data": Data, "model": Model, "train": Train}


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
        self._applying: dict[tuple[str, str, bool], bool] = {}

    def __call__(self, section: str, own: Choice, by_hand: bool) -> tuple[dict[str, Any], Choice]:
        """The section with these keys set, and which of them are: without what is not for its family."""
        rule, written = SECTIONS[section], self._written[section]
        kind = own.get(f"{section}.{rule.kind}", self._kind_of_file(section))

        def fits(name: str, varied: bool) -> bool:
            return rule.applies(name, kind) or not self._is_for_some(section, name, varied)

        kind = kind if isinstance(kind, str) else ""
        mapping = {name: value for name, value in written.items() if fits(name, False)}
        kept = {key: value for key, value in own.items() if by_hand or fits(key.split(".")[1], True)}
        for key, value in kept.items():
            mapping = put({section: mapping}, key, value)[section]
        return mapping, kept

    def _is_for_some(self, section: str, name: str, varied: bool) -> bool:
        """Whether a key is for some of the points; one in the file alone may be for what stands there."""
        asked = section, name, varied
        if asked not in self._applying:
            kinds = self._kinds[section] | (set() if varied else {self._kind_of_file(section)})
            self._applying[asked] = any(SECTIONS[section].applies(name, kind) for kind in kinds)
        return self._applying[asked]

    @functools.cached_property
    def _kinds(self) -> dict[str, set[Any]]:
        """The families and the optimizers of all points."""
        found = {}
        for section, rule in SECTIONS.items():
            key, of_file = f"{section}.{rule.kind}", self._kind_of_file(section)
            deciding = [axis for axis in self._axes if any(key in choice for choice in axis.choices)]
            of_grid = [choice for axis in deciding for choice in axis.choices] or [{}] * self._has_grid
            values = [choice.get(key, of_file) for choice in [*of_grid, *self._by_hand]]
            found[section] = {value if isinstance(value, str) else "" for value in values}
        return found

    def _kind_of_file(self, section: str) -> str:
        rule = SECTIONS[section]
        kind = self._written[section].get(rule.kind, getattr(rule, rule.kind))
        return kind if isinstance(kind, str) else ""
