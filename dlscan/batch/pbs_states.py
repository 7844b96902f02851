"""What `qstat -f` of OpenPBS and of Torque prints, and what it means."""

import re
from collections.abc import Iterator

from dlscan.batch.system import JobState, Reason

_STATES = {
    "B": "array started",
    "C": "completed",
    "E": "exiting",
    "F": "finished",
    "H": "held",
    "M": "moved to another server",
    "Q": "queued",
    "R": "running",
    "S": "suspended",
    "T": "moving",
    "U": "suspended",
    "W": "waiting",
    "X": "finished",
}
_RUNNING = "RESU"
_ENDED = "CFX"
# Exit_status below zero is PBS's own: of OpenPBS (-26 to -29) and of Torque (-10 to -12), and what both have
_OWN_STATUS: dict[int, tuple[Reason, str]] = {
    -29: ("timeout", "exceeded its walltime"),
    -28: ("timeout", "exceeded its CPU time"),
    -27: ("oom", "exceeded its memory"),
    -26: ("oom", "exceeded its virtual memory"),
    -12: ("timeout", "exceeded its CPU time"),
    -11: ("timeout", "exceeded its walltime"),
    -10: ("oom", "exceeded its memory"),
    -3: ("node", "could not run, will be tried again"),
    -2: ("failed", "could not be started after its files were staged"),
    -1: ("failed", "could not be started"),
}
# a job that a signal ended has 128 or 256 more than its number
_SIGNALS = (256, 128)
_SIGTERM = 15
# what POSIX lets a job's name be; a tag is told from others by less
_SHORT_NAME = 15


def read_jobs(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Read what `qstat -f` prints: the id of each job, as dlscan writes it, and its attributes.

    A long value goes on in lines that begin with a tab.
    """
    for block in re.split(r"^Job Id: ?", text, flags=re.MULTILINE)[1:]:
        name, _, rest = block.partition("\n")
        attributes = {}
        for line in rest.replace("\n\t", "").splitlines():
            key, separator, value = line.strip().partition(" = ")
            if separator:
                attributes[key] = value
        yield plain_id(name.strip()), attributes


def plain_id(name: str) -> str:
    """An id without its server: `1234[7]` for `1234[7].head`, and for `1234-7.head` of an older Torque."""
    local = name.partition(".")[0]
    return re.sub(r"^(\d+)-(\d+)$", r"\1[\2]", local)


def is_called(attributes: dict[str, str], tag: str) -> bool:
    """Whether a job has this name: older servers cut it, and Torque adds the index of a job in its array."""
    names = f"{re.escape(tag)}|{re.escape(tag[:_SHORT_NAME])}"
    return re.fullmatch(rf"({names})(-\d+)?", attributes.get("Job_Name", "")) is not None


def job_state(attributes: dict[str, str]) -> JobState:
    """What the attributes of a job say."""
    state = attributes.get("job_state", "")
    word = _STATES.get(state, f"state {state}")
    comment = attributes.get("comment", "")
    host = re.split(r"[/+.:*]", attributes.get("exec_host", ""))[0]
    if state in _RUNNING and state:
        return JobState("running", "", word, host)
    if state not in _ENDED or not state:
        return JobState("queued", "", f"{word} ({comment})" if comment else word, host)
    status = attributes.get("Exit_status", attributes.get("exit_status"))
    reason, words = _ending(int(status), comment) if status is not None else ("", word)
    return JobState("ended", reason, f"{words} ({comment})" if comment and reason != "done" else words, host)


def _ending(status: int, comment: str) -> tuple[Reason, str]:
    if status == 0:
        return "done", "exit code 0"
    if status < 0:
        return _OWN_STATUS.get(status, ("failed", f"exit status {status} of PBS"))
    for base in _SIGNALS:
        number = status - base
        if 0 < number < 65:
            if "walltime" in comment:
                return "timeout", "exceeded its walltime"
            # qdel and a walltime both begin with it; what training writes down itself tells more
            return "cancelled" if number == _SIGTERM else "failed", f"killed by signal {number}"
    return "failed", f"exit code {status}"
