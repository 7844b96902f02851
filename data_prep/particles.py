"""The particles of the LCD sets, shot at the middle cell of a calorimeter, as the cascades that they start.

Energies are in GeV; arrays are `(N,)` for N events.

References
----------
.. [1] Particle Data Group, Review of Particle Physics, "Passage of particles through matter".
.. [2] G. Grindhammer and S. Peters, arXiv:hep-ex/0001020.
.. [3] T. A. Gabriel et al., Nucl. Instrum. Meth. A338 (1994) 336.
.. [4] R. Wigmans, Calorimetry: Energy Measurement in Particle Physics, Oxford University Press (2000).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from detector import Calorimeter, Floats
from numpy.random import Generator
from numpy.typing import NDArray
from showers import Axis, Cascade, Electromagnetic, Hadronic, Track, deposit

PION0_MASS, PION_MASS = 0.1349768, 0.1395704
"""In GeV [1]_."""

CONVERSION_LENGTH = 9 / 7
"""Mean depth in X0 at which a photon becomes a pair [1]_."""

PAIR_SHIFT = -0.5
"""A pair shares its photon's energy as z : 1 - z with z nearly even: the mean of ln z, weighted with z."""

EARLY_SECONDARIES, EARLY_DEPTH = 4.0, 3.0
"""Calibrated: what bremsstrahlung adds on the axis in the first X0, where the mean profile is still zero."""

PROMPT_SHARE, PROMPT_CONCENTRATION = 0.53, 1.53
"""Calibrated: part of a pion's electromagnetic energy that its first interaction makes; its beta spread."""

RESPONSE_SPREAD, STRETCH_SPREAD, WIDTH_SPREAD, EM_ANGLE = 0.17, 0.18, 0.26, 0.024
"""Calibrated: fluctuations of hadronic showers from event to event, relative; angle in radian."""

BATCH = 100
"""Events simulated at once: enough to fill the vector units, few enough to stay in the cache."""


@dataclass(frozen=True)
class Particle:
    """A particle type: its directory in the LCD sets, its code (of the PDG) in `target`, its mass in GeV."""

    directory: str
    code: int
    mass: float
    cascades: Callable[[Floats, Calorimeter, Generator], list[Cascade]]


def simulate(
    particle: Particle, energy: Floats, calorimeter: Calorimeter, rng: Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Simulate one event for each energy (N,).

    Returns
    -------
    ecal, hcal : arrays (N, cells, cells, planes)
        Visible energy per cell in GeV.
    """
    ecal, hcal = [], []
    for begin in range(0, len(energy), BATCH):
        batch = energy[begin : begin + BATCH]
        cascades = particle.cascades(batch, calorimeter, rng)
        ecal.append(deposit(cascades, calorimeter.ecal, len(batch), rng))
        hcal.append(deposit(cascades, calorimeter.hcal, len(batch), rng))
    return np.concatenate(ecal), np.concatenate(hcal)


def targets(particle: Particle, energy: Floats) -> NDArray[np.float32]:
    """Rows `(N, 1, 5)` of the LCD sets: code, energy, px, py, pz, the particle flying along z."""
    columns = np.zeros((len(energy), 1, 5), dtype=np.float32)
    columns[:, 0, 0], columns[:, 0, 1] = particle.code, energy
    columns[:, 0, 4] = np.sqrt(energy**2 - particle.mass**2)
    return columns


def electron(energy: Floats, calorimeter: Calorimeter, rng: Generator) -> list[Cascade]:
    """Start a cascade at the face."""
    axis = _straight(_aim(energy, calorimeter, rng))
    return _electromagnetic(axis, energy, np.zeros_like(energy), 1, 0.0, calorimeter, rng)


def photon(energy: Floats, calorimeter: Calorimeter, rng: Generator) -> list[Cascade]:
    """Start a cascade where the photon converts."""
    return _converting(_straight(_aim(energy, calorimeter, rng)), energy, calorimeter, rng)


def pion0(energy: Floats, calorimeter: Calorimeter, rng: Generator) -> list[Cascade]:
    """Start the cascades of the two photons, which fly apart from the gun on."""
    x, y = _aim(energy, calorimeter, rng)
    gun = np.full_like(energy, -calorimeter.gun)
    cascades: list[Cascade] = []
    for photon_energy, slope_x, slope_y in pion0_photons(energy, rng):
        axis = Axis(*map(_column, (x, y, slope_x, slope_y, gun)))
        cascades += _converting(axis, photon_energy, calorimeter, rng)
    return cascades


def charged_pion(energy: Floats, calorimeter: Calorimeter, rng: Generator) -> list[Cascade]:
    """Start a hadronic shower at an exponential depth, behind the track of the pion."""
    events = len(energy)
    start = rng.exponential(1.0, events)
    start_x0, start_cm = calorimeter.at_lambda(start)
    mean = PROMPT_SHARE * em_fraction(energy)
    prompt = rng.beta(PROMPT_CONCENTRATION * mean, PROMPT_CONCENTRATION * (1 - mean))
    x, y = _aim(energy, calorimeter, rng)
    slope_x, slope_y = rng.normal(0.0, EM_ANGLE, (2, events))
    axis = _straight((x, y))
    shower = Hadronic(
        axis,
        Axis(*map(_column, (x, y, slope_x, slope_y, start_cm))),
        energy=_column(energy),
        em_fraction=_column(np.clip(prompt, 1e-3, 1 - 1e-3)),
        start_x0=_column(start_x0 + rng.exponential(1.0, events)),
        start_lambda=_column(start),
        response=_column(rng.gamma(RESPONSE_SPREAD**-2, RESPONSE_SPREAD**2, events)),
        stretch=_column(rng.lognormal(0.0, STRETCH_SPREAD, events)),
        width=_column(rng.lognormal(0.0, WIDTH_SPREAD, events)),
    )
    zero, one = np.zeros((events, 1)), np.ones((events, 1), dtype=np.int64)
    return [Track(axis, zero, _column(start_x0), one, zero), shower]


def em_fraction(energy: Floats) -> Floats:
    """Mean part of a hadronic shower's energy that photons take: `1 - (E / 1 GeV)**(0.82 - 1)` [3]_ [4]_."""
    return 1 - energy**-0.18


def pion0_photons(energy: Floats, rng: Generator) -> list[tuple[Floats, Floats, Floats]]:
    """Decay neutral pions that fly along z, isotropically in their rest frame.

    Returns
    -------
    list of two (energy, slope_x, slope_y)
        Of each photon: energy in GeV and tangents of its angles to z, each (N,). The angle between the two is
        at least `2 asin(m / E)`, reached when both have the same energy.
    """
    cosine, azimuth = rng.uniform(-1, 1, len(energy)), rng.uniform(0, 2 * np.pi, len(energy))
    momentum = np.sqrt(energy**2 - PION0_MASS**2)
    transverse = PION0_MASS / 2 * np.sqrt(1 - cosine**2)
    photons = []
    for sign in (1, -1):
        along = (momentum + sign * energy * cosine) / 2
        # A photon that flies sideways or back misses the calorimeter; any huge slope says so.
        slope = sign * transverse / np.maximum(along, 1e-4)
        photons.append(
            ((energy + sign * momentum * cosine) / 2, slope * np.cos(azimuth), slope * np.sin(azimuth))
        )
    return photons


def _converting(axis: Axis, energy: Floats, calorimeter: Calorimeter, rng: Generator) -> list[Cascade]:
    start = rng.exponential(CONVERSION_LENGTH, len(energy))
    return _electromagnetic(axis, energy, start, 2, PAIR_SHIFT, calorimeter, rng)


def _electromagnetic(
    axis: Axis,
    energy: Floats,
    start: Floats,
    particles: int,
    shift: float,
    calorimeter: Calorimeter,
    rng: Generator,
) -> list[Cascade]:
    """Build a cascade whose maximum and shape fluctuate as in [2]_, and the first particles on its axis.

    `start` in X0; `shift` is added to ln(E / critical energy). Maximum and shape are those of a homogeneous
    calorimeter, their spreads and correlation those of a sampling one; below 0.4 GeV the values there are
    used.
    """
    log_y = np.log(np.maximum(energy / calorimeter.ecal.critical_energy, 50.0)) + shift
    first, second = rng.standard_normal((2, len(energy)))
    correlation = 0.784 - 0.023 * log_y
    second = correlation * first + np.sqrt(1 - correlation**2) * second
    maximum = (log_y - 0.812) * np.exp(first / (-2.5 + 1.25 * log_y))
    shape = (0.81 + 0.488 * log_y) * np.exp(second / (-0.82 + 0.79 * log_y))
    cascade = Electromagnetic(axis, *map(_column, (energy, start, maximum, np.maximum(shape, 1.1))))
    secondaries = rng.exponential(EARLY_SECONDARIES, len(energy))
    pair = np.full((len(energy), 1), particles)
    return [cascade, Track(axis, _column(start), _column(start + EARLY_DEPTH), pair, _column(secondaries))]


def _aim(energy: Floats, calorimeter: Calorimeter, rng: Generator) -> tuple[Floats, Floats]:
    """Positions in cm, even over the middle cell as in the LCD sets."""
    half = calorimeter.ecal.pitch / 2
    return rng.uniform(-half, half, len(energy)), rng.uniform(-half, half, len(energy))


def _straight(position: tuple[Floats, Floats]) -> Axis:
    zero = np.zeros((len(position[0]), 1))
    return Axis(_column(position[0]), _column(position[1]), zero, zero, zero)


def _column(values: Floats) -> Floats:
    return np.asarray(values)[:, None]


PARTICLES = {
    "Ele": Particle("EleEscan", 11, 0.000511, electron),
    "Gamma": Particle("GammaEscan", 22, 0.0, photon),
    "Pi0": Particle("Pi0Escan", 111, PION0_MASS, pion0),
    "ChPi": Particle("ChPiEscan", 211, PION_MASS, charged_pion),
}
