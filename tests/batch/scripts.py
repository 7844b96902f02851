"""Job scripts under test: kept as a whole, and run with a stand-in for training."""

import dataclasses
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from dlscan.batch.system import Request

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = Path('/data/it\'s "mine" $(x) ü\nnew')
_STAND_IN = """#!/bin/bash
printf '%s\\0' "$@" >"$STAND_IN_OUT/arguments"
printf %s "$DLSCAN_JOB" >"$STAND_IN_OUT/job"
printf %s "$CUDA_VISIBLE_DEVICES" >"$STAND_IN_OUT/gpus"
"""


@dataclasses.dataclass(frozen=True)
class Ran:
    """What training was given."""

    arguments: list[str]
    job: str
    gpus: str


def check_golden(name: str, script: str) -> None:
    """Compare with the script on record; DLSCAN_WRITE_GOLDEN=1 puts it on record."""
    file = GOLDEN / name
    if os.environ.get("DLSCAN_WRITE_GOLDEN") == "1":
        file.write_text(script)
    assert script == file.read_text()


def run_script(
    home: Path,
    write: Callable[[Request], str],
    request: Request,
    environment: dict[str, str],
    arguments: Sequence[str] | None = None,
) -> Ran:
    """Run the script of a request in `home`, with a stand-in for Python; on stdin if it has no arguments."""
    for number in (number for job in request.jobs for number in job):
        (request.scan / "points" / f"{number:04d}-width={number}").mkdir(parents=True)
    request.directory.mkdir(parents=True)
    lines = "".join(" ".join(map(str, job)) + "\n" for job in request.jobs)
    (request.directory / "jobs.txt").write_text(lines)
    python = home / "a python"
    python.write_text(_STAND_IN)
    python.chmod(0o755)
    script = home / "script.sh"
    text = write(request)
    script.write_text(re.sub(r"^launch=\(.*\)$", 'launch=("$STAND_IN")', text, count=1, flags=re.M))
    given = {"PATH": os.environ["PATH"], "STAND_IN": str(python), "STAND_IN_OUT": str(home), **environment}
    command = ["bash"] if arguments is None else ["bash", str(script), *arguments]
    with script.open() as stdin:
        done = subprocess.run(
            command, stdin=stdin, env=given, capture_output=True, timeout=60, check=False, cwd="/"
        )
    logs = "".join(log.read_text() for log in request.directory.glob("*.log"))
    assert done.returncode == 0, (done.stderr, logs)
    said = (home / "arguments").read_text().split("\0")[:-1]
    return Ran(said, (home / "job").read_text(), (home / "gpus").read_text())
