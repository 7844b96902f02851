"""What was submitted: `submissions.jsonl`, a line when jobs are asked for, one when the system has them."""

import dataclasses
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dlscan import clock
from dlscan.config import BatchOptions
from dlscan.config.build import Problem, build, require_mapping
from dlscan.errors import ScanError
from dlscan.files import sync, write_json
from dlscan.scan.submission import FILE, Submission, Time, read_directory

# In the directory of a submission, the ids of its jobs that `cancel` has ended.
_CANCELLED = "cancelled.txt"

__all__ = ["Submission", "Submissions"]


@dataclasses.dataclass(frozen=True)
class _Known:
    """The line of the ids that a system gave."""

    number: int
    ids: tuple[str, ...]


class Submissions:
    """The submissions of a scan.

    Parameters
    ----------
    scan : Path
        The scan's directory.
    """

    def __init__(self, scan: Path) -> None:
        self._scan = scan
        self._file = scan / "submissions.jsonl"

    def directory(self, number: int) -> Path:
        """Where the script of a submission is, and what its jobs print."""
        return self._scan / "submissions" / f"{number:04d}"

    def read(self) -> list[Submission]:
        """All submissions, in order.

        Those that `submissions.jsonl` has lost are found by their directories; nobody knows the ids of their
        jobs any more, but the tag tells them.

        Raises
        ------
        ScanError
            If the file is damaged other than by a kill in the middle of its last line.
        """
        found, ids = self._listed()
        for number, directory in self._directories():
            if number not in found and (lost := read_directory(directory)) is not None:
                found[number] = lost
        unknown = sorted(ids.keys() - found.keys())
        if unknown:
            raise ScanError(
                f"{self._file}: has job ids of submission {unknown[0]}, but neither it nor "
                f"{self.directory(unknown[0])} describes that submission: cancel these jobs ("
                f"{', '.join(ids[unknown[0]][:3])}) with the batch system's own command, then remove the line"
            )
        return [dataclasses.replace(found[number], ids=ids.get(number)) for number in sorted(found)]

    def _listed(self) -> tuple[dict[int, Submission], dict[int, tuple[str, ...]]]:
        """What the list has: submissions, and the ids of their jobs."""
        try:
            lines = self._file.read_text(encoding="utf-8", errors="replace").split("\n")
        except FileNotFoundError:
            lines = []
        found: dict[int, Submission] = {}
        ids: dict[int, tuple[str, ...]] = {}
        # what follows the last newline was cut short, and then its jobs were not submitted yet
        for number, line in enumerate(lines[:-1], 1):
            try:
                value = require_mapping(json.loads(line), "the line")
                if "ids" in value:
                    said = build(_Known, value, "")
                    ids[said.number] = said.ids
                else:
                    submission = Submission.read(value)
                    found[submission.number] = submission
            except (ValueError, RecursionError, Problem) as error:
                key = f"{error.key}: " if isinstance(error, Problem) and error.key else ""
                raise ScanError(
                    f"{self._file}: line {number} is damaged ({key}{error}); remove this line. That is "
                    f"safe: `dlscan scan` finds the jobs again from {self.directory(1).parent} and submits "
                    "none twice"
                ) from None
        return found, ids

    def _directories(self) -> list[tuple[int, Path]]:
        """The directories that submissions left."""
        there = self.directory(0).parent.glob("[0-9]*")
        return sorted((int(path.name), path) for path in there if path.name.isdecimal() and path.is_dir())

    def next_place(self) -> tuple[int, Path]:
        """The number of the next submission, and its directory."""
        numbers = [submission.number for submission in self.read()]
        # jobs of a list that is gone may still read theirs
        number = max([*numbers, *(number for number, _ in self._directories()), 0]) + 1
        return number, self.directory(number)

    def ask(self, batch: BatchOptions, jobs: tuple[tuple[int, ...], ...], cluster: str = "") -> Submission:
        """Write down that jobs are about to be submitted. The caller holds the scan's lock."""
        number, directory = self.next_place()
        # unlike any other for ever: the system may still know the jobs of a scan that was here before
        tag = f"dlscan-{secrets.token_hex(4)}-{number}"
        if batch.system == "local":
            raise ValueError("nothing is submitted to this machine")
        submission = Submission(number, batch.system, tag, jobs, None, Time(clock.now()), batch, cluster)
        value = submission.plain()
        # twice: without the list, this is how the jobs are found again
        directory.mkdir(parents=True, exist_ok=True)
        write_json(directory / FILE, value)
        self._append(value)
        return submission

    def know(self, submission: Submission, ids: list[str]) -> Submission:
        """Write down the ids that the system gave; none at all says that it never had these jobs."""
        self._append({"number": submission.number, "ids": ids})
        return dataclasses.replace(submission, ids=tuple(ids))

    def note_cancelled(self, submission: Submission, jobs: Iterable[str]) -> None:
        """Write down which jobs of a submission `cancel` has ended. The caller holds the scan's lock."""
        directory = self.directory(submission.number)
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / _CANCELLED).open("a", encoding="utf-8") as handle:
            handle.writelines(f"{job}\n" for job in jobs)

    def cancelled(self) -> set[int]:
        """The points whose latest job was ended by `cancel`."""
        found: dict[int, bool] = {}
        for submission in self.read():
            noted = self._noted(submission)
            found |= {point: job in noted for point, job in submission.taken.items()}
        return {point for point, is_cancelled in found.items() if is_cancelled}

    def _noted(self, submission: Submission) -> list[str]:
        """The jobs of a submission that `cancel` has ended."""
        try:
            text = (self.directory(submission.number) / _CANCELLED).read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        return text.splitlines()

    def _append(self, value: dict[str, Any]) -> None:
        self._mend()
        with self._file.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(value) + "\n")
            handle.flush()
            os.fsync(handle.fileno())
        sync(self._scan)

    def _mend(self) -> None:
        """Cut off a line that a kill left unfinished, or the next one would continue it."""
        if not self._file.exists():
            return
        with self._file.open("r+b") as handle:
            content = handle.read()
            handle.truncate(content.rfind(b"\n") + 1)
