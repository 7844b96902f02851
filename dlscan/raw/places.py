"""Which HDF5 files there are below a directory."""

import re
from collections.abc import Sequence
from pathlib import Path

# Versions before knew the first alone: what else lies beside such files stays out of a dataset.
SUFFIXES = (".h5", ".hdf5", ".hdf")
ALL_SUFFIXES = (*SUFFIXES, ".he5", ".h5py")
_WILD = re.compile(r"[*?\[]")


def is_pattern(text: str) -> bool:
    """Whether a name stands for several."""
    return _WILD.search(text) is not None


def matching(place: Path, patterns: Sequence[str] | None) -> list[Path]:
    """The files that patterns name, each once, numbers in names by their value.

    Parameters
    ----------
    place : Path
        Where patterns begin.
    patterns : sequence of str or None
        Files, or patterns of them, in which `**` stands for any directories; None for the files that lie in
        `place` itself: those with one of `SUFFIXES` if there are any. What is hidden is left alone, and so is
        what has none of `ALL_SUFFIXES`, unless its name or the pattern has another one.
    """
    if patterns is None:
        direct = _glob(place, "*")
        return [path for path in direct if path.suffix.lower() in SUFFIXES] or direct
    found: dict[Path, None] = {}
    for pattern in patterns:
        found |= dict.fromkeys(_glob(place, pattern) if is_pattern(pattern) else [place / pattern])
    return list(found)


def _glob(place: Path, pattern: str) -> list[Path]:
    any_suffix = Path(pattern).suffix not in ("", ".*", *ALL_SUFFIXES)
    paths = [path for path in place.glob(pattern) if not _hidden(path.relative_to(place))]
    named = [path for path in paths if any_suffix or path.suffix.lower() in ALL_SUFFIXES]
    # a directory that is called x.h5 was perhaps meant, but not by `**`, which goes into directories
    return sorted((path for path in named if "**" not in pattern or not path.is_dir()), key=by_number)


def by_number(path: Path) -> list[list[tuple[int, int | str]]]:
    """How paths are ordered: part by part, numbers by their value."""
    return [
        [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name)]
        for name in path.parts
    ]


def _hidden(path: Path) -> bool:
    return any(part[0] == "." for part in path.parts)
