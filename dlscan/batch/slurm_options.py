"""What a Slurm job asks for: the generic resources of `batch` and Slurm's own options, as `#SBATCH` lines."""

import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from dlscan.batch.script import Lines
from dlscan.batch.system import Request
from dlscan.clock import hours_minutes_seconds
from dlscan.config import BatchOptions
from dlscan.errors import BatchError
from dlscan.spelling import hint

# Any of a group's options in `batch.options` takes the place of what dlscan would ask for.
_GROUPS = (
    ("gres", "gpus", "gpus-per-node", "gpus-per-task", "gpus-per-socket"),
    ("mem", "mem-per-cpu", "mem-per-gpu"),
    ("cpus-per-task", "cpus-per-gpu"),
    ("requeue", "no-requeue"),
)
# How many processes a job has, and where.
_PROCESSES = ("nodes", "ntasks", "ntasks-per-node", "distribution")
# What dlscan needs for itself, and what to use instead.
_OWN = {
    "array": "use batch.max_running to limit how many jobs run at a time",
    "chdir": "jobs run in the submission's directory",
    "clusters": "dlscan uses the cluster it runs on; log in to the other one",
    "error": "jobs write to N.log in the submission's directory",
    "help": "it is not an option for jobs",
    "input": "jobs read nothing",
    "job-name": "dlscan finds its jobs by their name",
    "output": "jobs write to N.log in the submission's directory",
    "parsable": "dlscan sets it",
    "test-only": "use `dlscan scan --dry-run`",
    "usage": "it is not an option for jobs",
    "version": "it is not an option for jobs",
    "wait": "use `dlscan scan --wait`",
    "wrap": "use batch.template for a script of your own",
}
# Slurm looks at the clock every half minute or minute, so the signal may come that much earlier.
_SIGNAL_SECONDS = 120

Options = dict[str, str | None]


def known_options(text: str) -> tuple[set[str], dict[str, str]]:
    """The long options in what `sbatch --help` prints, and which of them each single letter stands for."""
    found = re.findall(r"^\s+(?:-(\w),?\s+)?--([a-z0-9][a-z0-9-]*)", text, re.M)
    return {name for _, name in found}, {letter: name for letter, name in found if letter}


def native(options: Mapping[str, Any]) -> dict[str, Any]:
    """`batch.options` by the long names of `sbatch`, without leading hyphens.

    Raises
    ------
    BatchError
        If an option is one that dlscan needs for itself, or its value no text, number, true or false.
    """
    found: dict[str, Any] = {}
    for key, value in options.items():
        name = str(key).lstrip("-").replace("_", "-")
        where = f"batch.options.{key}"
        if name in _OWN:
            raise BatchError(f"{where}: --{name} is set by dlscan; {_OWN[name]}")
        if name in found:
            raise BatchError(f"{where}: --{name} is given twice")
        if not isinstance(value, str | int | float | None):
            raise BatchError(f"{where}: must be text, a number, true or false, got {value!r}")
        if isinstance(value, str) and not all(letter.isprintable() for letter in value):
            raise BatchError(f"{where}: must be on one line, without control characters, got {value!r}")
        found[name] = value
    return found


def require_known(options: Collection[str], known: Collection[str], letters: Mapping[str, str]) -> None:
    """Complain about an option that `sbatch` does not have."""
    for name in options:
        if name in letters:
            raise BatchError(
                f"batch.options.{name}: -{name} is short for {letters[name]!r}; write the long name"
            )
        if name not in known:
            raise BatchError(
                f"batch.options.{name}: `sbatch` has no option --{name} here; {hint(name, sorted(known))}"
            )


def asks_for_gpus_itself(batch: BatchOptions) -> bool:
    """Whether `--gres` comes from `batch.gpus`."""
    return batch.gpus > 0 and not set(_GROUPS[0]) & set(native(batch.options))


def header(request: Request) -> Options:
    """The options of a submission, in the order in which they are written; None for one without a value."""
    batch, given = request.batch, native(request.batch.options)
    require_processes(batch, given)
    limit = f"%{batch.max_running}" if batch.max_running is not None else ""
    options: Options = {
        "job-name": request.tag,
        "array": f"1-{len(request.jobs)}{limit}",
        "output": output(request.directory),
        "open-mode": "append",
        "requeue": None,
        "signal": f"B:USR1@{_signal_seconds(batch, given)}",
        "nodes": str(batch.nodes),
        "ntasks" if batch.nodes == 1 else "ntasks-per-node": "1",
        "cpus-per-task": str(batch.cpus),
    }
    if batch.gpus:
        options["gres"] = f"gpu:{batch.gpus}"
    if batch.memory is not None:
        options["mem"] = f"{math.ceil(batch.memory / 2**20)}M"
    if batch.time is not None:
        options["time"] = _clock(batch.time)
    for group in _GROUPS:
        if set(group) & set(given):
            for name in group:
                options.pop(name, None)
    for name, value in given.items():
        options.pop(name, None)
        if value is not None and value is not False:
            options[name] = None if value is True else str(value)
    return options


def require_processes(batch: BatchOptions, given: Collection[str]) -> None:
    """Check that a job of several nodes has one process on each."""
    for name in _PROCESSES if batch.nodes > 1 else ():
        if name in given:
            raise BatchError(
                f"batch.options.{name}: a job with batch.nodes: {batch.nodes} has one process on each node; "
                "remove the option"
            )
    if batch.nodes > 1 and "cpus-per-gpu" in given:
        raise BatchError(
            "batch.options.cpus-per-gpu: does not go with batch.nodes, for which dlscan gives srun "
            "--cpus-per-task; use batch.cpus"
        )


def output(directory: Path) -> str:
    """Where Slurm writes for a job; the script writes to N.log in `directory` in any case."""
    # `%` and a backslash mean something to Slurm even in the directory, and then the job cannot start
    return "/dev/null" if re.search(r"[%\\]", str(directory)) else "%a.log"


def lines(options: Options) -> Lines:
    """The options as `#SBATCH` lines."""
    return Lines("".join(f"#SBATCH --{name}{_value(value)}\n" for name, value in options.items()))


def _value(value: str | None) -> str:
    if value is None:
        return ""
    if re.fullmatch(r"[\w./:,+@%=*-]+", value, re.ASCII):
        return f"={value}"
    # sbatch takes these lines apart by rules of its own, which are those of a shell without `$` and such
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'="{escaped}"'


def _signal_seconds(batch: BatchOptions, given: Mapping[str, Any]) -> int:
    if batch.time is None or "time" in given:
        return _SIGNAL_SECONDS
    return max(1, min(_SIGNAL_SECONDS, int(batch.time / 4)))


def _clock(seconds: float) -> str:
    hours, minutes, rest = hours_minutes_seconds(math.ceil(seconds))
    days, hours = divmod(hours, 24)
    return f"{f'{days}-' if days else ''}{hours:02d}:{minutes:02d}:{rest:02d}"


def seconds_of(clock: str) -> float:
    """Seconds of a time as Slurm writes it: `1-12:00:00`; infinite for UNLIMITED and what is no time."""
    found = re.fullmatch(r"(?:(\d+)-)?(\d+):(\d+):(\d+)", clock)
    if not found:
        return math.inf
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
