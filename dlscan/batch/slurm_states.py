"""What Slurm's commands say of jobs, read."""

import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path

from dlscan.batch.system import JobState, Reason

# Anything else is taken for queued: a word that this file does not know must not end a job.
_RUNNING = ("RUNNING", "COMPLETING", "STAGE_OUT", "SIGNALING")
_ENDED: dict[str, Reason] = {
    "COMPLETED": "done",
    "FAILED": "failed",
    "OUT_OF_MEMORY": "oom",
    "TIMEOUT": "timeout",
    "DEADLINE": "timeout",
    "PREEMPTED": "preempted",
    "NODE_FAIL": "node",
    "BOOT_FAIL": "node",
    "CANCELLED": "cancelled",
    "REVOKED": "cancelled",
}
_NO_REASON = ("", "None", "(null)", "N/A")
# Reasons that say no more than the exit code.
_BY_CODE = ("NonZeroExitCode", "RaisedSignal")
# What Slurm itself puts in for a job that no node can run: it reads as a signal, but no process had it.
_NO_CODE = "0:1"
_NO_HOST = ("", "n/a", "N/A", "(null)", "None assigned")

_KILLED = "killed by signal 9"
# What Slurm's own watchman writes where no control group limits memory: the job's state is FAILED then.
_MEMORY = (b"exceeded memory limit", b"Exceeded job memory limit")
_TAIL = 16 * 2**10

# Job and index; None for all jobs of an array of which nothing else is said.
Key = tuple[str, int | None]

SQUEUE_FORMAT = "%F|%K|%T|%B|%j|%r"
SACCT_FORMAT = "JobID,State,ExitCode,NodeList,JobName"


def job_state(state: str, reason: str = "", host: str = "", code: str = "") -> JobState:
    """What one of Slurm's states means.

    Parameters
    ----------
    state : str
        Such as `RUNNING`, `CANCELLED by 0` or `CANCELLED+`.
    reason : str
        Why it is in that state: `Resources`.
    host : str
        Where it runs or ran.
    code : str
        Exit code and signal of one that failed: `1:0`. That of one that never had a node means nothing.
    """
    word = re.split(r"[ +]", state.strip(), maxsplit=1)[0]
    host = "" if host in _NO_HOST else host
    reason = "" if reason in _NO_REASON else reason
    tells = bool(reason) and not reason.startswith(_BY_CODE)
    refused = word == "FAILED" and not host and (tells or code == _NO_CODE)
    end = _how(code) if word == "FAILED" and not refused else ""
    detail = end or reason
    words = f"{word} ({detail})" if detail else word
    if refused:
        return JobState("ended", "refused", words)
    if word in _ENDED:
        return JobState("ended", _ENDED[word], words, host)
    return JobState("running" if word in _RUNNING else "queued", "", words, host)


def from_squeue(text: str) -> Iterator[tuple[Key, str, JobState]]:
    """Read `squeue -h -r -o SQUEUE_FORMAT`: each job, its name and what is said of it."""
    for line in text.splitlines():
        parts = line.split("|", 5)
        if len(parts) == 6 and parts[0].isdecimal():
            job, index, state, host, name, reason = parts
            yield (job, int(index) if index.isdecimal() else None), name, job_state(state, reason, host)


def from_scontrol(text: str) -> Iterator[tuple[Key, str, JobState]]:
    """Read `scontrol show job -o`: each job, its name and what is said of it."""
    for line in text.splitlines():
        # the first of a name: a comment, which users write, comes late
        found = dict(reversed(re.findall(r"(?:^| )([A-Za-z]+)=(\S*)", line)))
        job = found.get("ArrayJobId") or found.get("JobId", "")
        if not job.isdecimal() or "JobState" not in found:
            continue
        said = job_state(
            found["JobState"], found.get("Reason", ""), found.get("BatchHost", ""), found.get("ExitCode", "")
        )
        if said.reason == "failed" and _KILLED in said.words and _ran_out_of_memory(line):
            said = dataclasses.replace(said, reason="oom", words="FAILED (killed for its memory)")
        for index in _indices(found.get("ArrayTaskId", "")):
            yield (job, index), found.get("JobName", ""), said


def from_sacct(text: str) -> Iterator[tuple[Key, str, JobState]]:
    """Read `sacct -n -P -X -o SACCT_FORMAT`: each job that has ended, its name and what is said of it.

    Others are left out: the data base learns late that a job has ended, and of some never.
    """
    for line in text.splitlines():
        parts = line.split("|", 4)
        found = re.fullmatch(r"(\d+)_(?:(\d+)|\[(.*)\])", parts[0])
        if len(parts) != 5 or not found:
            continue
        said = job_state(parts[1], "", parts[3], parts[2])
        if said.phase == "ended":
            for index in [int(found[2])] if found[2] else _indices(found[3]):
                yield (found[1], index), parts[4], said


def _indices(text: str) -> list[int | None]:
    """The indices in `1,3-5,8-12:2%4`; one None where there are none, or not all are shown."""
    found: list[int | None] = []
    for part in text.partition("%")[0].split(","):
        shown = re.fullmatch(r"(\d+)(?:-(\d+)(?::(\d+))?)?", part)
        if not shown:
            return [None]
        first = int(shown[1])
        found += range(first, int(shown[2] or first) + 1, int(shown[3] or 1))
    return found


def _ran_out_of_memory(line: str) -> bool:
    """Whether the output of the job in this line of `scontrol` says so; False if it cannot be read here."""
    output = re.search(r" StdErr=(.+?) [A-Z]\w+=", line)
    if output is None:
        return False
    try:
        with Path(output[1]).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            tail = file.read()
    except OSError:
        return False
    return any(words in tail for words in _MEMORY)


def _how(code: str) -> str:
    exit_code, _, number = code.partition(":")
    # 137 is what a shell says of a child that was killed
    number = "9" if exit_code == "137" else number
    if number == "9":
        return f"{_KILLED}; out of memory?"
    if number not in ("", "0"):
        return f"killed by signal {number}"
    return f"exit code {exit_code}" if exit_code not in ("", "0") else ""
