"""Numbers and lists as a report writes them."""

import math
from collections.abc import Sequence

from dlscan.analysis.columns.cells import UNICODE, entry
from dlscan.analysis.columns.column import Column
from dlscan.metrics.estimate import Estimate
from dlscan.spelling import plural

MOST_NAMED = 5


def number_text(column: Column, estimate: Estimate) -> str:
    """A number as a column has it, with its interval: `0.9404 ± 0.0032`."""
    down, up = (end if math.isfinite(end) else None for end in (estimate.down, estimate.up))
    return entry(Column(column.name, column.kind, (estimate.value,), errors=((down, up),)), 0, UNICODE)


def named(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """`a, b, c and 4 more`."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def counted(count: int, noun: str) -> str:
    """`1 model`, `1,204 models`."""
    return f"{count:,} {plural(count, noun)}"


def percent(share: float, decimals: int = 0) -> str:
    """`76 %`."""
    return f"{100 * share:.{decimals}f} %"
