"""Cascades in a sandwich calorimeter: profiles from the literature, drawn as spots of energy.

A particle is a few cascades, a cascade a few clouds, a cloud many spots. A cloud knows, for every event and
every plane, how many spots fall there and how far from its axis. A spot is the energy that one charged
particle leaves in the plane, so that profiles, fluctuations, empty cells and sampling noise all come from
drawing spots.

Energies are in GeV, lengths in cm, depths in radiation lengths (X0) or pion interaction lengths (lambda).
For N events and P planes a quantity of the event is `(N, 1)`, one of event and plane `(N, P)`.

References
----------
.. [1] E. Longo and I. Sestili, Nucl. Instrum. Meth. 128 (1975) 283.
.. [2] G. Grindhammer and S. Peters, arXiv:hep-ex/0001020.
.. [3] R. K. Bock, T. Hansl-Kozanecka and T. P. Shah, Nucl. Instrum. Meth. 186 (1981) 533.
.. [4] G. Grindhammer, M. Rudowicz and S. Peters, Nucl. Instrum. Meth. A290 (1990) 469.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from detector import Floats, Section
from numpy.random import Generator
from numpy.typing import NDArray

TUNGSTEN_Z, E_OVER_MIP, SAMPLING_STEP = 74, 0.62, 0.72
"""The absorber, its e/mip and a plate's thickness in X0, for the radial profile of [2]_."""

CORE_SCALE = 0.8
"""Calibrated: the core of the radial profile of [2]_ is this much narrower in the cells of GEANT 3."""

ALBEDO = 0.0045
"""Calibrated: soft particles per GeV that return from a shower to each plane up to 2 X0 behind its start."""

SHOWER_FLOOR, MIP_FLOOR = 0.25, 0.7
"""Smallest energy of a spot over its mean; energies above it fall exponentially."""


@dataclass(frozen=True)
class Axis:
    """A line through `x`, `y` up to the depth `origin` (in cm), with slopes `slope_x`, `slope_y` behind it.

    All are `(N, 1)`.
    """

    x: Floats
    y: Floats
    slope_x: Floats
    slope_y: Floats
    origin: Floats

    def at(self, depth_cm: Floats) -> tuple[Floats, Floats]:
        """Positions (N, P) in cm at the depths (P,)."""
        flight = np.maximum(depth_cm - self.origin, 0.0)
        return self.x + self.slope_x * flight, self.y + self.slope_y * flight


@dataclass(frozen=True)
class Cloud:
    """Spots of one kind: how many (N, P), their mean energy and smallest energy over it, and where they fall.

    `radius`, `x`, `y` broadcast to (N, P), in cm: half of the spots are within `radius` of the axis at `x`,
    `y`.
    """

    counts: NDArray[np.integer]
    spot: float
    floor: float
    radius: Floats
    x: Floats
    y: Floats


class Cascade(Protocol):
    """Anything that leaves clouds of spots in a section."""

    def clouds(self, section: Section, rng: Generator) -> Iterator[Cloud]:
        """Yield the clouds of all N events in `section`."""
        ...


@dataclass(frozen=True)
class Track:
    """Minimum ionising particles along `axis` between the depths `start` and `stop` in X0.

    `particles` of them, and in each plane a Poisson number with the mean `secondaries` more. All (N, 1).
    """

    axis: Axis
    start: Floats
    stop: Floats
    particles: NDArray[np.integer]
    secondaries: Floats

    def clouds(self, section: Section, rng: Generator) -> Iterator[Cloud]:
        """Yield one cloud without width."""
        inside = (section.depth_x0 >= self.start) & (section.depth_x0 < self.stop)
        counts = inside * (self.particles + rng.poisson(self.secondaries, inside.shape))
        yield Cloud(counts, section.mip, MIP_FLOOR, np.zeros(1), *self.axis.at(section.depth_cm))


@dataclass(frozen=True)
class Electromagnetic:
    """The cascade of an electron or of a converted photon.

    `energy` in GeV, `start` and distance from there to the `maximum` in X0, `shape` (alpha) of the gamma
    profile: all (N, 1).
    """

    axis: Axis
    energy: Floats
    start: Floats
    maximum: Floats
    shape: Floats

    def clouds(self, section: Section, rng: Generator) -> Iterator[Cloud]:
        """Yield the albedo, then the core and the tail of the radial profile."""
        depth = section.depth_x0 - self.start
        x, y = self.axis.at(section.depth_cm)
        back = rng.poisson(ALBEDO * self.energy * (depth < 2.0))
        yield Cloud(back, section.spot, SHOWER_FLOOR, 1.5 * section.moliere * np.ones(1), x, y)
        density = gamma_density(depth, self.shape, (self.shape - 1) / self.maximum)
        visible = section.em_response * self.energy * density
        share, core, tail = radial_profile(np.clip(depth / self.maximum, 0.0, 4.0), self.energy)
        for part, radius in ((share, CORE_SCALE * core), (1 - share, tail)):
            counts = rng.poisson(part * visible / section.spot)
            yield Cloud(counts, section.spot, SHOWER_FLOOR, section.moliere * radius, x, y)


@dataclass(frozen=True)
class Hadronic:
    """The shower behind a charged pion's first interaction, in two parts as in [3]_ and [4]_.

    Photons of the first interaction take `em_fraction` of the `energy` (GeV) and shower along `em_axis`; all
    the rest, later photons included, follows the hadronic profile around `axis`. `start_x0` (of the photons)
    and `start_lambda` (of the rest) are depths; `response`, `stretch` and `width` scale the visible energy,
    the length and the radius of the rest from event to event. All (N, 1). What [3]_ does not give is
    calibrated.
    """

    axis: Axis
    em_axis: Axis
    energy: Floats
    em_fraction: Floats
    start_x0: Floats
    start_lambda: Floats
    response: Floats
    stretch: Floats
    width: Floats

    def clouds(self, section: Section, rng: Generator) -> Iterator[Cloud]:
        """Yield the photons, then all the rest."""
        yield self._photons(section, rng)
        yield self._hadrons(section, rng)

    def _photons(self, section: Section, rng: Generator) -> Cloud:
        energy = self.em_fraction * self.energy
        log_y = np.log(np.maximum(energy / (2 * section.critical_energy), 20.0))
        maximum = (log_y - 0.5) * (self.energy / 50) ** 0.1
        # Many photons of unequal energy make a wider profile than one photon.
        shape = 1.0 + 0.67 * (0.3 + 0.488 * log_y)
        density = gamma_density(section.depth_x0 - self.start_x0, shape, (shape - 1) / maximum)
        counts = rng.poisson(section.pion_em_response * energy * density / section.spot)
        radius = 0.206 * section.moliere * np.ones(1)
        return Cloud(counts, section.spot, SHOWER_FLOOR, radius, *self.em_axis.at(section.depth_cm))

    def _hadrons(self, section: Section, rng: Generator) -> Cloud:
        log_energy = np.log(self.energy)
        depth = section.depth_lambda - self.start_lambda
        length = 0.795 * (self.energy / 50) ** 0.104 * self.stretch
        shape, rate = 0.473 + 0.3183 * log_energy, 0.9099 - 0.0237 * log_energy
        density = gamma_density(depth, shape, rate / length)
        visible = section.hadron_response * self.response * (1 - self.em_fraction) * self.energy * density
        counts = rng.poisson(visible / section.hadron_spot)
        radius = self.width * (1.545 + 1.42 * np.clip(depth, 0.0, 4.0))
        return Cloud(counts, section.hadron_spot, SHOWER_FLOOR, radius, *self.axis.at(section.depth_cm))


def gamma_density(depth: Floats, shape: Floats, rate: Floats) -> Floats:
    """Profile along the axis [1]_, a gamma density: 0 at negative `depth` (N, P); `shape`, `rate` (N, 1)."""
    log_norm = np.array([[math.lgamma(value)] for value in shape[:, 0]])
    scaled = rate * np.maximum(depth, 1e-6)
    return np.where(depth > 0, rate * np.exp((shape - 1) * np.log(scaled) - scaled - log_norm), 0.0)


def radial_profile(tau: Floats, energy: Floats) -> tuple[Floats, Floats, Floats]:
    """Share and radius of the core, and radius of the tail, by the appendix of [2]_ (sampling calorimeters).

    Both parts fall as `2 r R**2 / (r**2 + R**2)**2`. The sampling term of the core is left out: it widens the
    core where a shower begins, and GEANT 3 has none of it in these cells.

    Parameters
    ----------
    tau : array (N, P)
        Depth behind the start over the depth of the maximum.
    energy : array (N, 1)
        In GeV; the parametrisation ends at 0.4 GeV, its value there serves for less.

    Returns
    -------
    share, core, tail : arrays (N, P)
        Radii in Moliere radii.
    """
    log_energy, loss = np.log(np.maximum(energy, 0.4)), 1 - E_OVER_MIP
    core = 0.0251 + 0.00319 * log_energy + (0.1162 - 0.000381 * TUNGSTEN_Z) * tau - 0.0203 * loss
    widening = np.exp(-2.59 * (tau - 0.645)) + np.exp((0.3585 + 0.0421 * log_energy) * (tau - 0.645))
    tail = (0.659 - 0.00309 * TUNGSTEN_Z) * widening - 0.14 * loss - 0.495 * SAMPLING_STEP * np.exp(-tau)
    u = (0.401 + 0.00187 * TUNGSTEN_Z - tau) / (1.313 - 0.0686 * log_energy)
    share = (2.632 - 0.00094 * TUNGSTEN_Z) * np.exp(u - np.exp(u))
    share += loss * (0.348 - 0.642 * SAMPLING_STEP * np.exp(-((tau - 1) ** 2)))
    return np.clip(share, 0.0, 1.0), core, tail


def deposit(
    cascades: Iterable[Cascade], section: Section, events: int, rng: Generator
) -> NDArray[np.float32]:
    """Draw the spots of all `cascades` and add them up in the cells of `section`.

    Returns
    -------
    array (events, cells, cells, planes)
        Visible energy in GeV; what falls beside the cells is lost.
    """
    size = events * section.cells**2 * section.planes
    first_cell = np.arange(0, size, section.cells**2 * section.planes, dtype=np.int32)
    origin = (first_cell[:, None] + np.arange(section.planes, dtype=np.int32)).ravel()
    where, energies = [], []
    for cascade in cascades:
        for cloud in cascade.clouds(section, rng):
            plane = np.repeat(np.arange(origin.size, dtype=np.int32), cloud.counts.ravel())
            x, y = _scatter(cloud, plane, (events, section.planes), rng)
            column, row = (np.floor(v / section.pitch + section.cells / 2).astype(np.int32) for v in (x, y))
            seen = (column >= 0) & (column < section.cells) & (row >= 0) & (row < section.cells)
            where.append((origin[plane] + (column * section.cells + row) * section.planes)[seen])
            above = rng.standard_exponential(plane.size, dtype=np.float32)[seen]
            energies.append(cloud.spot * (cloud.floor + (1 - cloud.floor) * above))
    image = np.bincount(np.concatenate(where), np.concatenate(energies), minlength=size)
    return image.astype(np.float32).reshape(events, section.cells, section.cells, section.planes)


def _scatter(
    cloud: Cloud, plane: NDArray[np.int32], shape: tuple[int, int], rng: Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Positions in cm of the spots on `plane`, an index into the events and planes of `shape`, flattened."""
    radius, x, y = (
        np.broadcast_to(value.astype(np.float32), shape).ravel()[plane]
        for value in (cloud.radius, cloud.x, cloud.y)
    )
    inner = rng.random(plane.size, dtype=np.float32)
    radius *= np.sqrt(inner / (1 - inner))
    angle = np.float32(2 * np.pi) * rng.random(plane.size, dtype=np.float32)
    return x + radius * np.cos(angle), y + radius * np.sin(angle)
