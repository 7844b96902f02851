"""What was perhaps meant by a name that does not exist, and words in the plural. Pure.

No suggestion is better than a wrong one, which sends people astray.
"""

from collections.abc import Iterable, Sequence

# Of what is listed where nothing is near.
_MOST_SHOWN = 15
# What other programs call the same.
_ALIASES = {
    "lr": "learning_rate",
    "layers": "depth",
    "neurons": "width",
    "units": "width",
    "walltime": "time",
    "mem": "memory",
    "ncpus": "cpus",
    "ngpus": "gpus",
}


def hint(name: object, valid: Iterable[str]) -> str:
    """`did you mean 'width'?`, or all names that there are, the first of very many."""
    names = list(valid)
    near = near_miss(name, names)
    return f"did you mean {near!r}?" if near else f"valid: {some(names) or 'none'}"


def near_miss(name: object, valid: Iterable[str]) -> str | None:
    """The one of `valid` that `name` misses by a slip or two, without regard to case; None if there is none.

    A slip is a letter too many, too few or wrong, or two that have changed places: one in a short name, one
    in four letters of a longer one.
    """
    folded = str(name).casefold()
    best, least = None, 4
    for candidate in valid:
        other = candidate.casefold()
        if _ALIASES.get(folded) == other:
            return candidate
        longer = max(len(folded), len(other))
        allowed = min(3, max(longer // 4, int(longer > 2)))
        if abs(len(folded) - len(other)) <= allowed:
            slips = _slips(folded, other)
            if slips <= allowed and slips < least:
                best, least = candidate, slips
    return best


def some(names: Sequence[str]) -> str:
    """All names, or the first of very many."""
    if len(names) <= _MOST_SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_SHOWN])} ... ({len(names)} in all)"


def plural(count: int, noun: str) -> str:
    """`noun` for one of them, and as it is for any other count."""
    return noun if count == 1 else f"{noun}{'es' if noun.endswith('s') else 's'}"


def counted(count: int, noun: str) -> str:
    """`1 point`, `2 points`, `3 processes`."""
    return f"{count} {plural(count, noun)}"


def agree(count: int, one: str, more: str) -> str:
    """The word that agrees with a count: `agree(count, "is", "are")`."""
    return one if count == 1 else more


def _slips(one: str, other: str) -> int:
    """The distance of Damerau and Levenshtein in which no letter is moved twice (optimal alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, against in enumerate(other, 1):
            least = min(last[j] + 1, row[-1] + 1, last[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        before, last = last, row
    return last[-1]
