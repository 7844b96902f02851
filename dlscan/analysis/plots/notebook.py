"""Figures that a notebook shows by themselves."""

import functools
import io

from matplotlib.figure import Figure

from dlscan.analysis.plots import style


def displayable(page: Figure, name: str = "plain") -> Figure:
    """`page`, settled in our style and with what a notebook asks an object for in order to show it.

    pyplot would choose a back end for the whole session, so that it stays out of this; without pyplot a
    notebook knows no way to show a figure.

    Parameters
    ----------
    page : Figure
        Drawn within `style.applied(name)`, as this is called.
    name : str
        The style.
    """
    # ticks and layout are made when a figure is drawn: here, and not under settings of whoever shows it
    page.draw_without_rendering()
    page._repr_png_ = functools.partial(_png, page, name)  # type: ignore[attr-defined]
    return page


def _png(page: Figure, name: str) -> bytes:
    target = io.BytesIO()
    with style.applied(name):
        page.savefig(target, format="png", dpi=100, metadata=style.METADATA[".png"])
    return target.getvalue()
