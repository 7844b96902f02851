"""What dlscan asks of a batch system, and what a batch system says of a job."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

from dlscan.config import BatchOptions

# Ids of jobs, each with the tag of its submission: a number alone may be somebody else's job by now.
Jobs = Mapping[str, str]
Phase = Literal["queued", "running", "ended"]
Reason = Literal["", "done", "failed", "oom", "timeout", "preempted", "cancelled", "node", "refused"]


@dataclasses.dataclass(frozen=True)
class Request:
    """Jobs to submit at once: they are alike but for their points.

    Attributes
    ----------
    tag : str
        The submission's name at the batch system, by which it is found again: letters, digits and hyphens,
        unlike that of any other submission.
    scan : Path
        The scan's directory.
    directory : Path
        Of the submission, `submissions/0003` under `scan`: the script and the output of jobs go there.
    jobs : tuple of tuple of int
        The points of each job.
    batch : BatchOptions
        What each job may use.
    draft : mapping of int to str, optional
        Of a scan that may not be on disk, the names of its points' directories.
    prepared : Path, optional
        Of such a scan, the dataset.
    """

    tag: str
    scan: Path
    directory: Path
    jobs: tuple[tuple[int, ...], ...]
    batch: BatchOptions
    draft: Mapping[int, str] | None = None
    prepared: Path | None = None


@dataclasses.dataclass(frozen=True)
class JobState:
    """What a batch system says of a job.

    Attributes
    ----------
    phase : {"queued", "running", "ended"}
        Held and requeued jobs are queued.
    reason : str
        Why it ended, as far as the system knows: "" if it does not. `node` is a lost node. A `refused` job
        was taken, but could not run anywhere.
    words : str
        The system's own words, for people: `PENDING (Resources)`.
    host : str
        Where it runs or ran, if the system says so.
    """

    phase: Phase
    reason: Reason = ""
    words: str = ""
    host: str = ""


class System(Protocol):
    """A batch system.

    A job's id is the string that the job itself finds in `DLSCAN_JOB`: scripts export it. Only an answer that
    names the job that was asked about counts, or the system's own words that it has none: anything else is
    no answer, and a `BatchError`.
    """

    name: str

    def cluster(self) -> str:
        """The name of the cluster whose commands are here; empty where there is none to tell.

        Raises
        ------
        BatchError
            If the system does not answer.
        """

    def check(self, batch: BatchOptions) -> None:
        """Check `batch` before anything is written.

        Raises
        ------
        BatchError
            If an option is unknown (it lists those that are), or the system's commands are not here.
        """

    def most_jobs(self) -> int | None:
        """How many jobs one submission can have; None for any number."""

    def script(self, request: Request) -> str:
        """The script of a submission, for people to read, edit and rerun; writes nothing."""

    def submit(self, request: Request) -> list[str]:
        """Write the script into the submission's directory, submit it, and give the ids of its jobs in order.

        Raises
        ------
        BatchError
            If the system refuses, or does not answer: then `find` tells whether it took the jobs. After a
            `CallError` that is `silent` it may take them later.
        """

    def find(self, request: Request) -> list[str]:
        """The ids of the jobs that the system has of this submission, in order; empty if it has none.

        Raises
        ------
        BatchError
            If the system does not answer.
        """

    def look(self, jobs: Jobs) -> dict[str, JobState]:
        """What the system says of these jobs; one that it does not have is left out.

        A job with the id of one of these and another name makes it no answer.

        Raises
        ------
        BatchError
            If the system does not answer.
        """

    def cancel(self, jobs: Jobs) -> None:
        """Cancel these jobs, which `look` has seen; those that have ended are no error.

        Raises
        ------
        BatchError
            If the system refuses or does not answer.
        """
