"""What a search has proposed, as the plan keeps it: frozen, and never computed again."""

import dataclasses
import importlib.metadata
import platform
from collections.abc import Iterable, Mapping
from typing import Any

import dlscan
from dlscan.errors import ScanError
from dlscan.fields import misfit

# what decides which points a method draws, apart from dlscan itself
_PACKAGES = ("numpy", "scipy", "optuna", "cmaes")


@dataclasses.dataclass(frozen=True)
class Proposal:
    """Points that were proposed together, and why these.

    Attributes
    ----------
    points : list of int
        Their numbers; of repeats, that of the first. None where a search with `scan.halving` has ended before
        its budget.
    method : str
        The method.
    seed : int
        Of its random numbers.
    learned : dict of str to (list of float or str)
        What it knew that the proposal before it did not: by the numbers of points their results, `diverged`
        or `crashed`. All other points of the plan were running.
    others : int
        How many points of another scan it knew.
    notes : list of dict
        For each point what the method wants to know of it later.
    versions : dict of str to str
        Of the packages that drew it.
    time : str
        When: ISO 8601, UTC.
    """

    points: list[int]
    method: str
    seed: int
    learned: dict[str, list[float] | str]
    others: int
    notes: list[dict[str, Any]]
    versions: dict[str, str]
    time: str

    @classmethod
    def read(cls, value: Any) -> "Proposal":
        """Read what a plan has.

        Raises
        ------
        ScanError
            If that cannot be.
        """
        wrong = misfit(cls, value)
        if wrong:
            raise ScanError(f"damaged proposal ({wrong})")
        try:
            known = {field.name for field in dataclasses.fields(cls)}
            return cls(**{name: item for name, item in value.items() if name in known})
        except TypeError as error:
            raise ScanError(f"damaged proposal ({error})") from None


def learned_before(proposals: Iterable[Proposal]) -> dict[str, list[float] | str]:
    """What is known after these proposals."""
    known: dict[str, list[float] | str] = {}
    for proposal in proposals:
        known |= proposal.learned
    return known


def notes_by_point(proposals: Iterable[Proposal]) -> dict[int, Mapping[str, Any]]:
    """The notes of each point that a method has drawn."""
    return {
        number: notes
        for proposal in proposals
        for number, notes in zip(proposal.points, proposal.notes, strict=False)
    }


def versions() -> dict[str, str]:
    """Versions of dlscan and of what decides which points are drawn."""
    found = {"dlscan": dlscan.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
