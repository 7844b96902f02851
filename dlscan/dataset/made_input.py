"""An input that is more than a dataset of its name: what it was made from, and what was left out of it."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class MadeInput:
    """What `prepare` did to make an input.

    Attributes
    ----------
    recipe : dict
        How it is put together from the raw files: see `dlscan.raw.recipe`.
    features : tuple of str
        What its numbers are called; empty where nobody says it.
    cut_events, cut_entries : tuple of int, (classes,)
        Events that have more entries than are kept, and how many entries of theirs are left out.
    filled : int
        Numbers that were nan.
    """

    recipe: dict[str, Any]
    features: tuple[str, ...]
    cut_events: tuple[int, ...]
    cut_entries: tuple[int, ...]
    filled: int = 0

    @classmethod
    def from_plain(cls, value: dict[str, Any]) -> "MadeInput":
        """Read what `dataclasses.asdict` gives, from JSON."""
        listed = {name: tuple(value[name]) for name in ("features", "cut_events", "cut_entries")}
        return cls(**value | listed)
