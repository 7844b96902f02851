"""What classes may be called: their labels make the names of columns, which must stay apart."""

import itertools
import unicodedata
from collections.abc import Callable, Collection, Sequence

from dlscan.errors import DataError

MEAN = "Mean"


def pair_name(a: str, b: str) -> str:
    """What numbers about class `a` against class `b` begin with: `A_vs_B`."""
    return f"{a}_vs_{b}"


def check_label(
    name: str, labels: Collection[str], key: str, problem: Callable[[str, str], Exception]
) -> None:
    """Raise `problem(key, message)` if columns of the table could not be told apart with this label."""
    folded = _folded(name)
    why = ""
    if folded == _folded(MEAN):
        why = "Mean_AUC is that of all classes"
    elif "_vs_" in f"_{folded}_":
        why = "_vs_ stands between two classes, as in the column A_vs_B_AUC"
    elif folded == "val" or folded.startswith("val_"):
        why = "columns of the validation split start with val_"
    elif not folded:
        why = "there is nothing to see of it"
    if why:
        raise problem(key, f"{why}; choose another label than {name}")
    for other in labels:
        if other != name and _folded(other) == folded:
            case = other.casefold() == name.casefold()
            how = "differ in case alone, which columns do not tell apart" if case else "look the same"
            raise problem(key, f"{name} and {other} {how}; choose another label")


def require_distinct(classes: Sequence[str]) -> None:
    """Check that no two numbers about these classes have the same name.

    Experiments are checked by `check_label`, which refuses more. This is for what was made before.

    Raises
    ------
    DataError
        If two have.
    """
    owners: dict[str, str] = {MEAN: "the mean of all classes"}
    whole = ((name, f"class {name}") for name in classes)
    pairs = ((pair_name(a, b), f"{a} against {b}") for a, b in itertools.permutations(classes, 2))
    for name, owner in itertools.chain(whole, pairs):
        if name in owners:
            raise DataError(
                f"{name}_AUC would be the AUC of {owners[name]} and that of {owner}; "
                "rename a class (data.classes) and prepare the dataset again"
            )
        owners[name] = owner


def _folded(name: str) -> str:
    """What columns, file names and people see of a label: neither case nor how letters are composed."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
