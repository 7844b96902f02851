"""One entry of a table as a person wants to read it."""

import dataclasses
import math
from typing import Any

from dlscan.analysis.columns.column import Column, Interval
from dlscan.analysis.columns.names import text_of

MISSING = "-"
AREA_DECIMALS = 4
MOST_DECIMALS = 12
# numbers beyond these are written with a power of ten
_LARGE, _SMALL = 1e12, 1e-9
# sides that differ by less are shown as one: two digits of an uncertainty say no more
NEARLY = 0.9


@dataclasses.dataclass(frozen=True)
class Style:
    """How a format writes what is uncertain, as `str.format` patterns."""

    symmetric: str
    asymmetric: str
    infinity: str = "inf"
    bound: str = "{side} {limit} (68 %)"


PLAIN = Style("{value} +- {up}", "{value} +{up} -{down}")
UNICODE = Style("{value} ± {up}", "{value} +{up} -{down}", "∞")


def cell(value: Any, column: Column) -> str:
    """One value, without its uncertainty: an AUC to four decimals, a spread to two digits."""
    if value is None:
        return MISSING
    match column.kind:
        case "auc":
            return f"{value:.{AREA_DECIMALS}f}"
        case "difference":
            return f"{value:+.{AREA_DECIMALS}f}"
        case "change":
            return f"{value:+.4g}"
        case "significance":
            return f"{value:+.2f}"
        case "spread":
            return f"{value:.{_decimals(value, 2) if 0 < value < math.inf else 0}f}"
        case "number":
            # 123457 events per second, not 1.235e+05
            return f"{value:.0f}" if 1e4 <= abs(value) < _LARGE else f"{value:.4g}"
        case "parameter":
            return one_line(text_of(value))
    return one_line(str(value))


def entry(column: Column, row: int, style: Style = PLAIN) -> str:
    """One value with its uncertainty or its spread over repeats, if the column has them: `0.942 +- 0.003`."""
    value = column.values[row]
    spread = None if column.spreads is None else column.spreads[row]
    interval: Interval | None = None if spread is None else (spread, spread)
    if column.errors is not None:
        interval = column.errors[row]
    if value is None or interval is None:
        return cell(value, column)
    known = [abs(end) for end in interval if end]
    most = max([abs(value), *known])
    plain = column.kind not in ("number", "change") or _SMALL <= most < _LARGE
    if plain or not known or not math.isfinite(most):
        return _uncertain(value, interval, column, style)
    power = math.floor(math.log10(most))
    down, up = (None if end is None else end / 10.0**power for end in interval)
    return f"({_uncertain(value / 10.0**power, (down, up), column, style)})e{power:+03}"


def one_line(text: str) -> str:
    """`text` without line breaks and without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _uncertain(value: float, interval: Interval, column: Column, style: Style) -> str:
    """The value to two digits of its uncertainty; an AUC to four decimals, or to one digit of it.

    A value on a limit of its range has a bound instead: `> 0.9998 (68 %)` for an AUC of 1.
    """
    signed = column.kind in ("difference", "change")
    limit = None if signed else _bound(value, interval)
    if limit is not None:
        return style.bound.format(side=limit[0], limit=limit[1])
    known = [end for end in interval if end is not None and end > 0]
    if not known:
        middle, decimals = cell(value, column), 0
    else:
        area = column.kind in ("auc", "difference")
        largest = max(known)
        decimals = max(_decimals(largest, 1), AREA_DECIMALS) if area else _decimals(largest, 2)
        sign = "+" if signed else ""
        middle = f"{value:{sign}.{decimals}f}"
    interval = balanced(*interval)
    down, up = (style.infinity if end is None else f"{end:.{decimals}f}" for end in interval)
    return (style.symmetric if down == up else style.asymmetric).format(value=middle, down=down, up=up)


def _decimals(number: float, digits: int) -> int:
    """How many decimals show `digits` digits of `number`, which is above 0."""
    return min(max(digits - 1 - math.floor(math.log10(number)), 0), MOST_DECIMALS)


def _bound(value: float, interval: Interval) -> tuple[str, str] | None:
    down, up = interval
    if down is None or up is None or not 0 <= min(down, up) <= 0.01 * max(down, up):
        return None
    # most tables have none
    from dlscan.metrics.estimate import Estimate

    found = Estimate(value, down, up).bound
    return None if found is None else (found[0], bound_text(*found))


def bound_text(side: str, limit: float) -> str:
    """A bound to four decimals, rounded to the side on which it stays true."""
    edge = (math.floor if side == ">" else math.ceil)(round(limit * 1e4, 6)) / 1e4
    return f"{edge:.{AREA_DECIMALS}f}" if 0 < edge < 1 else f"{limit:.4g}"


def balanced(down: float | None, up: float | None) -> Interval:
    """An interval that is all but symmetric as one that is, by its longer side."""
    if down is None or up is None or min(down, up) < NEARLY * max(down, up):
        return down, up
    return max(down, up), max(down, up)
