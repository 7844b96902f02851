"""The simulated calorimeter: sensitive planes between absorbers, one section behind another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Section:
    """A sandwich with square cells; a particle meets an absorber, then the plane behind it.

    Steps lead from one plane to the next; the first one is counted from the face of the calorimeter.

    Attributes
    ----------
    cells, pitch : int, float
        Cells along each side of the square that is read out, and the side of a cell in cm.
    step_x0, step_lambda, step_cm : tuple of float
        Distance to each plane in radiation lengths, in pion interaction lengths and in cm.
    critical_energy, moliere : float
        Critical energy of the absorber in GeV, and the Moliere radius in cm, stretched by the gaps.
    mip, spot, hadron_spot : float
        Mean visible energy in GeV that a minimum ionising particle, a particle of an electromagnetic cascade
        and one of a hadronic cascade leave in a plane.
    em_response, pion_em_response, hadron_response : float
        Visible GeV in a plane per GeV that a cascade loses along one unit of depth there: per X0 for
        electrons and photons and for the photons of a pion's first interaction, per lambda for all else in
        its shower.
    """

    cells: int
    pitch: float
    step_x0: tuple[float, ...]
    step_lambda: tuple[float, ...]
    step_cm: tuple[float, ...]
    critical_energy: float
    moliere: float
    mip: float
    spot: float
    hadron_spot: float
    em_response: float
    pion_em_response: float
    hadron_response: float

    @property
    def planes(self) -> int:
        """Number of sensitive planes."""
        return len(self.step_x0)

    @cached_property
    def depth_x0(self) -> Floats:
        """Depth of each plane in radiation lengths behind the face, shape `(planes,)`."""
        return np.cumsum(self.step_x0)

    @cached_property
    def depth_lambda(self) -> Floats:
        """Depth of each plane in pion interaction lengths behind the face, shape `(planes,)`."""
        return np.cumsum(self.step_lambda)

    @cached_property
    def depth_cm(self) -> Floats:
        """Depth of each plane in cm behind the face, shape `(planes,)`."""
        return np.cumsum(self.step_cm)


@dataclass(frozen=True)
class Calorimeter:
    """An electromagnetic section, a hadronic one behind it, and a gun `gun` cm in front of the face."""

    ecal: Section
    hcal: Section
    gun: float

    def at_lambda(self, depth: Floats) -> tuple[Floats, Floats]:
        """Convert `depth` (N,), in interaction lengths behind the face, to radiation lengths and to cm."""
        nuclear, x0, cm = (
            np.concatenate([[0.0], getattr(self.ecal, name), getattr(self.hcal, name)])
            for name in ("depth_lambda", "depth_x0", "depth_cm")
        )
        return np.interp(depth, nuclear, x0), np.interp(depth, nuclear, cm)


def _behind(front: tuple[float, ...], first: float, step: float) -> tuple[float, ...]:
    """Steps of the 60 hadronic planes: the `first` one is counted from the last plane in `front`."""
    return (sum(front) + first, *[step] * 59)


def lcd() -> Calorimeter:
    """Build the calorimeter of the LCD sets: 25 planes of silicon in tungsten, 60 of scintillator in steel.

    The tungsten plates are 2.4 mm (17 planes) and 4.8 mm thick (8), those of steel 20 mm; all lengths include
    what is between the plates. Depths, Moliere radii, spots and responses are calibrated to a GEANT 3
    simulation of this layout, and docs/recipes.md says how well the two agree. A pion finds 0.1 lambda in
    front of the first plane, more than the plate holds, because GEANT 3 has that many interactions there.
    """
    x0 = (0.70, *[0.70] * 16, *[1.32] * 8)
    nuclear = (0.10, *[0.023] * 16, *[0.041] * 8)
    cm = (0.5, *[0.5] * 16, *[0.75] * 8)
    ecal = Section(
        cells=25, pitch=0.51, step_x0=x0, step_lambda=nuclear, step_cm=cm, critical_energy=0.0080,
        moliere=1.65, mip=0.2e-3, spot=0.63e-3, hadron_spot=0.63e-3, em_response=0.0173,
        pion_em_response=0.0173, hadron_response=0.00044,
    )  # fmt: skip
    hcal = Section(
        cells=5, pitch=3.0, step_x0=_behind(x0, 1.8, 1.3), step_lambda=_behind(nuclear, 0.134, 0.104),
        step_cm=_behind(cm, 4.65, 2.65), critical_energy=0.0217, moliere=3.6,
        mip=0.62e-3, spot=0.95e-3, hadron_spot=1.8e-3,
        # What leaks from tungsten is soft and leaves more in scintillator than a shower that begins in steel.
        em_response=0.036, pion_em_response=0.0225, hadron_response=0.00173,
    )  # fmt: skip
    return Calorimeter(ecal, hcal, gun=150.0)


LCD = lcd()
