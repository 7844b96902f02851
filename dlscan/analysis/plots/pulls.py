"""Pulls of replicas of a closure test: errors in units of the intervals, beside a normal distribution."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dlscan.analysis.plots import style

_LIMIT, _BINS = 4.0, 16


def draw(path: Path, pulls: Sequence[float], title: str, note: str) -> Path:
    """A histogram of `pulls` with its statistical errors; the file that was written."""
    with style.applied():
        page = style.figure(6.4, 4.4)
        axes = page.subplots()
        edges = np.linspace(-_LIMIT, _LIMIT, _BINS + 1)
        counts, _ = np.histogram(np.clip(pulls, -_LIMIT, _LIMIT), edges)
        centres, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
        axes.bar(centres, counts, width, color=style.color(0), alpha=0.35)
        axes.errorbar(centres, counts, np.sqrt(counts), fmt="none", ecolor=style.color(0))
        x = np.linspace(-_LIMIT, _LIMIT, 200)
        normal = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) * len(pulls) * width
        axes.plot(x, normal, color=style.INK, label="right intervals")
        axes.set_xlabel("(test - truth) / interval")
        axes.set_ylabel("replicas")
        axes.set_ylim(bottom=0)
        axes.legend()
        style.title(page, title)
        style.footnote(page, note)
        return style.save([page], path)[0]
