"""Which keys are for which points: some are for one family of networks or some optimizers alone. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.config.axes import Axis, Choice
from dlscan.config.data import Data
from dlscan.config.dotted import put
from dlscan.config.models import Model
from dlscan.config.train import Train

# What a scan may vary. `decided_by` of each names the key that decides whether there is another, `applies`
# the values for which there is.
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
        self._known_kinds: dict[str, set[str]] = {}

    def __call__(self, section: str, own: Choice, by_hand: bool) -> tuple[dict[str, Any], Choice]:
        """The section with these keys set, and which of them are: without what is not for its family."""
        rule, written = SECTIONS[section], self._written[section]

        def fits(name: str, varied: bool) -> bool:
            key = rule.decided_by(name)
            kind = own.get(f"{section}.{key}", self._kind_of_file(section, key))
            return rule.applies(name, _text(kind)) or not self._is_for_some(section, name, varied)

        mapping = {name: value for name, value in written.items() if fits(name, False)}
        kept = {key: value for key, value in own.items() if by_hand or fits(key.split(".")[1], True)}
        for key, value in kept.items():
            mapping = put({section: mapping}, key, value)[section]
        return mapping, kept

    def _is_for_some(self, section: str, name: str, varied: bool) -> bool:
        """Whether a key is for some of the points; one in the file alone may be for what stands there."""
        asked = section, name, varied
        if asked not in self._applying:
            key = SECTIONS[section].decided_by(name)
            kinds = self._kinds(section, key) | (set() if varied else {self._kind_of_file(section, key)})
            self._applying[asked] = any(SECTIONS[section].applies(name, kind) for kind in kinds)
        return self._applying[asked]

    def _kinds(self, section: str, name: str) -> set[str]:
        """What a deciding key is at all points: their families, or their optimizers."""
        key, of_file = f"{section}.{name}", self._kind_of_file(section, name)
        if key not in self._known_kinds:
            deciding = [axis for axis in self._axes if any(key in choice for choice in axis.choices)]
            of_grid = [choice for axis in deciding for choice in axis.choices] or [{}] * self._has_grid
            chosen = [*of_grid, *self._by_hand]
            self._known_kinds[key] = {_text(choice.get(key, of_file)) for choice in chosen}
        return self._known_kinds[key]

    def _kind_of_file(self, section: str, name: str) -> str:
        return _text(self._written[section].get(name, getattr(SECTIONS[section], name)))


def _text(kind: Any) -> str:
    return kind if isinstance(kind, str) else ""
