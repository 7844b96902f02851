"""What predictions are written to: one HDF5 file, one ROOT file, or beside the events of each raw file."""

import contextlib
import dataclasses
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np

from dlscan.errors import DataError, UsageError
from dlscan.files import directory_whole, naming, written_whole
from dlscan.hdf5 import open_hdf5, written_hdf5
from dlscan.prediction.parts import Parts
from dlscan.tasks import Arrays

# What an event has beside what a model gives: it stands in the raw file already.
_TRUTH = ("sources", "labels", "targets", "weights")


@dataclasses.dataclass(frozen=True)
class About:
    """What all predictions have in common.

    Attributes
    ----------
    attributes : dict
        Where they come from, and what their columns are: `classes`, `targets`.
    files : tuple of Path
        The raw files, by their numbers.
    rows : dict of int to int
        The rows of each that was read.
    """

    attributes: dict[str, Any]
    files: tuple[Path, ...]
    rows: dict[int, int]

    @property
    def names(self) -> list[str]:
        """The files as they were given."""
        return [str(file) for file in self.files]


class Output(Protocol):
    """A place for predictions."""

    @property
    def path(self) -> Path:
        """What is written."""
        ...

    def require(self, files: Sequence[Path], replace: bool) -> None:
        """Check that it can be written for these raw files; a `DlscanError` says why not."""
        ...

    def written(self, parts: Parts, about: About) -> contextlib.AbstractContextManager[None]:
        """Write it; it is in its place when the block ends without an error."""
        ...


@dataclasses.dataclass(frozen=True)
class Hdf5File:
    """All events in one HDF5 file."""

    path: Path

    def require(self, files: Sequence[Path], replace: bool) -> None:
        """Check that nothing is there."""
        _require_absent(self.path, replace)

    @contextlib.contextmanager
    def written(self, parts: Parts, about: About) -> Iterator[None]:
        """Write it, part by part."""
        with written_whole(self.path) as temporary:
            with written_hdf5(temporary) as out:
                start, events = 0, parts.events
                for part in parts.each():
                    stop = start + len(part["sources"])
                    for name, values in part.items():
                        if name not in out:
                            out.create_dataset(name, (events, *values.shape[1:]), values.dtype)
                        out[name][start:stop] = values[()]
                    start = stop
                out.create_dataset("files", data=about.names, dtype=h5py.string_dtype())
                for name, value in about.attributes.items():
                    out.attrs[name] = value
            yield


@dataclasses.dataclass(frozen=True)
class RootFile:
    """All events in a tree of a ROOT file, a branch for each number."""

    path: Path

    def require(self, files: Sequence[Path], replace: bool) -> None:
        """Check that nothing is there, and that ROOT files can be written."""
        _require_absent(self.path, replace)
        _uproot()

    @contextlib.contextmanager
    def written(self, parts: Parts, about: About) -> Iterator[None]:
        """Write it, part by part."""
        with written_whole(self.path) as temporary:
            with naming(self.path), _uproot().recreate(temporary) as out:
                tree = None
                for part in parts.each():
                    branches = _branches({name: part[name][()] for name in part}, about)
                    if tree is None:
                        tree = out.mktree("predictions", {name: own.dtype for name, own in branches.items()})
                    tree.extend(branches)
                out["files"] = "\n".join(about.names)
                out["about"] = json.dumps(about.attributes)
            yield


@dataclasses.dataclass(frozen=True)
class BesideEvents:
    """A file for each raw file, with a dataset that has a row for each of its events.

    Attributes
    ----------
    path : Path
        The directory of these files, which is not there yet.
    name : str
        Of the dataset.
    friends : bool
        Whether they hold nothing else; else they are copies of the raw files.
    """

    path: Path
    name: str
    friends: bool

    def require(self, files: Sequence[Path], replace: bool) -> None:
        """Check that the directory is new, and that raw files can be copied and lack the dataset."""
        if not self.name or re.search(r"[/\0]", self.name) or self.name in (".", ".."):
            raise UsageError(f"--append {self.name!r}: not a name for a dataset")
        if self.path.exists():
            raise UsageError(f"{self.path}: exists; --append writes a new directory, choose another -o")
        for file in () if self.friends else files:
            with contextlib.suppress(OSError), open_hdf5(file) as raw:  # bad files are told elsewhere
                if self.name in raw:
                    raise UsageError(f"--append {self.name}: {file} has such a dataset; choose another name")
                elsewhere = _elsewhere(raw)
                if elsewhere:
                    raise DataError(
                        f"{file}: {elsewhere} is in another file, so a copy would lack it; add --friends"
                    )

    @contextlib.contextmanager
    def written(self, parts: Parts, about: About) -> Iterator[None]:
        """Write them, file by file."""
        top = Path(os.path.commonpath([str(file.absolute().parent) for file in about.files]))
        with directory_whole(self.path) as directory:
            for number, arrays in _by_file(parts, about.rows):
                target = directory / about.files[number].absolute().relative_to(top)
                target.parent.mkdir(parents=True, exist_ok=True)
                if not self.friends:
                    with naming(self.path):
                        shutil.copyfile(about.files[number], target)
                with written_hdf5(target, "w" if self.friends else "r+") as out:
                    for given, values in arrays.items():
                        alone = given == next(iter(arrays))
                        dataset = out.create_dataset(
                            self.name if alone else f"{self.name}_{given}", data=values
                        )
                        for name, value in about.attributes.items():
                            dataset.attrs[name] = value
            yield


def _require_absent(path: Path, replace: bool) -> None:
    if path.exists() and not replace:
        raise UsageError(f"{path}: exists; remove it, choose another name, or give --overwrite")


def _uproot() -> Any:
    try:
        import uproot
    except ImportError as error:
        raise UsageError(f"--root needs the package {error.name}: pip install 'dlscan[root]'") from None
    return uproot


def _branches(arrays: Arrays, about: About) -> Arrays:
    """A column for each number of an event, under a name that C++ allows."""
    columns: dict[str, list[str]] = {
        "scores": [f"score_{name}" for name in about.attributes["classes"]],
        "predictions": about.attributes.get("targets", []),
        "sigmas": [f"{name}_sigma" for name in about.attributes.get("targets", [])],
        "targets": [f"{name}_true" for name in about.attributes.get("targets", [])],
        "errors": ["error"],
        "sources": ["file", "row"],
        "labels": ["label"],
        "weights": ["weight"],
    }
    made: Arrays = {}
    for given, values in arrays.items():
        wide = values.reshape(len(values), -1)
        names = columns.get(given, [])
        if len(names) != wide.shape[1]:
            names = [f"{given}_{number}" for number in range(wide.shape[1])]
        for name, column in zip(names, wide.T, strict=True):
            kind = np.int32 if given == "labels" else np.int64 if given == "sources" else np.float32
            made[re.sub(r"\W", "_", name)] = np.ascontiguousarray(column, kind)
    return made


def _by_file(parts: Parts, rows: dict[int, int]) -> Iterator[tuple[int, Arrays]]:
    """The number of each file, and what a model gives for its rows; nan for events that were left out."""
    numbers = iter(sorted(rows))
    current: int | None = None
    made: Arrays = {}
    shapes: Arrays = {}
    for part in parts.each():
        sources = part["sources"][()]
        given = {name: part[name][()] for name in part if name not in _TRUTH}
        shapes = shapes or given
        for number in np.unique(sources[:, 0]).tolist():
            while current != number:
                if current is not None:
                    yield current, made
                current = next(numbers)
                made = {name: _missing(rows[current], values) for name, values in shapes.items()}
            own = sources[:, 0] == number
            for name, values in given.items():
                made[name][sources[own, 1]] = values[own]
    if current is not None:
        yield current, made
    for number in numbers:
        yield number, {name: _missing(rows[number], values) for name, values in shapes.items()}


def _missing(rows: int, like: Any) -> Any:
    return np.full((rows, *like.shape[1:]), np.nan, np.float32)


def _elsewhere(group: h5py.Group) -> str:
    """The name of something in a file that lies in another one; empty if there is none."""
    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
            return f"{group.name.rstrip('/')}/{name}"
        item = group.get(name)
        if isinstance(item, h5py.Group):
            found = _elsewhere(item)
            if found:
                return found
        elif isinstance(item, h5py.Dataset) and (
            item.external
            or (item.is_virtual and any(part.file_name != "." for part in item.virtual_sources()))
        ):
            return str(item.name)
    return ""
