"""What a build notes of its finished tasks, so that one that was killed goes on where it ended.

A note is written when the files of its task are whole. It is JSON, which runs nothing when it is read.
"""

import base64
import dataclasses
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlscan.dataset import Shard
from dlscan.dataset.extremes import Least
from dlscan.dataset.moments import Moments
from dlscan.errors import DlscanError
from dlscan.files import read_json, remove, write_text
from dlscan.prepare.measure import PerEvent
from dlscan.prepare.selecting import Unlabelled
from dlscan.raw import LinkedFile
from dlscan.sealed import SealedFile

_DATACLASSES: dict[str, type] = {
    kind.__name__: kind for kind in (Least, LinkedFile, Moments, PerEvent, Shard, Unlabelled)
}
# the directory of what the first pass leaves, and of the notes of both
SPILL = "spill"
_IDENTITY = "build.json"

log = logging.getLogger("dlscan")


def noted(kind: type) -> type:
    """Let a dataclass, the result of a task, be in notes."""
    _DATACLASSES[kind.__name__] = kind
    return kind


def write_note(path: Path, result: Any, files: Sequence[Path]) -> None:
    """Note the result of a task that has written `files`, each sealed and beside the note or above it."""
    value = {"files": [file.name for file in files], "result": _plain(result)}
    write_text(path, json.dumps(value), safe=False)


def read_note(path: Path, place: Path) -> tuple[list[Path], Any] | None:
    """The files of a task, in the directory `place`, and its result; None unless each of them is whole."""
    try:
        value = read_json(path)
        files = [place / name for name in value["files"]]
        for file in files:
            _require_whole(file)
        return files, _back(value["result"])
    except (DlscanError, OSError, ValueError, KeyError, TypeError):
        return None


def processes_before(place: Path, identity: Any) -> int | None:
    """The processes that the tasks of an unfinished build were cut for; None if it has another identity."""
    before = _before(place)
    if before.get("identity") != _digest(identity):
        return None
    return before.get("processes")


def begin_notes(place: Path, identity: Any, processes: int, tasks: Any) -> bool:
    """Make the directory of a build ready; True if some of what it shall make is there already.

    What is there of another build is removed.

    Parameters
    ----------
    place : Path
        The directory.
    identity : object
        What tells the build from others.
    processes : int
        How many the tasks were cut for.
    tasks : object
        What tells them from others.
    """
    wanted = {"identity": _digest(identity), "processes": processes, "tasks": _digest(tasks)}
    before = _before(place)
    if before == wanted:
        return True
    if before:
        log.info(
            "an earlier prepare did not finish, and is not continued: its files, keys or version differed"
        )
    for leftover in list(place.iterdir()):
        remove(leftover)
    (place / SPILL).mkdir()
    write_text(place / SPILL / _IDENTITY, json.dumps(wanted), safe=False)
    return False


def _before(place: Path) -> dict[str, Any]:
    """What tells the build that was begun in a directory from others; empty if there is none."""
    path = place / SPILL / _IDENTITY
    try:
        found = read_json(path) if path.exists() else {}
    except DlscanError:
        return {}
    return found if isinstance(found, dict) else {}


def remove_others(place: Path, pattern: str, whole: Sequence[Path]) -> None:
    """Remove files of tasks that did not end: those that match, but for the `whole` ones."""
    kept = set(whole)
    for path in list(place.glob(pattern)):
        if path not in kept:
            remove(path)


def _digest(identity: Any) -> str:
    return hashlib.blake2b(json.dumps(_plain(identity)).encode(), digest_size=16).hexdigest()


def _require_whole(path: Path) -> None:
    file = SealedFile(path, sealed=True)
    try:
        file.check(0, file.size)
    finally:
        file.close()


def _plain(value: Any) -> Any:
    """As JSON has it; what that does not know is a list of a word and what is needed to make it again."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return ["dataclass", type(value).__name__, fields]
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.hasobject or value.dtype.names:
            raise TypeError(f"no note can hold {value!r}")  # its bytes do not say what it is
        text = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        what = "array" if isinstance(value, np.ndarray) else "scalar"
        return [what, value.dtype.str, value.shape, text]
    if isinstance(value, Mapping):
        return ["dict", [[_plain(key), _plain(item)] for key, item in value.items()]]
    if isinstance(value, list | tuple):
        return ["list" if isinstance(value, list) else "tuple", [_plain(item) for item in value]]
    if isinstance(value, Path):
        return ["path", str(value)]
    return value


def _back(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    what, *parts = value
    if what == "dataclass":
        return _DATACLASSES[parts[0]](**{name: _back(item) for name, item in parts[1].items()})
    if what in ("array", "scalar"):
        dtype, shape, text = parts
        array = np.frombuffer(base64.b64decode(text), dtype).reshape(shape).copy()
        return array if what == "array" else array[()]
    if what == "dict":
        return {_back(key): _back(item) for key, item in parts[0]}
    if what == "path":
        return Path(parts[0])
    items = [_back(item) for item in parts[0]]
    return items if what == "list" else tuple(items)
