"""The scans that are timed, and their experiment files."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import yaml

from benchmarks.cases import BATCH, GZIP_32, GZIP_AUTO, Case, Sample, lcd
from benchmarks.generate import SIDES


@dataclasses.dataclass(frozen=True)
class Scan:
    """A grid of dense networks on the events of a case.

    Attributes
    ----------
    name : str
        As the command line knows it.
    title : str
        For people.
    case : Case
        Its events; they are trainable.
    widths, depths : tuple of int
        The grid.
    epochs : int
        Of each network.
    learning_rate : float
        So that these epochs are enough to tell the classes apart.
    factor : float
        Multiplies the events on their way into a network.
    """

    name: str
    title: str
    case: Case
    widths: tuple[int, ...]
    depths: tuple[int, ...]
    epochs: int
    learning_rate: float
    factor: float = 1.0

    @property
    def models(self) -> list[tuple[int, int]]:
        """Width and depth of each network, in the order of dlscan's plan."""
        return list(itertools.product(self.widths, self.depths))

    def events(self, side: str) -> int:
        """Events of all files for `train`, `validation` or `test`."""
        sample = self.case.sample
        return len(sample.labels) * self.case.files * len(sample.sides[side])

    def experiment(self, root: Path, name: str, batch: dict[str, Any]) -> dict[str, Any]:
        """The experiment file of this scan with a `batch` section.

        Parameters
        ----------
        root : Path
            Of the generated files; what dlscan makes goes below it too.
        name : str
            Of dlscan's scan.
        batch : dict
            The section.
        """
        sample, layout = self.case.sample, self.case.layout
        normalize = "none" if self.factor == 1 else {"scale": self.factor}
        return {
            "name": name,
            "output": str(root / "scans" / self.name),
            "data": {
                "raw": str(root / sample.name / layout.name),
                "classes": {label: label for label in sample.labels},
                "inputs": list(sample.inputs),
                "split": {"column": "split", **SIDES},
                "normalize": dict.fromkeys(sample.inputs, normalize),
                "prepared": str(root / "prepared" / self.case.name),
            },
            "model": {"family": "dense", "activation": "relu"},
            "train": {
                "epochs": self.epochs,
                "batch_size": BATCH,
                "learning_rate": self.learning_rate,
                "early_stopping": None,
            },
            "scan": {"grid": {"model.width": list(self.widths), "model.depth": list(self.depths)}},
            "batch": {"system": "local", "gpus": 0, **batch},
        }

    def write(self, root: Path, name: str, batch: dict[str, Any]) -> Path:
        """Write the experiment file; see `experiment`."""
        path = root / f"{self.name}-{name}.yaml"
        content = self.experiment(root, name, batch)
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return path


def make_scans(quick: bool, events: int | None = None, epochs: int | None = None) -> dict[str, Scan]:
    """All scans, by name.

    Parameters
    ----------
    quick : bool
        Fewer epochs, and of events of 68.5 kB fewer.
    events : int, optional
        Of each file, in place of as many as there usually are.
    epochs : int, optional
        Of each network, likewise.
    """
    # 80 % of 1280 are 1024: every reader finds whole batches, and no chunk of 32 is needed for two of them
    showers = dataclasses.replace(
        lcd(files=3 if quick else 4, events=events or 1280), name="lcd-train", trainable=True
    )
    large = Case("lcd-train-gz32", showers, GZIP_32)
    rows = Sample(
        "magic-like",
        "10 floats",
        {"features": (10,)},
        files=1,
        events=events or 9500,
        pool=2 * (events or 9500),
        labels=("Gamma", "Hadron"),
        trainable=True,
    )
    small = Case("magic-like-gzauto", rows, GZIP_AUTO)
    few, some, many = (epochs or (short if quick else long_) for short, long_ in ((2, 5), (3, 10), (10, 30)))
    narrow, lecture = (32, 64), (32, 64, 128, 256, 512)
    depths = (1, 2, 3, 4)
    scans = [
        Scan(
            "narrow8", "8 models, widths 32 and 64, depths 1 to 4", large, narrow, depths, some, 0.001, 100.0
        ),
        Scan(
            "lecture20",
            "20 models, widths 32 to 512, depths 1 to 4",
            large,
            lecture,
            depths,
            few,
            0.001,
            100.0,
        ),
        Scan("tabular20", "20 models of a table", small, (8, 16, 32, 64, 128), depths, many, 0.01),
    ]
    return {scan.name: scan for scan in scans}


def first_models(scan: Scan, models: int) -> Scan:
    """The same scan with fewer models, for a trial: one width, and so many depths."""
    return dataclasses.replace(scan, widths=scan.widths[:1], depths=scan.depths[:models])
