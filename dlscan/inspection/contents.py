"""What is in a directory of HDF5 files: its class directories, its files, the datasets in them."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from dlscan.errors import ConfigError
from dlscan.hdf5 import open_hdf5
from dlscan.inspection.items import Item, alike, describe
from dlscan.raw.faults import RawError, hdf5_errors
from dlscan.raw.places import ALL_SUFFIXES, by_number

# Files of a directory whose events are counted.
_COUNTED = 200
# What HDF5 files of some experiments are called; `data.files` has to say so.
OTHER_SUFFIXES = (".lh5",)


@dataclasses.dataclass(frozen=True)
class Part:
    """Files of one directory: a class, if there are several.

    Attributes
    ----------
    name : str
        Of the directory, below the one that was asked for; empty for itself.
    files : tuple of Path
        Its HDF5 files.
    events : int
        In those that were counted.
    counted : int
        How many files that were.
    """

    name: str
    files: tuple[Path, ...]
    events: int
    counted: int


@dataclasses.dataclass(frozen=True)
class Contents:
    """What is in a directory.

    Attributes
    ----------
    directory : Path
        Which.
    parts : tuple of Part
        Directories with HDF5 files directly in them.
    items : tuple of Item
        The datasets that the first file of each part has, alike in all.
    unlike : dict of str to str
        Datasets that these files do not have alike, with the reason.
    unreadable : dict of Path to str
        Files that cannot be read, with the reason.
    events : int
        Length of most datasets, in the first file; entries of events do not count.
    """

    directory: Path
    parts: tuple[Part, ...]
    items: tuple[Item, ...]
    unlike: dict[str, str]
    unreadable: dict[Path, str]
    events: int

    @property
    def pattern(self) -> str:
        """The key `data.files`, if files are not called as usual."""
        suffix = self.parts[0].files[0].suffix
        return f"*{suffix}" if suffix.lower() in OTHER_SUFFIXES else ""


def look_at(directory: Path) -> Contents:
    """Look into some HDF5 files of a directory and of those right below it.

    Raises
    ------
    ConfigError
        If it is not there, or has no HDF5 file that can be read.
    """
    if not directory.is_dir():
        raise ConfigError(f"{directory}: no such directory")
    found = dict(_directories(directory))
    if not found:
        endings = ", ".join((*ALL_SUFFIXES, *OTHER_SUFFIXES))
        raise ConfigError(
            f"{directory}: no HDF5 files ({endings}) here or in the directories right below it; "
            "docs/recipes.md shows how to make some from ROOT or CSV"
        )
    unreadable: dict[Path, str] = {}
    described: list[dict[str, Item]] = []
    for files in found.values():
        for file in files:
            try:
                described.append(describe(file))
                break
            except RawError as error:
                unreadable[file] = str(error)
    if not described:
        path, reason = next(iter(unreadable.items()))
        raise ConfigError(f"{directory}: no file here can be read; {path}: {reason}")
    items, unlike = alike(described)
    lengths = [item.rows for item in items if item.rows is not None]
    events = max(set(lengths), key=lambda length: (lengths.count(length), length), default=0)
    counting = [item for item in items if item.rows == events]
    parts = tuple(_count(directory, place, files, counting[:1], unreadable) for place, files in found.items())
    return Contents(directory, parts, items, unlike, unreadable, events)


def _directories(directory: Path) -> Iterator[tuple[Path, tuple[Path, ...]]]:
    below = sorted(path for path in directory.iterdir() if path.is_dir() and path.name[0] != ".")
    for place in (directory, *below):
        named = [path for path in place.iterdir() if path.name[0] != "."]
        usual = [path for path in named if path.suffix.lower() in ALL_SUFFIXES]
        files = usual or [path for path in named if path.suffix.lower() in OTHER_SUFFIXES]
        if files:
            yield place, tuple(sorted(files, key=by_number))


def _count(
    directory: Path, place: Path, files: tuple[Path, ...], items: Sequence[Item], unreadable: dict[Path, str]
) -> Part:
    events = counted = 0
    for file in files[:_COUNTED]:
        if file in unreadable:
            continue
        try:
            with hdf5_errors("cannot be opened"), open_hdf5(file) as handle:
                for item in items:
                    # offsets may be one more than events
                    events += int(handle[item.name].shape[0]) - (item.shape[0] - (item.rows or 0))
                counted += 1
        except RawError as error:
            unreadable[file] = str(error)
    name = "" if place == directory else place.name
    return Part(name, files, events, counted)
