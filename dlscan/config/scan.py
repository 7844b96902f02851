"""The `scan` section: which points to try."""

import dataclasses
from typing import Annotated, Any

from dlscan.config.build import Collected, Min, Problem, plain
from dlscan.config.folds import FoldScan
from dlscan.config.halving import Halving
from dlscan.config.search import Dimension, Search

# keys that plans have always had; later ones are in plans only where they are used
_ALWAYS = ("grid", "points", "repeats")


@dataclasses.dataclass(frozen=True)
class ScanOptions:
    """Which points to try: the product of the lists in `grid`, and `points`, which are written by hand.

    `repeats` points of each differ in their seed alone, with `folds` points of each in the events that
    validate them. With `halving` only the best train all their epochs. With `search`, points are chosen from
    `space` and from the lists of `grid`, with a look at those that are known. With `refit` the best is
    trained once more in the end, on all folds.
    """

    grid: dict[str, tuple[Any, ...]] = dataclasses.field(default_factory=dict)
    points: tuple[dict[str, Any], ...] = ()
    repeats: Annotated[int, Min(1)] = 1
    folds: FoldScan | None = None
    halving: Halving | None = None
    space: dict[str, Dimension] = dataclasses.field(default_factory=dict)
    search: Search | None = None
    refit: bool = False

    def trainings(self, folds: Any) -> int:
        """How many points there are of each choice: repeats, in each fold; `folds` is `data.folds`."""
        return self.repeats * (1 if self.folds is None else self.folds.trainings(folds))

    @property
    def dimensions(self) -> dict[str, Dimension]:
        """All that a search varies, by the keys of the file."""
        return {**{key: Dimension(values) for key, values in self.grid.items()}, **self.space}

    def require_search(self) -> None:
        """Check that a search has the keys of its method, and can list all values if it tries them all.

        Raises
        ------
        Problem
            If not. Plans may have what was not refused before.
        """
        found = Collected()
        if self.search is not None:
            with found.collecting():
                self.search.require_fit("scan.search")
        for key, each in self.dimensions.items():
            if self.search is not None and self.search.method == "grid" and each.values is None:
                with found.collecting():
                    raise Problem(
                        f"scan.space.{key}",
                        f"grid needs steps, or a list: it cannot try all values of {each.plain()!r}; "
                        "add steps, such as steps: 5",
                    )
        found.settle()

    def plain(self) -> dict[str, Any]:
        """What reads back as this."""
        own = {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}
        return {
            name: value for name, value in own.items() if name in _ALWAYS or value not in (None, {}, False)
        }
