"""Numbers as coloured cells."""

import math

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import NDArray

# even in steps to every eye; shares start at white
VALUES, SHARES = "cividis", "Blues"


def cells(axes: Axes, values: NDArray[np.float64], limits: tuple[float, float], colors: str) -> AxesImage:
    """A matrix as coloured cells, grey where there is no number."""
    palette = matplotlib.colormaps[colors].with_extremes(bad="#e8e8e8")
    image = axes.imshow(values, cmap=palette, vmin=limits[0], vmax=limits[1], aspect="auto")
    axes.grid(visible=False)
    axes.tick_params(which="both", length=0)
    axes.minorticks_off()
    axes.spines[:].set_visible(False)
    return image


def ink(value: float, low: float, high: float, colors: str) -> str:
    """Black or white, whichever is read on the colour of a cell."""
    if math.isnan(value):
        return "#000000"
    red, green, blue, _ = matplotlib.colormaps[colors]((value - low) / ((high - low) or 1.0))
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "#ffffff"
