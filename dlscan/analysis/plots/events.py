"""A per-event variable, such as the energy, and bins of it."""

import dataclasses
import itertools
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.analysis.labels import called, unicode_of
from dlscan.analysis.lookup import find
from dlscan.analysis.points.results import Floats
from dlscan.errors import UsageError

MOST_BINS = 1000

MOST_LOOKED_AT, EVENTS_LOOKED_AT = 64, 20_000

_ENERGY = re.compile(r"energy|[kMGT]eV\b|\bE\b|\bp_?T\b", re.IGNORECASE)
_INDEXED = re.compile(r"(?P<name>.+?)\s*\[(?P<items>[^\[\]]*)\]")


@dataclasses.dataclass(frozen=True)
class EventNumber:
    """A per-event variable: an extra and the place in it.

    Attributes
    ----------
    text : str
        As it was typed.
    name : str
        Of the extra.
    items : tuple of int
        The index behind that of the event.
    """

    text: str
    name: str
    items: tuple[int, ...]

    def take(self, extras: Mapping[str, NDArray[Any]]) -> Floats:
        """The value of every event, (N,).

        Raises
        ------
        UsageError
            If there is no such extra or no such place in it.
        """
        if not extras:
            raise UsageError(
                f"--by {self.text}: the scores were written without extras; add the variable to "
                "data.extras and train again"
            )
        name = find(self.name, extras, "extra")
        values = np.asarray(extras[name])
        shape = values.shape[1:]
        if len(self.items) != len(shape) or any(
            not -size <= item < size for item, size in zip(self.items, shape, strict=True)
        ):
            example = f"{name}[{','.join([':', *('0' for _ in shape)])}]" if shape else name
            raise UsageError(
                f"--by {self.text}: {name} has shape (events, {', '.join(map(str, shape))}); "
                f"name one value per event, such as {example}"
                if shape
                else f"--by {self.text}: {name} is one value per event; write {example}"
            )
        place: Any = (slice(None), *self.items)
        chosen = values[place]
        if not np.issubdtype(chosen.dtype, np.number) and chosen.dtype != bool:
            raise UsageError(f"--by {self.text}: {name} holds no numbers")
        return np.asarray(chosen, dtype=np.float64)


def event_number(text: str) -> EventNumber:
    """Read `target[:,0,1]` or `energy`; it is taken apart here, and runs no code.

    Raises
    ------
    UsageError
        If it is neither a name nor a name with an index of whole numbers behind a colon.
    """
    match = _INDEXED.fullmatch(text.strip())
    if match is None:
        if not text.strip() or set(text) & set("[]"):
            raise UsageError(f"--by {text}: write NAME or NAME[:,0,1], with a colon for the events")
        return EventNumber(text, text.strip(), ())
    first, *rest = (item.strip() for item in match["items"].split(","))
    if first not in (":", "...") or not all(re.fullmatch(r"[+-]?\d{1,9}", item) for item in rest):
        raise UsageError(
            f"--by {text}: the index must be a colon for the events, then whole numbers, such as [:,0,1]"
        )
    return EventNumber(text, match["name"], tuple(int(item) for item in rest))


def variables(extras: Mapping[str, NDArray[Any]]) -> dict[str, Floats]:
    """The per-event variables among the extras that are continuous, by how `--by` names them.

    What has few values, such as the code of a particle, is none. Of two that are equal to a part in a
    thousand the first counts. The first `MOST_LOOKED_AT` places of an extra and its first
    `EVENTS_LOOKED_AT` events decide.
    """
    found: dict[str, Floats] = {}
    for name, values in extras.items():
        if not np.issubdtype(values.dtype, np.floating):
            continue
        for index in itertools.islice(np.ndindex(values.shape[1:]), MOST_LOOKED_AT):
            number = np.asarray(values[(slice(EVENTS_LOOKED_AT), *index)], np.float64)
            different = len(np.unique(number)) > len(number) / 2
            if different and np.isfinite(number).all() and not _is_in(number, found):
                found[f"{name}[{','.join([':', *map(str, index)])}]" if index else str(name)] = number
    return found


def like_energy(extras: Mapping[str, NDArray[Any]], labels: Mapping[str, str]) -> str | None:
    """The one variable that looks like an energy: by its name or label, else the one that is positive.

    None where there is none, or several.
    """
    positive = [name for name, number in variables(extras).items() if number.min(initial=np.inf) > 0]
    named = [name for name in positive if _ENERGY.search(f"{name} {unicode_of(called(name, labels))}")]
    found = named or positive
    return found[0] if len(found) == 1 else None


def _is_in(number: Floats, found: Mapping[str, Floats]) -> bool:
    # the energy and the momentum of light particles
    return any(np.allclose(number, other, rtol=1e-3) for other in found.values())


def bin_edges(text: str | None, values: Floats, usual: int) -> Floats:
    """Edges of bins.

    Parameters
    ----------
    text : str or None
        `10`: as many events in each bin; `equal:10`: bins of equal width; `0,50,100`: edges; None: `usual`
        bins with as many events in each.
    values : ndarray
        What is binned; what is not finite is left out.
    usual : int
        How many bins without `text`.

    Returns
    -------
    ndarray
        Rising; there are fewer bins than asked for where values stand often.

    Raises
    ------
    UsageError
        If `text` is none of these, or there is nothing to bin.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        raise UsageError("there are no finite values to bin")
    text = str(usual) if text is None else text.strip()
    if "," in text:
        return _given(text)
    kind, _, count = text.rpartition(":")
    if kind not in ("", "equal", "quantile") or not re.fullmatch(r"\d{1,6}", count):
        raise _wrong(text)
    if not 1 <= int(count) <= MOST_BINS:
        raise UsageError(f"--bins {text}: must be from 1 to {MOST_BINS}")
    low, high = float(finite.min()), float(finite.max())
    if low == high:
        return np.array([low - 0.5, high + 0.5])
    if kind == "equal":
        return np.linspace(low, high, int(count) + 1)
    edges: Floats = np.unique(np.quantile(finite, np.linspace(0, 1, int(count) + 1)))
    return edges


def bin_count(text: str | None, usual: int) -> int:
    """The number of bins where only that can be chosen: `20`."""
    if text is None:
        return usual
    if not re.fullmatch(r"(equal:)?\d{1,6}", text.strip()):
        raise UsageError(
            f"--bins {text}: this picture has bins of equal width; give their number, such as 20"
        )
    count = int(text.rpartition(":")[2])
    if not 1 <= count <= MOST_BINS:
        raise UsageError(f"--bins {text}: must be from 1 to {MOST_BINS}")
    return count


def _given(text: str) -> Floats:
    try:
        edges = np.array([float(edge) for edge in text.split(",")])
    except ValueError:
        raise _wrong(text) from None
    if not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise UsageError(f"--bins {text}: edges must increase")
    return edges


def _wrong(text: str) -> UsageError:
    return UsageError(f"--bins {text}: give a number (10), equal:10, or edges (0,50,100,500)")
