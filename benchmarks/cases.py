"""What is measured: shapes of events, layouts of files, and the cases made of them."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

LABELS = ("Ele", "Gamma", "Pi0", "ChPi")
BATCH = 1024


@dataclasses.dataclass(frozen=True)
class Sample:
    """A set of events, written once in each of its layouts.

    Attributes
    ----------
    name : str
        Of its directory.
    title : str
        For people.
    inputs : dict of str to tuple of int
        Datasets of a file and the shape of one event in them; all float32.
    files : int
        Files of each class.
    events : int
        Events of each file.
    pool : int
        Events that a reader with a pool reads and shuffles at once, from all classes together.
    labels : tuple of str
        Of the classes; each has a directory.
    trainable : bool
        For networks that are to tell classes apart: these differ more, and a dataset `split` says what an
        event is for. Otherwise the first value of an event, in the first of its inputs, is its number: every
        row can be recognised wherever it turns up.
    """

    name: str
    title: str
    inputs: dict[str, tuple[int, ...]]
    files: int
    events: int
    pool: int
    labels: tuple[str, ...] = LABELS
    trainable: bool = False

    @property
    def tabular(self) -> bool:
        """Whether events are rows of a table: small, and many in a file."""
        return all(len(shape) == 1 for shape in self.inputs.values())

    @property
    def total(self) -> int:
        """Events of all files."""
        return len(self.labels) * self.files * self.events

    @property
    def sides(self) -> dict[str, range]:
        """What is for training, validation and test, of each file: neighbours, 80, 10 and 10 %."""
        first, second = self.events * 8 // 10, self.events * 9 // 10
        return {
            "train": range(first),
            "validation": range(first, second),
            "test": range(second, self.events),
        }

    @property
    def event_bytes(self) -> int:
        """Dense bytes of an event."""
        return 4 * sum(math.prod(shape) for shape in self.inputs.values())

    def path(self, root: Path, layout: str, label: int, number: int) -> Path:
        """File `number` of a class in a layout."""
        name = self.labels[label]
        return root / self.name / layout / name / f"{name}_{number:04d}.h5"


@dataclasses.dataclass(frozen=True)
class Layout:
    """How the datasets lie in a file.

    Attributes
    ----------
    name : str
        Of its directory.
    title : str
        For people.
    gzip : bool
        Compressed with gzip, level 4 (h5py's), or contiguous.
    chunk_events : int or None
        Whole events in a chunk; None lets h5py choose its tiles.
    files : int or None
        Only so many files of each class; None for all of them.
    """

    name: str
    title: str
    gzip: bool
    chunk_events: int | None = None
    files: int | None = None


@dataclasses.dataclass(frozen=True)
class Case:
    """A sample in a layout.

    Attributes
    ----------
    name : str
        As the command line knows it.
    """

    name: str
    sample: Sample
    layout: Layout

    @property
    def files(self) -> int:
        """Files of each class."""
        return self.layout.files or self.sample.files

    @property
    def events(self) -> int:
        """Events of all files."""
        return len(self.sample.labels) * self.files * self.sample.events

    def paths(self, root: Path) -> list[list[Path]]:
        """Files, class by class."""
        return [
            [self.sample.path(root, self.layout.name, label, number) for number in range(self.files)]
            for label in range(len(self.sample.labels))
        ]


PLAIN = Layout("plain", "uncompressed", gzip=False)
GZIP_AUTO = Layout("gzauto", "gzip, h5py's automatic chunks", gzip=True)
GZIP_32 = Layout("gz32", "gzip, chunks of 32 events", gzip=True, chunk_events=32)


def lcd(files: int = 5, events: int = 1000) -> Sample:
    """Events shaped like those of the LCD calorimeter, 68.5 kB each."""
    return Sample(
        "lcd", "LCD-shaped", {"ECAL": (25, 25, 25), "HCAL": (5, 5, 60)}, files, events, len(LABELS) * events
    )


def tabular(width: int, total: int = 10_000_000, files: int = 40) -> Sample:
    """Rows of `width` floats."""
    events = max(total // (len(LABELS) * files), 1)
    # 8 MB: the fastest here for NumPy's shuffling, which is limited by the processor's caches
    pool = min(len(LABELS) * events, 2_000_000 // width)
    return Sample(f"tabular{width}", f"{width} floats", {"features": (width,)}, files, events, pool)


def make_cases(samples: list[Sample], long: bool = False) -> dict[str, Case]:
    """All cases of some samples, by name.

    Parameters
    ----------
    samples : list of Sample
        From `lcd` and `tabular`.
    long : bool
        Compress all files of wide rows too; random floats take minutes to compress, so that by default a
        fifth of the files stands for all.
    """
    cases: dict[str, Case] = {}
    for sample in samples:
        layouts = [GZIP_AUTO, GZIP_32, PLAIN]
        if sample.tabular:
            wide = next(iter(sample.inputs.values()))[0] > 10 and not long
            layouts = [dataclasses.replace(GZIP_AUTO, files=-(-sample.files // 5) if wide else None), PLAIN]
        for layout in layouts:
            name = f"{sample.name}-{layout.name}"
            cases[name] = Case(name, sample, layout)
    return cases
