"""Names that a person types, found without regard to case."""

import csv
import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping

from dlscan.errors import UsageError
from dlscan.spelling import hint


def split_names(text: str) -> list[str]:
    """The names in `Width,Depth`; one that holds a comma itself stands in double quotes."""
    (row,) = csv.reader([text], skipinitialspace=True) if text.strip() else ([],)
    return [name.strip() for name in row if name.strip()]


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
    # a short name that is ambiguous, as `Learning_Rate` is in a scan that also has boosted trees
    longer = [candidate for candidate in valid if candidate.casefold().endswith(f".{name.casefold()}")]
    meant = f"did you mean {' or '.join(map(repr, longer))}?" if longer else hint(name, valid)
    raise UsageError(f"no {what} {name!r}; {meant}")


def find_column(
    name: str, keys: Mapping[str, str], what: str = "column", aliases: Mapping[str, str] | None = None
) -> str:
    """The column that `name` means.

    A column is found by its name, by what people call it, by its key in the experiment file, and that of a
    pair in either order.

    Parameters
    ----------
    name : str
        As typed: `Width`, `model.width`, `Pi0_vs_Gamma_AUC` for `Gamma_vs_Pi0_AUC`, which is the same number.
    keys : mapping of str to str
        The key of every column that exists, empty for one that is no parameter.
    what : str
        What is named, for the message.
    aliases : mapping of str to str, optional
        What people call columns, in lower case: `{"val_auc": "val_Mean_AUC"}`. They may name columns that do
        not exist.

    Raises
    ------
    UsageError
        If there is none; the message names the nearest.
    """
    try:
        return find(name, keys, what)
    except UsageError:
        folded = {alias: column for alias, column in (aliases or {}).items() if column in keys}
        folded |= {key.casefold(): column for column, key in keys.items() if key}
        folded |= {column.casefold(): column for column in reversed(list(keys))}
        for spelling in (name.casefold(), *_other_orders(name.casefold())):
            if spelling in folded:
                return folded[spelling]
        raise


def matching(
    pattern: str, keys: Mapping[str, str], what: str = "column", aliases: Mapping[str, str] | None = None
) -> list[str]:
    """The columns that `pattern` means: all that fit if it holds `*` or `?`, else what `find_column` finds.

    Raises
    ------
    UsageError
        If there is none.
    """
    if not set(pattern) & set("*?"):
        return [find_column(pattern, keys, what, aliases)]
    # a bracket is part of a name, and no choice of letters
    expression = re.compile(fnmatch.translate(pattern.casefold().replace("[", "[[]")))
    found = [name for name in keys if expression.match(name.casefold())]
    if not found:
        raise UsageError(f"no {what} fits {pattern!r}; `--list` shows all there are")
    return found


def _other_orders(name: str) -> Iterator[str]:
    """`b_vs_a_auc` for `a_vs_b_auc`; a class may itself hold `_vs_`."""
    pair = name.removesuffix("_auc")
    if pair == name:
        return
    start = "val_" if pair.startswith("val_") else ""
    parts = pair.removeprefix(start).split("_vs_")
    for cut in range(1, len(parts)):
        yield f"{start}{'_vs_'.join(parts[cut:])}_vs_{'_vs_'.join(parts[:cut])}_auc"
