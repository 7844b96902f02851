"""Follow names and links through HDF5 files step by step, so that none is opened that was not looked at.

HDF5 follows links by itself, and opens whatever they lead to: a pipe, a device, any file of the machine.
"""

import os
from collections import deque
from collections.abc import Collection, Sequence
from pathlib import Path

import h5py

from dlscan.hdf5 import open_hdf5
from dlscan.raw.faults import RawError, hdf5_errors, one_line
from dlscan.raw.links import LinkedFile, find_linked, may_link, require_regular
from dlscan.spelling import near_miss

# Files that stay open beside those that are needed
_MOST_OPEN = 64
# Links that are followed to one dataset
_MOST_LINKS = 32


class Walk:
    """An open raw file and the files that links in it led to.

    Parameters
    ----------
    place : Path
        The raw file, absolute.
    roots, cache
        See `RawHandle`.

    Attributes
    ----------
    linked : dict of Path to LinkedFile
        Every file that was led to, there or not.

    Raises
    ------
    RawError
        If the raw file cannot be opened.
    """

    def __init__(self, place: Path, roots: Sequence[Path] | None, cache: int) -> None:
        self._place, self._roots, self._cache = place, roots, cache
        self._files: dict[Path, h5py.File] = {}
        self.linked: dict[Path, LinkedFile] = {}
        self.open(place)

    def close(self) -> None:
        """Close all files; closing twice is fine."""
        while self._files:
            self._files.popitem()[1].close()

    def is_open(self) -> frozenset[Path]:
        """The files that are open now."""
        return frozenset(self._files)

    def close_some(self, needed: Collection[Path]) -> None:
        """Close all files but those that are needed, if they are many: a process may not open any number."""
        if len(self._files) > len(needed) + _MOST_OPEN:
            for path in self._files.keys() - needed:
                self._files.pop(path).close()

    def open(self, path: Path) -> h5py.File:
        """The file at `path`, open, if it is regular."""
        if path not in self._files:
            require_regular(path)
            try:
                self._files[path] = open_hdf5(path, rdcc_nbytes=max(self._cache, 2**20))
            except Exception as error:
                text = one_line(error)
                raise RawError("not an HDF5 file" if "signature not found" in text else text) from error
        return self._files[path]

    def note(self, found: LinkedFile, what: str) -> None:
        """Note a file that is led to, if it is there and may be read; `what` says from where."""
        self.linked[found.path] = found
        where = os.path.realpath(found.path)
        if not found.there:
            raise RawError(f"{what} {where}, which does not exist")
        if not may_link(self._place, found.path, self._roots):
            raise RawError(
                f"{what} {where}, which is outside data.raw; set data.follow_links: true to allow that"
            )
        try:
            require_regular(found.path)
        except RawError as error:
            raise RawError(f"{what} {where}: {error}") from error

    def enter(self, found: LinkedFile, what: str) -> h5py.File:
        """Open a file that is led to."""
        self.note(found, what)
        try:
            return self.open(found.path)
        except RawError as error:
            raise RawError(f"{what} {found.path}, which cannot be opened: {error}") from error

    def follow(self, place: Path, path: str, name: str, via: str = "") -> tuple[Path, h5py.Dataset]:
        """The dataset at `path` of the file at `place`, and the file that it lies in; `via` is for errors."""
        with hdf5_errors(f"{name} cannot be opened"):
            here, waiting = self.open(place), deque(_parts(path))
            links = 0
            while waiting:
                part = waiting.popleft()
                if not isinstance(here, h5py.Group) or not here.id.links.exists(part):
                    raise RawError(via or self._missing(name))
                kind = here.id.links.get_info(part).type
                if kind == h5py.h5l.TYPE_HARD:
                    here = here[part]
                    continue
                links += 1
                if links > _MOST_LINKS:
                    raise RawError(f"{name} goes through more than {_MOST_LINKS} links")
                if kind == h5py.h5l.TYPE_SOFT:
                    target = os.fsdecode(here.id.links.get_val(part))
                    via = f"{name} is a link to {target}, which does not exist"
                    here = here.file if target.startswith("/") else here
                elif kind == h5py.h5l.TYPE_EXTERNAL:
                    file, target = map(os.fsdecode, here.id.links.get_val(part))
                    found = find_linked(place, file, "HDF5_EXT_PREFIX")
                    here, place = self.enter(found, f"{name} is a link to"), found.path
                    via = f"{name} is a link to {target} in {place}, which has no such dataset"
                else:
                    raise RawError(f"{name} is a link of a type that the HDF5 library does not know")
                waiting.extendleft(reversed(_parts(target)))
            if not isinstance(here, h5py.Dataset):
                raise RawError(via or self._missing(name))
        return place, here

    def _missing(self, name: str) -> str:
        names: list[str] = []

        def note(name: str | bytes, item: object) -> None:
            if isinstance(item, h5py.Dataset):
                names.append(os.fsdecode(name))

        try:
            self.open(self._place).visititems(note)
        except Exception as error:
            # what else there is helps to find a slip; that it is damaged is no reason to say less
            names.append(f"possibly more, which cannot be listed ({one_line(error)})")
        # of `tracs.pt` the dataset may be meant
        near = near_miss(name, names) or near_miss(name.partition(".")[0], names)
        meant = f"; did you mean {near!r}?" if near else ""
        return f"has no dataset {name!r}; it has {', '.join(names) or 'none'}{meant}"


def _parts(path: str) -> list[bytes]:
    return [part.encode("utf-8", "surrogateescape") for part in path.split("/") if part not in ("", ".")]
