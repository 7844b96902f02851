"""Names that a person types, found without regard to case."""

import difflib
from collections.abc import Iterable

from dlscan.errors import UsageError


def find(name: str, valid: Iterable[str], what: str) -> str:
    """The one of `valid` that `name` means.

    Parameters
    ----------
    name : str
        As typed; letters count without regard to case unless two names differ in nothing else.
    valid : iterable of str
        Names that exist.
    what : str
        What is named, for the message: `column`.

    Raises
    ------
    UsageError
        If there is none; the message names the nearest, or all.
    """
    valid = list(valid)
    if name in valid:
        return name
    by_folded = {candidate.casefold(): candidate for candidate in reversed(valid)}
    if name.casefold() in by_folded:
        return by_folded[name.casefold()]
    near = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.5)
    hint = f"did you mean {by_folded[near[0]]!r}?" if near else f"valid: {', '.join(valid)}"
    raise UsageError(f"no {what} {name!r}; {hint}")
