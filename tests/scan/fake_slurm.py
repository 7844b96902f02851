"""A batch system of files that takes the place of `dlscan.batch.slurm`: it goes wrong as it is told.

`FAKE_SYSTEM` is its directory: a file for each submission that it took, one for the state of each job.
`FAKE_FAULT` is what goes wrong.
"""

import json
import os
import signal
import time
from pathlib import Path

from dlscan.batch.call import CallError, call
from dlscan.batch.system import Jobs, JobState, Request
from dlscan.config import BatchOptions
from dlscan.errors import BatchError


class Slurm:
    """The batch system."""

    name = "slurm"

    def __init__(self, batch: BatchOptions) -> None:
        self.home = Path(os.environ["FAKE_SYSTEM"])
        self.fault = os.environ.get("FAKE_FAULT", "")

    def cluster(self) -> str:
        if (self.home / "no cluster").exists():
            raise BatchError("it does not answer")
        return os.environ.get("FAKE_CLUSTER", "main")

    def check(self, batch: BatchOptions) -> None:
        pass

    def most_jobs(self) -> int | None:
        return 2 if "two at a time" in self.fault else None

    def script(self, request: Request) -> str:
        return f"script of {request.tag} for {request.jobs}\n"

    def submit(self, request: Request) -> list[str]:
        self.keep(request)
        if self.fault == "killed before":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "slow":
            (self.home / "slow").touch()
            call(["sh", "-c", "until [ -e go ]; do sleep 0.1; done"], cwd=self.home, seconds=300)
        if self.fault in ("refuses", "silent") or ("then no more" in self.fault and self.taken()):
            raise BatchError("no more today")
        if self.fault == "busy":
            raise CallError("no answer within 1 s")
        if self.fault == "takes the first":
            self.take(request, 1)
            raise BatchError("no more than one")
        self.take(request, len(request.jobs))
        if self.fault == "killed after":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "answer lost":
            raise BatchError("no answer")
        return self.find(request)

    def find(self, request: Request) -> list[str]:
        self.answer()
        file = self.home / f"{request.tag}.json"
        return [str(name) for name in json.loads(file.read_text())] if file.exists() else []

    def look(self, jobs: Jobs) -> dict[str, JobState]:
        self.answer()
        known = {name for file in self.taken() for name in json.loads(file.read_text())}
        return {name: self.job_state(name) for name in jobs if name in known}

    def cancel(self, jobs: Jobs) -> None:
        for name in jobs:
            (self.home / f"{name}.job_state").write_text("ended cancelled")

    def answer(self) -> None:
        if self.fault == "silent" or (self.home / "silent").exists():
            raise BatchError("it does not answer")

    def keep(self, request: Request) -> None:
        script = f"#!/bin/bash\n#SBATCH --job-name={request.tag}\n"
        (request.directory / "slurm.sh").write_text(script)
        lines = "".join(" ".join(map(str, points)) + "\n" for points in request.jobs)
        (request.directory / "jobs.txt").write_text(lines)

    def take(self, request: Request, count: int) -> None:
        ids = [f"{request.tag.removeprefix('dlscan-')}_{number}" for number in range(1, count + 1)]
        (self.home / f"{request.tag}.json").write_text(json.dumps(ids))

    def taken(self) -> list[Path]:
        return sorted(self.home.glob("dlscan-*.json"), key=lambda file: file.stat().st_mtime_ns)

    def job_state(self, name: str) -> JobState:
        file = self.home / f"{name}.job_state"
        words = file.read_text().split() if file.exists() else ["queued"]
        return JobState(*words)  # type: ignore[arg-type]


def started(home: Path) -> None:
    """Wait until a slow submission is under way."""
    until = time.monotonic() + 60
    while not (home / "slow").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
