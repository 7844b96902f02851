"""Options of commands that draw, and the files that pictures go to."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlscan.cli.experiment import Command
from dlscan.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

FILE = click.option(
    "-o",
    "target",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Output file; the suffix selects .png, .pdf or .svg.",
)
SEED = click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of the random choice."
)
TRUST = click.option(
    "--trust-files", is_flag=True, help="Run the file that defines layers, as named by the record."
)
DEPTH = click.option(
    "--depth-axis",
    type=click.IntRange(1, 3),
    default=3,
    show_default=True,
    help="3-D images: the axis along the shower, counted from 1.",
)


def split(default: str) -> "Callable[[Command], Command]":
    return click.option("--split", default=default, show_default=True, help="train, validation or test.")


def require_picture(target: Path | None) -> None:
    """Refuse a suffix that no picture has, before anything is read."""
    # pictures go to files, whatever window system the shell has in mind
    os.environ["MPLBACKEND"] = "agg"
    if target is not None:
        from dlscan.analysis.plots import style

        style.require_format(target)


def save(draw: "Callable[[], list[Figure]]", target: Path) -> None:
    """Draw, and print the names of the files."""
    from dlscan.analysis.plots import style

    with style.applied():
        for path in style.save(draw(), target):
            say(path)
