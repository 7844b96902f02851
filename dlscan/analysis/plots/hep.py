"""The styles of experiments, by mplhep: fonts, ticks and where axes are labelled."""

from typing import Any

from dlscan.errors import UsageError

# Sizes, colours and legends stay ours: those of mplhep are for one plot that fills a slide, ours for pages of
# panels, and its colours are not all told apart by the colour-blind.
_TAKEN = (
    "font.family",
    "font.sans-serif",
    "font.serif",
    "mathtext.",
    "xaxis.labellocation",
    "yaxis.labellocation",
    "axes.unicode_minus",
)
_TICKS = ("direction", "minor.visible", "top", "bottom", "left", "right")


def settings(name: str) -> dict[str, Any]:
    """What the style `name` of mplhep changes.

    Raises
    ------
    UsageError
        If mplhep is not installed.
    """
    try:
        import mplhep
    except ImportError:
        raise UsageError(
            f"--style {name}: needs the package mplhep; install it with pip install 'dlscan[hep]', or leave "
            "out --style"
        ) from None
    given: dict[str, Any] = dict(getattr(mplhep.style, name))
    taken = {key: value for key, value in given.items() if key.startswith(_TAKEN)}
    for axis in ("xtick", "ytick"):
        taken |= {key: given[key] for part in _TICKS if (key := f"{axis}.{part}") in given}
    # a name in letters that the font lacks is drawn in the one that comes with matplotlib
    family = taken.pop("font.family", "sans-serif")
    fonts = given.get(f"font.{family}", [])
    taken["font.family"] = [*fonts[:1], "DejaVu Sans"]
    return taken | {
        "axes.grid": False,
        "axes.spines.top": True,
        "axes.spines.right": True,
        "xtick.major.size": 6,
        "ytick.major.size": 6,
        "xtick.minor.size": 3,
        "ytick.minor.size": 3,
    }
