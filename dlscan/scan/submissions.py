"""What was submitted: `submissions.jsonl`, a line when jobs are asked for, one when the system has them."""

import dataclasses
import datetime
import json
import os
import secrets
from pathlib import Path
from typing import Any

from dlscan.config import Batch, plain
from dlscan.config.build import Problem, build
from dlscan.errors import ScanError
from dlscan.files import sync


@dataclasses.dataclass(frozen=True)
class Submission:
    """One submission.

    Attributes
    ----------
    number : int
        From 1.
    system : str
        Name of the batch system.
    tag : str
        Its name there.
    jobs : tuple of tuple of int
        The points of each job.
    ids : tuple of str or None
        The system's id of each job; None as long as nobody knows whether the system took them. Fewer than
        jobs if it took the first ones only, none if it took none.
    time : str
        When it was asked for: ISO 8601, UTC.
    batch : Batch
        How it was submitted: by this the system is asked about it, whatever the experiment says by then.
    """

    number: int
    system: str
    tag: str
    jobs: tuple[tuple[int, ...], ...]
    ids: tuple[str, ...] | None
    time: str
    batch: Batch = Batch()


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

        Raises
        ------
        ScanError
            If the file is damaged other than by a kill in the middle of its last line.
        """
        try:
            lines = self._file.read_text(encoding="utf-8", errors="replace").split("\n")
        except FileNotFoundError:
            return []
        found: dict[int, Submission] = {}
        # what follows the last newline was cut short, and then its jobs were not submitted yet
        for number, line in enumerate(lines[:-1], 1):
            try:
                value = json.loads(line)
                if "ids" in value:
                    ids = tuple(str(item) for item in value["ids"])
                    found[value["number"]] = dataclasses.replace(found[value["number"]], ids=ids)
                else:
                    jobs = tuple(tuple(int(point) for point in job) for job in value["jobs"])
                    batch = build(Batch, value["batch"], "batch")
                    found[value["number"]] = Submission(
                        value["number"], value["system"], value["tag"], jobs, None, value["time"], batch
                    )
            except (ValueError, KeyError, TypeError, Problem) as error:
                reason = f"{type(error).__name__}: {error}"
                raise ScanError(f"{self._file}: line {number} is damaged ({reason}); remove it") from None
        return list(found.values())

    def next_place(self) -> tuple[int, Path]:
        """The number of the next submission, and its directory."""
        numbers = [submission.number for submission in self.read()]
        # jobs of a list that is gone may still read theirs
        there = [int(path.name) for path in self.directory(0).parent.glob("[0-9]*") if path.name.isdecimal()]
        number = max([*numbers, *there, 0]) + 1
        return number, self.directory(number)

    def ask(self, batch: Batch, jobs: tuple[tuple[int, ...], ...]) -> Submission:
        """Write down that jobs are about to be submitted. The caller holds the scan's lock."""
        number, _ = self.next_place()
        # unlike any other for ever: the system may still know the jobs of a scan that was here before
        tag = f"dlscan-{secrets.token_hex(4)}-{number}"
        time = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        submission = Submission(number, batch.system, tag, jobs, None, time, batch)
        value = {field: getattr(submission, field) for field in ("number", "system", "tag", "jobs", "time")}
        self._append({**value, "batch": plain(batch)})
        return submission

    def know(self, submission: Submission, ids: list[str]) -> Submission:
        """Write down the ids that the system gave; none at all says that it never had these jobs."""
        self._append({"number": submission.number, "ids": ids})
        return dataclasses.replace(submission, ids=tuple(ids))

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
