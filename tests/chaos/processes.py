"""The trainings that really run on this machine, whatever anybody says of them."""

import contextlib
import os
import signal
from pathlib import Path
from typing import NamedTuple


class Training(NamedTuple):
    """A process that trains points of a scan."""

    pid: int
    job: str
    points: tuple[int, ...]
    frozen: bool


def trainings(scan: Path) -> list[Training]:
    """The processes of `dlscan train` for this scan."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            words = (place / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if str(scan) not in words or "train" not in words or "sh" in words[0]:
                continue
            numbers = words[words.index("--point") + 1 :]
            points = tuple(int(word) for word in numbers[: _digits(numbers)])
            state = (place / "stat").read_text().rpartition(")")[2].split()[0]
            if state not in "ZX":
                found.append(Training(int(place.name), _job(place), points, state in "Tt"))
    return found


def signal_all(found: list[Training], number: signal.Signals) -> None:
    """Send a signal to trainings; those that have ended are left alone."""
    for training in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(training.pid, number)


def end_all(home: Path) -> None:
    """Kill every process that was told of a path under `home`, but this one."""
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (place / "cmdline").read_bytes()
            if f"{home}/".encode() in command and int(place.name) != os.getpid():
                os.kill(int(place.name), signal.SIGKILL)


def _digits(words: list[str]) -> int:
    return next((place for place, word in enumerate(words) if not word.isdigit()), len(words))


def _job(place: Path) -> str:
    for item in (place / "environ").read_bytes().split(b"\0"):
        if item.startswith(b"DLSCAN_JOB="):
            return item.partition(b"=")[2].decode()
    return ""
