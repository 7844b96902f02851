"""Notes that scans leave beside the files of a dataset that they use."""

import contextlib
import hashlib
from pathlib import Path

from dlscan.errors import DlscanError
from dlscan.files import read_json, write_json

# In the dataset's directory: it goes with the dataset.
_NOTES = ".scans"


def note_use(prepared: Path, scan: str, directory: Path) -> None:
    """Leave a note that a scan uses a dataset, where the dataset can be written."""
    place = str(directory.resolve())
    file = prepared / _NOTES / f"{hashlib.blake2b(place.encode(), digest_size=8).hexdigest()}.json"
    with contextlib.suppress(OSError):
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            write_json(file, {"scan": scan, "directory": place})


def noted(prepared: Path) -> list[tuple[str, Path]]:
    """Name and directory of the scans that left a note and are still there."""
    found = []
    for note in sorted((prepared / _NOTES).glob("*.json")):
        with contextlib.suppress(DlscanError, OSError, KeyError, TypeError):
            content = read_json(note)
            scan, directory = str(content["scan"]), Path(content["directory"])
            if (directory / "plan.json").exists():
                found.append((scan, directory))
    return found
