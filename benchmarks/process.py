"""One reader in a process of its own, as its owner sees it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.readers import Job

# Nothing of the user's shell reaches a reader but what it takes to start.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_FIXED = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONHASHSEED": "0",
}


def clean_environment() -> dict[str, str]:
    """The environment of everything that is measured: on the CPU, by TensorFlow."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | _FIXED


class ReaderFailed(Exception):
    """A reader's process broke or took too long."""


class ReaderProcess:
    """Starts the process and talks to it; use it in a `with`. It serves one case after the other.

    Parameters
    ----------
    reader : str
        Its name in `READERS`.
    cpus : frozenset of int
        Where it and its workers may run.
    log : Path
        Takes what it prints.
    """

    def __init__(self, reader: str, cpus: frozenset[int], log: Path) -> None:
        self.reader, self._cpus, self._log = reader, cpus, log

    def __enter__(self) -> ReaderProcess:
        cpus = ",".join(map(str, sorted(self._cpus)))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["taskset", "--cpu-list", cpus, sys.executable, "-m", "benchmarks.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=clean_environment(),
                cwd=Path(__file__).parents[1],
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        with contextlib.suppress(ProcessLookupError):  # what its own workers left would disturb others
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def load(self, job: Job) -> None:
        """Give it something to read, in place of what it had; `loaded` waits for it."""
        command = {
            "do": "load",
            "reader": self.reader,
            "case": dataclasses.asdict(job.case),
            "root": str(job.root),
            "workers": job.workers,
            "prepared": None if job.prepared is None else str(job.prepared),
            "touch": job.touch,
            "memory": job.memory,
        }
        self._send(command)

    def loaded(self) -> str:
        """Wait until it has imported everything; return what it has to say about itself."""
        return str(self._answer(120)["note"])

    def check(self, files: int | None) -> int:
        """Let it be verified, with so many files of each class or with all; return the number of events."""
        self._send({"do": "check", "files": files})
        return int(self._answer(900)["events"])

    def turn(self, **clock: float) -> dict[str, Any]:
        """Let it run for a turn; see `Clock` and `Turn`."""
        self.begin(**clock)
        return self.end()

    def begin(self, **clock: float) -> None:
        """Start a turn; `end` waits for it."""
        self._send({"do": "turn", "clock": clock})

    def answered(self, patience: float) -> bool:
        """Whether there is an answer, within so many seconds."""
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], patience)[0])

    def end(self) -> dict[str, Any]:
        """What a turn that was begun has measured."""
        return self._answer(600)

    def _send(self, command: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ReaderFailed(f"{self.reader}: its process ended; see {self._log}") from None

    def _answer(self, patience: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        ready = self.answered(patience)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            what = "its process ended" if ready else f"no answer in {patience:.0f} s"
            raise ReaderFailed(f"{self.reader}: {what}; see {self._log}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ReaderFailed(f"{self.reader}: {answer['error']}; see {self._log}")
        return answer
