"""What Slurm is asked: `squeue`, `scontrol` and `sacct`, and which of them is believed."""

import contextlib
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping

from dlscan.batch.answers import another_job, no_answer
from dlscan.batch.call import CallError, call
from dlscan.batch.slurm_states import SACCT_FORMAT, SQUEUE_FORMAT, Key, from_sacct, from_scontrol, from_squeue
from dlscan.batch.system import JobState

# The controller's words for a job that it does not have (any more).
GONE = "Invalid job id"
# ... and for having none at all
_NONE = "No jobs in the system"
TRIES = 2
_AT_ONCE = 500  # a command's line has an end
# Variables that decide what a job is or what a command prints, in place of what is written here.
_OF_A_JOB = ("SLURM_", "SQUEUE_", "SACCT_", "SCANCEL_", "SCONTROL_", "DLSCAN_JOB")
_KEPT = ("SLURM_CONF", "SLURM_CONF_SERVER")
# jobs are asked for where they are submitted, and `sbatch` does not wait for them
_NOT_HANDED = ("SBATCH_WAIT", "SBATCH_CLUSTERS")
_OVERRIDES = {"array": "ARRAY_INX", "time": "TIMELIMIT", "mem": "MEM_PER_NODE"}
_SQUEUE = ("squeue", "-h", "-r", "-t", "all", "-o", SQUEUE_FORMAT)
_SCONTROL = ("scontrol", "show", "job", "-o")
_SACCT = ("sacct", "-n", "-P", "-X", "-o", SACCT_FORMAT)


def ask(command: Iterable[str], final: Collection[str] = (), tries: int | None = None) -> str:
    """Ask one of Slurm's commands; words in `final` make a failure an answer."""
    tries = TRIES if tries is None else tries
    return call(list(command), tries=tries, final=tuple(final), env=environment())


def environment(given: Iterable[str] = ()) -> dict[str, str]:
    """The variables of this process without those that would overrule what is written in a script.

    `sbatch` prefers its own (SBATCH_PARTITION) to the options in a script, which are `given`; and inside of a
    job there are those of that job.
    """
    drop = {f"SBATCH_{_OVERRIDES.get(name, name.upper().replace('-', '_'))}" for name in given}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or not (name.startswith(_OF_A_JOB) or name in drop or name in _NOT_HANDED)
    }
    return {**kept, "SLURM_BITSTR_LEN": "0"}  # whole lists of indices


def find_arrays(tag: str, accounting: Callable[[], bool]) -> set[str]:
    """The arrays of this name, without those that `sbatch` refused: Slurm shows them for a while as failed.

    Raises
    ------
    CallError
        If the controller does not answer.
    """
    found: set[str] = set()
    refused: set[str] = set()

    def sort(said: Iterable[tuple[Key, str, JobState]]) -> None:
        for key, name, job_state in said:
            if name == tag:
                (refused if job_state.reason == "refused" else found).add(key[0])

    with contextlib.suppress(CallError):
        sort(from_squeue(ask([*_SQUEUE, f"--name={tag}"])))
    # no answer and an empty one look alike when a controller is in trouble: another command confirms it
    if not found:
        text = ask(_SCONTROL)
        jobs = list(from_scontrol(text))
        if not jobs and _NONE not in text:
            raise no_answer("scontrol", text)
        sort(jobs)
    if not found and accounting():
        with contextlib.suppress(CallError):
            text = ask([*_SACCT, "-S", "now-30days", f"--name={tag}"])
            found = set(re.findall(rf"^(\d+)_[^|]*\|.*\|{re.escape(tag)}$", text, re.MULTILINE)) - refused
    return found


def look(jobs: Mapping[Key, str], accounting: Callable[[], bool]) -> dict[Key, JobState]:
    """What Slurm says of jobs; those that it does not have are left out.

    Parameters
    ----------
    jobs : mapping of Key to str
        Each with its name: where numbers began anew, another job has the number of one that is gone.
    accounting : callable
        Whether there is a data base to ask.

    Raises
    ------
    CallError
        If the controller does not answer.
    BatchError
        If it has another job under one of these numbers: it is not the one that gave them.
    """
    names = {array: name for (array, _), name in jobs.items()}
    said: dict[Key, JobState] = {}
    try:
        for some in chunks(_absent(jobs, said)):
            said |= _from_squeue(some, names)
        answered = True
    except CallError as error:
        answered = GONE in error.words
    failed = sorted({key[0] for key, job_state in said.items() if job_state.reason == "failed"})
    with contextlib.suppress(CallError):
        # the exit codes, which `squeue` does not tell; they add words, nothing else
        said |= _from_scontrol(failed, names, 1)
    # the data base is late: where `squeue` does not answer, the controller has the first word
    order = (_from_sacct, _from_scontrol) if answered else (_from_scontrol, _from_sacct)
    for source in order:
        absent = _absent(jobs, said)
        if absent and (source is not _from_sacct or accounting()):
            said = {**source(absent, names, TRIES if answered else 1), **said}
    found = {key: said.get(key) or said.get((key[0], None)) for key in jobs}
    return {key: job_state for key, job_state in found.items() if job_state is not None}


def chunks(items: list[str]) -> Iterable[list[str]]:
    """Items in portions that fit on a command's line."""
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))


def _absent(keys: Collection[Key], said: Mapping[Key, JobState]) -> list[str]:
    """The arrays with jobs of which nothing is said."""
    return sorted({key[0] for key in keys if key not in said and (key[0], None) not in said}, key=int)


def _from_squeue(arrays: list[str], names: Mapping[str, str]) -> dict[Key, JobState]:
    text = ask([*_SQUEUE, "-j", ",".join(arrays)], [GONE])
    said = list(from_squeue(text))
    if text.strip() and not said:
        raise no_answer("squeue", text)
    return _own(said, names)


def _from_scontrol(arrays: list[str], names: Mapping[str, str], tries: int) -> dict[Key, JobState]:
    found: dict[Key, JobState] = {}
    for array in arrays:
        try:
            text = ask([*_SCONTROL, array], [GONE], tries)
        except CallError as error:
            if GONE not in error.words:
                raise
            continue
        said = [item for item in from_scontrol(text) if item[0][0] == array]
        if not said:
            raise no_answer("scontrol", text)
        found |= _own(said, names)
    return found


def _from_sacct(arrays: list[str], names: Mapping[str, str], tries: int) -> dict[Key, JobState]:
    found: dict[Key, JobState] = {}
    # it adds why a job ended; whether it has, the controller says
    with contextlib.suppress(CallError):
        for some in chunks(arrays):
            text = ask([*_SACCT, "-j", ",".join(some)], (), tries)
            # it may remember other jobs of these numbers
            found |= {
                key: job_state for key, name, job_state in from_sacct(text) if names.get(key[0]) == name
            }
    return found


def _own(said: Iterable[tuple[Key, str, JobState]], names: Mapping[str, str]) -> dict[Key, JobState]:
    """What is said of the arrays that were asked about, if they are those that are meant."""
    found: dict[Key, JobState] = {}
    for key, name, job_state in said:
        array = key[0]
        if array in names and name != names[array]:
            raise another_job(array, name, names[array])
        if array in names:
            found[key] = job_state
    return found
