"""What Slurm is asked: `squeue`, `scontrol` and `sacct`, and which of them is believed."""

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Mapping

from dlscan.batch.call import CallError, call
from dlscan.batch.slurm_states import SACCT_FORMAT, SQUEUE_FORMAT, Key, from_sacct, from_scontrol, from_squeue
from dlscan.batch.system import Sight

# The controller's words for a job that it does not have (any more).
GONE = "Invalid job id"
TRIES = 2
_AT_ONCE = 500  # a command's line has an end
# Variables that decide what a job is or what a command prints, in place of what is written here.
_OF_A_JOB = ("SLURM_", "SQUEUE_", "SACCT_", "SCANCEL_", "SCONTROL_", "DLSCAN_JOB")
_KEPT = ("SLURM_CONF", "SLURM_CONF_SERVER")
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
        if name in _KEPT or not (name.startswith(_OF_A_JOB) or name in drop or name == "SBATCH_WAIT")
    }
    return {**kept, "SLURM_BITSTR_LEN": "0"}  # whole lists of indices


def find_arrays(tag: str, accounting: Callable[[], bool]) -> set[str]:
    """The arrays of this name.

    Raises
    ------
    CallError
        If the controller does not answer.
    """
    found: set[str] = set()
    with contextlib.suppress(CallError):
        text = ask([*_SQUEUE, f"--name={tag}"])
        found = {key[0] for key, name, _ in from_squeue(text) if name == tag}
    # no answer and an empty one look alike when a controller is in trouble: another command confirms it
    if not found:
        found = {key[0] for key, name, _ in from_scontrol(_controller(_SCONTROL)) if name == tag}
    if not found and accounting():
        with contextlib.suppress(CallError):
            text = ask([*_SACCT, "-S", "now-30days", f"--name={tag}"])
            found = {line.partition("_")[0] for line in text.splitlines() if "_" in line.partition("|")[0]}
    return found


def look(keys: Collection[Key], accounting: Callable[[], bool]) -> dict[Key, Sight]:
    """What Slurm says of jobs; those that it does not have are left out.

    Raises
    ------
    CallError
        If the controller does not answer.
    """
    said: dict[Key, Sight] = {}
    try:
        for some in chunks(_absent(keys, said)):
            text = ask([*_SQUEUE, "-j", ",".join(some)], [GONE])
            said.update((key, sight) for key, _, sight in from_squeue(text))
        answered = True
    except CallError as error:
        answered = GONE in error.words
    said.update(_why_failed(said))
    # the data base is late: where `squeue` does not answer, the controller has the first word
    order = (_from_sacct, _from_scontrol) if answered else (_from_scontrol, _from_sacct)
    for source in order:
        absent = _absent(keys, said)
        if absent and (source is not _from_sacct or accounting()):
            said = {**source(absent, TRIES if answered else 1), **said}
    found = {key: said.get(key) or said.get((key[0], None)) for key in keys}
    return {key: sight for key, sight in found.items() if sight is not None}


def chunks(items: list[str]) -> Iterable[list[str]]:
    """Items in portions that fit on a command's line."""
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))


def _absent(keys: Collection[Key], said: Mapping[Key, Sight]) -> list[str]:
    """The arrays with jobs of which nothing is said."""
    return sorted({key[0] for key in keys if key not in said and (key[0], None) not in said}, key=int)


def _controller(command: Iterable[str], final: Collection[str] = (), tries: int | None = None) -> str:
    """What `scontrol` prints, which says so where there is no job: nothing at all is no answer."""
    text = ask(command, final, tries)
    if not text.strip():
        raise CallError("`scontrol` answers nothing")
    return text


def _from_scontrol(arrays: list[str], tries: int) -> dict[Key, Sight]:
    said: dict[Key, Sight] = {}
    for array in arrays:
        try:
            text = _controller([*_SCONTROL, array], [GONE], tries)
        except CallError as error:
            if GONE not in error.words:
                raise
            continue
        said.update((key, sight) for key, _, sight in from_scontrol(text))
    return said


def _from_sacct(arrays: list[str], tries: int) -> dict[Key, Sight]:
    said: dict[Key, Sight] = {}
    # it adds why a job ended; whether it has, the controller says
    with contextlib.suppress(CallError):
        for some in chunks(arrays):
            said.update(from_sacct(ask([*_SACCT, "-j", ",".join(some)], (), tries)))
    return said


def _why_failed(said: Mapping[Key, Sight]) -> dict[Key, Sight]:
    """The exit codes of jobs that failed, which `squeue` does not tell; they add words, nothing else."""
    failed = sorted({key[0] for key, sight in said.items() if sight.reason == "failed"})
    with contextlib.suppress(CallError):
        return _from_scontrol(failed, 1)
    return {}
