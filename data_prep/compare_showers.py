"""Compare two sets of LCD class directories: means in a table, profiles in a picture."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from particles import PARTICLES
from tabulate import tabulate
from writing import run

from dlscan.errors import DataError
from dlscan.files import written_whole
from dlscan.hdf5 import open_hdf5

Floats = NDArray[np.floating]
# Okabe and Ito's blue and vermilion, which the colour-blind tell apart
REFERENCE, SIMULATION = "#0072b2", "#d55e00"
SUM_BINS = 30


@dataclasses.dataclass(frozen=True)
class Sample:
    """What is compared of N events of a class.

    Attributes
    ----------
    ecal_sum, hcal_sum : ndarray, (N,)
        Visible over true energy.
    ecal_depth, hcal_depth : ndarray, (N, planes)
        Visible energy of each plane over true energy.
    lateral : ndarray, (N, rows)
        Visible energy of each row of cells in ECAL over true energy.
    ecal_hit, hcal_hit : float
        Share of the cells that are not empty.
    """

    ecal_sum: Floats
    hcal_sum: Floats
    ecal_depth: Floats
    hcal_depth: Floats
    lateral: Floats
    ecal_hit: float
    hcal_hit: float


def read(directory: Path) -> Sample:
    """Read all files of a class directory."""
    files = sorted(directory.glob("[!.]*.h5"))
    if not files:
        raise DataError(f"{directory}: no HDF5 files")
    parts = []
    for path in files:
        with open_hdf5(path) as handle:
            if missing := {"ECAL", "HCAL", "target"} - set(handle):
                raise DataError(
                    f"{path}: has no {' and no '.join(sorted(missing))}; it is not of the LCD layout"
                )
            ecal, hcal, energy = handle["ECAL"][...], handle["HCAL"][...], handle["target"][:, 0, 1:2]
        parts.append(
            Sample(
                ecal.sum((1, 2, 3)) / energy[:, 0],
                hcal.sum((1, 2, 3)) / energy[:, 0],
                ecal.sum((1, 2)) / energy,
                hcal.sum((1, 2)) / energy,
                ecal.sum((2, 3)) / energy,
                np.count_nonzero(ecal) / ecal.size,
                np.count_nonzero(hcal) / hcal.size,
            )
        )
    joined = zip(*(dataclasses.astuple(part) for part in parts), strict=True)
    return Sample(*(np.concatenate(v) if np.ndim(v[0]) else np.mean(v) for v in joined))  # type: ignore[arg-type]


def table(samples: dict[str, tuple[Sample, Sample]]) -> str:
    """Means of both sets side by side, reference first."""
    rows = []
    for name, (reference, simulation) in samples.items():
        both = (reference, simulation)
        rows.append(
            [name]
            + [f"{1000 * s.ecal_sum.mean():.2f} ± {1000 * s.ecal_sum.std():.2f}" for s in both]
            + [f"{1000 * s.hcal_sum.mean():.2f} ± {1000 * s.hcal_sum.std():.2f}" for s in both]
            + [f"{100 * s.ecal_hit:.2f}" for s in both]
            + [f"{100 * s.hcal_hit:.2f}" for s in both]
        )
    columns = ["ECAL MeV/GeV", "HCAL MeV/GeV", "ECAL hit %", "HCAL hit %"]
    header = ["Class", *(text for column in columns for text in (column, "simulated"))]
    return tabulate(rows, header, disable_numparse=True, colalign=["left"] + ["right"] * 8)


def draw(samples: dict[str, tuple[Sample, Sample]]) -> Figure:
    """A column per class: energy sums, profile along and across the shower in ECAL, profile along in HCAL."""
    figure = Figure(figsize=(16, 11), layout="constrained")
    axes = figure.subplots(4, len(samples), squeeze=False)
    for column, (name, both) in enumerate(samples.items()):
        axes[0, column].set_title(name, fontweight="bold")
        _sums(axes[0, column], *both)
        for row, kind, label in (
            (1, "ecal_depth", "ECAL plane"),
            (2, "lateral", "ECAL row of cells"),
            (3, "hcal_depth", "HCAL plane"),
        ):
            _profile(axes[row, column], *(getattr(sample, kind) for sample in both))
            axes[row, column].set_xlabel(label)
        axes[2, column].set_yscale("log")
    for row in (1, 2, 3):
        axes[row, 0].set_ylabel("visible MeV per GeV")
    axes[0, 0].set_ylabel("fraction of events")
    axes[0, 0].legend()
    return figure


def _profile(axes: Axes, reference: Floats, simulation: Floats) -> None:
    places = np.arange(reference.shape[1])
    error = 1000 * reference.std(axis=0) / np.sqrt(len(reference))
    axes.errorbar(places, 1000 * reference.mean(axis=0), error, fmt="o", ms=3, color=REFERENCE)
    axes.step(places, 1000 * simulation.mean(axis=0), where="mid", color=SIMULATION)


def _sums(axes: Axes, reference: Sample, simulation: Sample) -> None:
    """Visible energy of both sections together, the reference with its statistical errors."""
    first, second = (1000 * (s.ecal_sum + s.hcal_sum) for s in (reference, simulation))
    low, high = np.quantile(first, [0.002, 0.998])
    edges = np.linspace(low, high, SUM_BINS + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    counts, _ = np.histogram(first, edges)
    axes.errorbar(
        centres,
        counts / len(first),
        np.sqrt(counts) / len(first),
        fmt="o",
        ms=3,
        color=REFERENCE,
        label="reference",
    )
    simulated, _ = np.histogram(second, edges)
    axes.step(centres, simulated / len(second), where="mid", color=SIMULATION, label="simulated")
    axes.set_xlabel("visible MeV per GeV, ECAL + HCAL")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("reference", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("simulation", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "-o", "picture", type=click.Path(path_type=Path), default=Path("showers.png"), show_default=True
)
def main(reference: Path, simulation: Path, picture: Path) -> None:
    """Compare the class directories in SIMULATION with those in REFERENCE: a table, and a picture.

    \b
    Example:
      python data_prep/compare_showers.py lcd_g3 raw -o showers.png
    """
    samples = {
        name: (read(reference / particle.directory), read(simulation / particle.directory))
        for name, particle in PARTICLES.items()
    }
    click.echo(table(samples))
    with written_whole(picture) as temporary:
        draw(samples).savefig(temporary, dpi=100, metadata={"Software": None})
    click.echo(f"\n{picture}")


if __name__ == "__main__":
    run(main)
