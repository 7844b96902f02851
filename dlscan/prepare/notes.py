"""What a build notes of its finished tasks, so that one that was killed goes on where it ended.

A note is written when the files of its task are whole. It is JSON, which runs nothing when it is read.
"""

import base64
import dataclasses
import hashlib
import json
from collections.abc import Sequence
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


def begin_notes(place: Path, identity: Any) -> bool:
    """Make the directory of a build ready for what has this identity; True if some of it is there already.

    What is there of another build is removed.
    """
    path, digest = place / SPILL / _IDENTITY, _digest(identity)
    if path.exists():
        try:
            if read_json(path) == digest:
                return True
        except DlscanError:
            pass
    for leftover in list(place.iterdir()):
        remove(leftover)
    path.parent.mkdir()
    write_text(path, json.dumps(digest), safe=False)
    return False


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
        array = np.asarray(value)
        text = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
        return ["array", array.dtype.str, array.shape, text]
    if isinstance(value, dict):
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
    if what == "array":
        dtype, shape, text = parts
        return np.frombuffer(base64.b64decode(text), dtype).reshape(shape).copy()
    if what == "dict":
        return {_back(key): _back(item) for key, item in parts[0]}
    if what == "path":
        return Path(parts[0])
    items = [_back(item) for item in parts[0]]
    return items if what == "list" else tuple(items)
