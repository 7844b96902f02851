"""Select models by an expression: `Width >= 64 and Ele_AUC > 0.9`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan import expressions
from dlscan.analysis.columns.column import Columns
from dlscan.analysis.columns.names import text_of
from dlscan.errors import UsageError
from dlscan.expressions.evaluate import select as select_rows


def select(expression: str, available: Columns) -> list[int]:
    """The positions of the rows for which `expression` holds.

    Parameters
    ----------
    expression : str
        Comparisons of columns, numbers and texts (`== != < <= > >= in`), joined by `and`, `or`, `not` and
        brackets. Names match without regard to case, texts too; one that is no word, such as `Model Name`,
        stands in backquotes. A comparison with a missing value is false.
    available : Columns
        All columns that there are.

    Raises
    ------
    UsageError
        If it is not such an expression, names no column, or compares numbers with texts.
    """

    def fault(reason: str) -> UsageError:
        return UsageError(f"--where {expression!r}: {reason}")

    def column(name: str) -> NDArray[Any]:
        found = available[available.find(name)]
        if found.joined:
            raise fault(
                f"{found.name} differs between repeats that are combined into one row; add --repeats each"
            )
        values = np.empty(available.rows, object)
        for row, value in enumerate(found.values):
            values[row] = _folded(value)
        return values

    words = expressions.Language("a column", "Width>=64", texts=True, computes=False, fault=fault)
    chosen = select_rows(expressions.parse(expression, words), available.rows, column)
    return np.flatnonzero(chosen).tolist()


def _folded(value: Any) -> Any:
    if isinstance(value, str):
        return value.casefold()
    return text_of(value).casefold() if isinstance(value, dict) else value
