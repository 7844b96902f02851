"""Where the panels of a page go."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import Bbox

# of the page's width and height: far below a pixel, far above rounding errors
_DECIMALS = 8


class Layout(ConstrainedLayoutEngine):
    """Matplotlib's constrained layout, rounded.

    Its solver sums in the order of its variables in memory, so that places differ in their last digits from
    one time to the next, and with them the colour of a pixel here and there.

    Attributes
    ----------
    beside : float
        Inches of the page's width that its legend takes.
    """

    def __init__(self, beside: float = 0.0) -> None:
        super().__init__(w_pad=0.12, h_pad=0.1)
        self.beside = beside

    def execute(self, fig: Figure) -> Any:
        """Place all axes."""
        grids = super().execute(fig)
        for axes in fig.axes:
            taking_part = axes.get_in_layout()
            axes.set_position(Bbox(np.round(axes.get_position(original=True), _DECIMALS)), "original")
            # whoever places axes by hand takes them out of the next layout
            axes.set_in_layout(taking_part)
        return grids
