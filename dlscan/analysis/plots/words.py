"""Numbers as a person reads them on a picture."""

import math

from dlscan.analysis.columns.cells import balanced, bound_text
from dlscan.metrics import Estimate


def estimate(found: Estimate) -> str:
    """An AUC or another fraction with its interval, or with its bound on a limit.

    `0.9473 ± 0.0012`, `> 0.9998 (68 %)`.
    """
    if found.bound is not None:
        return f"{found.bound[0]} {bound_text(*found.bound)} (68 %)"
    down, up = balanced(found.down, found.up)
    if down == up:
        return f"{found.value:.4f} ± {up:.4f}"
    return f"{found.value:.4f} +{up:.4f} -{down:.4f}"


def measured(found: Estimate) -> str:
    """A number to two digits of its uncertainty, or its bound on a limit.

    `0.512 ± 0.013`, `0.031 +0.012 -0.020`, `< 0.31`.
    """
    if found.bound is not None:
        return f"{found.bound[0]} {digits(found.bound[1], 2)}"
    high = max(found.down, found.up)
    if not 0 < high < math.inf:
        return digits(found.value, 3)
    most = max(abs(found.value), high)
    if not 1e-9 <= most < 1e12:
        power = math.floor(math.log10(most))
        value, down, up = (number / 10.0**power for number in (found.value, found.down, found.up))
        return f"({measured(Estimate(value, down, up))})e{power:+03}"
    decimals = max(1 - math.floor(math.log10(high)), 0)
    lower, upper = balanced(found.down, found.up)
    if lower == upper:
        return f"{found.value:.{decimals}f} ± {upper:.{decimals}f}"
    return f"{found.value:.{decimals}f} +{upper:.{decimals}f} -{lower:.{decimals}f}"


def count(number: float) -> str:
    """A number of events, or a sum of weights: `12,345`, `12.3`."""
    return f"{number:,.0f}" if number == round(number) or number >= 1000 else f"{number:.3g}"


def digits(number: float, count: int) -> str:
    """A number to `count` digits without an exponent where that is short: `0.0012`."""
    if number == 0 or not 1e-5 <= abs(number) < 1e6:
        return f"{number:.{count}g}"
    return f"{number:.{max(count - 1 - math.floor(math.log10(abs(number))), 0)}f}"


def thousands(number: float) -> str:
    """A large number at a tick: `20 k`, `3 M`."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:g} {letter}"
    return f"{number:g}"
