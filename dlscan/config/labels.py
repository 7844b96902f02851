"""What classes may be called: their labels make the names of columns, which must stay apart."""

import itertools
import unicodedata
from collections.abc import Callable, Collection, Sequence

from dlscan.errors import DataError

MEAN = "Mean"
# The column of a history that is only there if early stopping monitors it.
VALIDATION_AREA = f"val_{MEAN}_AUC"


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
        why = "the column Mean_AUC is the mean over all classes"
    elif "_vs_" in f"_{folded}_":
        why = "_vs_ separates the two classes in columns such as A_vs_B_AUC"
    elif folded == "val" or folded.startswith("val_"):
        why = "val_ marks columns of the validation split"
    elif not folded:
        why = "the label is invisible"
    if why:
        raise problem(key, f"{why}; choose a label other than {name}")
    for other in labels:
        if other != name and _folded(other) == folded:
            case = other.casefold() == name.casefold()
            how = (
                "differ only in upper and lower case, which column names ignore" if case else "look the same"
            )
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
                f"the column {name}_AUC would be the AUC of both {owners[name]} and {owner}; "
                "rename a class (data.classes) and prepare the dataset again"
            )
        owners[name] = owner


def _folded(name: str) -> str:
    """What columns, file names and people see of a label: neither case nor how letters are composed."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
