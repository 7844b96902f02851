"""Simulate electrons, photons, neutral and charged pions in a calorimeter, in the layout of the LCD sets.

The physics is in `particles.py` and `showers.py`, the calorimeter in `detector.py`; docs/recipes.md says how
well it agrees with a full simulation.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click
import numpy as np
from detector import LCD
from particles import PARTICLES, Particle, simulate, targets
from writing import run

from dlscan.errors import DataError, UsageError
from dlscan.files import written_whole
from dlscan.hdf5 import open_hdf5, written_hdf5


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What decides the events of a file; each file of a seed has random numbers of its own.

    `recipe` counts up when the same arguments give other events: older files are then not kept.
    """

    seed: int
    number: int
    events: int
    energy: tuple[float, float]
    recipe: int = 1


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--events", default=1000, show_default=True, type=click.IntRange(1), help="Events per file.")
@click.option("--files", default=4, show_default=True, type=click.IntRange(1), help="Files per class.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Same seed, same events.")
@click.option(
    "--energy",
    nargs=2,
    default=(10.0, 110.0),
    show_default=True,
    type=click.FloatRange(1.0, 1000.0),
    help="Least and most energy in GeV; even between them.",
)
@click.option("--classes", default=",".join(PARTICLES), show_default=True, help="Which particles.")
@click.option("--force", is_flag=True, help="Remove files that were made with other arguments.")
def main(
    out: Path, events: int, files: int, seed: int, energy: tuple[float, float], classes: str, force: bool
) -> None:
    """Write OUT/EleEscan/EleEscan_1.h5 ...: ECAL (N, 25, 25, 25), HCAL (N, 5, 5, 60), target (N, 1, 5).

    Cells hold GeV, the last axis is the depth; target holds the particle's code (11, 22, 111, 211), its
    energy and momentum in GeV. A file that is there already and was made with the same arguments is kept;
    more files of the same seed only add to them.

    \b
    Examples:
      python data_prep/simulate_showers.py raw
      python data_prep/simulate_showers.py raw --events 5000 --files 20 --classes Gamma,Pi0
    """
    wanted = [name.strip() for name in classes.split(",")]
    for name in wanted:
        if name not in PARTICLES:
            raise UsageError(f"--classes: no particle {name!r}; there are {', '.join(PARTICLES)}")
    if energy[0] >= energy[1]:
        raise UsageError(f"--energy: the least must be below the most, got {energy[0]:g} {energy[1]:g}")
    for name in wanted:
        make_room(out / PARTICLES[name].directory, Arguments(seed, files, events, energy), force)
    for name in wanted:
        particle = PARTICLES[name]
        directory = out / particle.directory
        directory.mkdir(parents=True, exist_ok=True)
        kept = 0
        for number in range(1, files + 1):
            path = directory / f"{particle.directory}_{number}.h5"
            kept += write_file(path, particle, Arguments(seed, number, events, energy))
        click.echo(f"{directory}: {files} files of {events} events{f', {kept} were there' if kept else ''}")


def make_room(directory: Path, arguments: Arguments, force: bool) -> None:
    """See to it that a class directory holds no events but those of `arguments`, of whatever number.

    A file of a longer run before would otherwise stay beside the new ones and mix two samples in silence.

    Parameters
    ----------
    directory : Path
        Of the class; need not exist.
    arguments : Arguments
        Of this run.
    force : bool
        Remove files that were made with other arguments. Files that were not made here always stay.
    """
    # a killed run leaves a hidden file, which nobody reads
    for path in sorted(directory.glob("[!.]*.h5")):
        made_with = _made_with(path)
        if made_with is None:
            raise DataError(f"{path}: was not made by simulate_showers and stays; choose another folder")
        if dataclasses.replace(made_with, number=arguments.number) == arguments:
            continue
        if not force:
            raise DataError(f"{path}: is there, made with other arguments; choose another folder, or --force")
        path.unlink()


def write_file(path: Path, particle: Particle, arguments: Arguments) -> bool:
    """Simulate one file, unless it is there already; return whether it was there."""
    if path.exists():
        return True
    rng = np.random.default_rng([arguments.seed, arguments.number, particle.code])
    energies = rng.uniform(*arguments.energy, arguments.events)
    ecal, hcal = simulate(particle, energies, LCD, rng)
    with written_whole(path) as temporary, written_hdf5(temporary) as handle:
        for name, values in (("ECAL", ecal), ("HCAL", hcal)):
            # whole events in a chunk, a few MB of them: a reader decodes each event once
            chunk = (min(50, len(values)), *values.shape[1:])
            handle.create_dataset(name, data=values, chunks=chunk, compression="gzip", compression_opts=4)
        handle["target"] = targets(particle, energies)
        handle.attrs["simulate_showers"] = json.dumps(dataclasses.asdict(arguments))
    return False


def _made_with(path: Path) -> Arguments | None:
    try:
        with open_hdf5(path) as handle:
            found = json.loads(handle.attrs["simulate_showers"])
    except (OSError, KeyError):
        return None
    return Arguments(**{**found, "energy": tuple(found["energy"])})


if __name__ == "__main__":
    run(main)
