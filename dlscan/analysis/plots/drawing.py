"""From scans to the files of a picture."""

import re
from collections.abc import Sequence
from pathlib import Path

from dlscan.analysis.plots import KINDS, Options, style
from dlscan.analysis.records import load
from dlscan.analysis.table import ordered


def plot(kind: str, scans: Sequence[Path], options: Options, file: Path | None = None) -> list[Path]:
    """Draw a picture of every finished point of `scans`.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    scans : sequence of Path
        Directories of scans.
    options : Options
        What to draw.
    file : Path, optional
        Where to, as PNG, PDF or SVG by its suffix; by default a PNG in the folder `plots` of the first scan.

    Returns
    -------
    list of Path
        The files written: more than one when several pages do not fit into one file.

    Raises
    ------
    UsageError
        If the key, a column to sort by or the file's format does not exist.
    ScanError
        If no point is done, or none has what the picture needs.
    """
    if file is not None:
        style.require_format(file)
    points = ordered(load(scans), options.sort)
    with style.applied():
        drawing = KINDS[kind](points, options)
        return style.save(drawing.pages, file or scans[0] / "plots" / _file_name(drawing.name))


def _file_name(name: str) -> str:
    """A class may be called anything, even a path."""
    return re.sub(r"[^\w.+-]", "_", name) + ".png"
