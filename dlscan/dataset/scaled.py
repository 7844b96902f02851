"""Between which numbers the cells of an input are once they are scaled."""

import math

from dlscan.config import Normalization
from dlscan.dataset.statistics import Statistics

# What a loss can be of.
_RANGES = {"cross_entropy": (0.0, 1.0), "poisson": (0.0, math.inf)}
_ROUNDING = 1e-5


def scaled_range(how: Normalization, measured: Statistics) -> tuple[float, float]:
    """The least and the largest scaled value of the training split.

    Parameters
    ----------
    how : Normalization
        How an input is scaled.
    measured : Statistics
        Of its raw values.
    """
    factor = 1.0 if how.factor is None else how.factor
    ends = [*measured.minimum, *measured.maximum]
    match how.kind:
        case "minmax":
            return 0.0, 1.0
        case "quantile":
            return -(3**0.5), 3**0.5
        case "standard":
            of_features = list(zip(measured.mean, measured.std, strict=True))
            means, widths = [mean for mean, _ in of_features] * 2, [std or 1.0 for _, std in of_features] * 2
            ends = [(end - mean) / width for end, mean, width in zip(ends, means, widths, strict=True)]
        case "scale":
            factor = 1 / (measured.magnitude or 1) if how.factor is None else factor
            ends = [end * factor for end in ends]
        case "log":
            ends = [math.copysign(math.log1p(abs(end * factor)), end) for end in ends]
        case "tanh-log":
            ends = [end * factor / (2 + abs(end * factor)) for end in ends]
        case _:
            ends = [end * factor for end in ends]
    return min(ends), max(ends)


def has_range(loss: str) -> bool:
    """Whether a loss is of numbers in some range only."""
    return loss in _RANGES


def why_out_of_range(loss: str, how: Normalization, measured: Statistics) -> str | None:
    """Why a loss cannot be of an input that is to be given back, if so; `{}` stands for its name."""
    if not has_range(loss):
        return None
    low, high = scaled_range(how, measured)
    least, most = _RANGES[loss]
    if low >= least - _ROUNDING and high <= most + _ROUNDING:
        return None
    wanted = "between 0 and 1" if most == 1 else "of 0 and more"
    return (
        f"needs cells {wanted}, and those of {{}} go from {low:.3g} to {high:.3g} once they are scaled by "
        f"{how.kind}; data.normalize: minmax brings them between 0 and 1"
    )
