"""A submission, as it is written down before a batch system hears of it."""

import dataclasses
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from dlscan import clock
from dlscan.config import BatchOptions, plain
from dlscan.config.build import Min, Problem, build_fields, require_mapping
from dlscan.errors import DlscanError, ScanError
from dlscan.files import read_json

# In the directory of a submission, what the list of submissions says of it.
FILE = "submission.json"
# ... and what older versions left there
_SCRIPTS = {"slurm.sh": "slurm", "htcondor.sh": "htcondor", "pbs.sh": "pbs", "dask.sh": "dask"}
_TAG = re.compile(r"dlscan-[0-9a-f]{8}-\d+")
_SCHEDULER = re.compile(r"^# Submission \S+: tasks of the dask scheduler (.+)\.$", re.MULTILINE)
_TASK = re.compile(r"^dlscan train .* --point ([\d ]+)$", re.MULTILINE)


class Time(str):
    """When something was asked for: ISO 8601 with its zone."""

    @classmethod
    def parse(cls, value: Any, key: str) -> "Time":
        """Read a time."""
        try:
            clock.read(value)
        except (TypeError, ValueError):
            problem = f"must be a time such as 2026-01-31T12:00:00+00:00, got {value!r}"
            raise Problem(key, problem) from None
        return cls(value)


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
    batch : BatchOptions
        How it was submitted: by this the system is asked about it, whatever the experiment says by then.
    cluster : str
        The name of the cluster that was asked, where the system has names for them: another one knows nothing
        of these jobs. Empty in files of older versions.
    """

    number: Annotated[int, Min(1)]
    system: Literal["slurm", "htcondor", "pbs", "dask"]
    tag: str
    jobs: tuple[tuple[Annotated[int, Min(1)], ...], ...]
    ids: tuple[str, ...] | None
    time: Time
    batch: BatchOptions = BatchOptions()
    cluster: str = ""

    def plain(self) -> dict[str, Any]:
        """What is written down before the batch system has answered."""
        value = {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}
        del value["ids"]
        return value

    @property
    def taken(self) -> dict[int, str | None]:
        """The points whose jobs the system took or may have taken, with the id of each one's job."""
        if self.ids is None:
            return {point: None for job in self.jobs for point in job}
        # perhaps it took the first ones only
        return {point: name for job, name in zip(self.jobs, self.ids, strict=False) for point in job}

    @classmethod
    def read(cls, value: Any) -> "Submission":
        """Read what was written down.

        Raises
        ------
        Problem
            If that cannot be of dlscan's.
        """
        names = {field.name for field in dataclasses.fields(cls)} - {"ids"}
        mapping = require_mapping(value, "the submission")
        # a newer version may say more; a cluster without a name is left out
        known = {name: item for name, item in mapping.items() if name in names and item != ""}
        found: Submission = build_fields(cls, {**known, "ids": None}, "")
        if not _TAG.fullmatch(found.tag):
            raise Problem("tag", f"must be such as dlscan-0a1b2c3d-1, got {found.tag!r}")
        return found


def read_directory(directory: Path) -> Submission | None:
    """What the directory of a submission says of it; None if it never had a script.

    Raises
    ------
    ScanError
        If that is damaged.
    """
    file = directory / FILE
    try:
        if not file.exists():
            return _from_script(directory)
        return dataclasses.replace(Submission.read(read_json(file)), number=int(directory.name))
    except DlscanError as error:
        words = str(error).removeprefix(f"{file}: ")
        raise ScanError(
            f"{file}: {words}, and submissions.jsonl does not list this submission: look in the batch "
            f"system for jobs with the name given in {directory}, cancel them, then remove this directory"
        ) from None


def _from_script(directory: Path) -> Submission | None:
    """A submission of an older version, by its script and the points of its jobs."""
    there = [name for name in _SCRIPTS if (directory / name).exists()]
    if not there:
        return None
    script, system = directory / there[0], _SCRIPTS[there[0]]
    text = script.read_text(encoding="utf-8", errors="replace")
    tag, scheduler = _TAG.search(text), _SCHEDULER.search(text)
    tasks = [found[1] for found in _TASK.finditer(text)]
    if system != "dask":
        tasks = (directory / "jobs.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    return Submission.read(
        {
            "number": int(directory.name),
            "system": system,
            "tag": tag[0] if tag else "",
            "jobs": [[int(word) for word in line.split() if word.isdecimal()] for line in tasks],
            "time": clock.stamp(script.stat().st_mtime),
            "batch": {"system": system} | ({"scheduler": scheduler[1]} if scheduler else {}),
        }
    )
