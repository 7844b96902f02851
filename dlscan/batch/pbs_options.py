"""What a PBS job asks for, as `#PBS` lines: OpenPBS and Torque have their own words for the same things."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from dlscan.batch.system import Request
from dlscan.clock import hours_minutes_seconds
from dlscan.config import BatchOptions
from dlscan.errors import BatchError
from dlscan.spelling import hint

Dialect = Literal["openpbs", "torque"]
DIALECTS: tuple[Dialect, ...] = ("openpbs", "torque")

# what people call options, and the letters that qsub calls them
_LETTERS = {
    "account": "A",
    "queue": "q",
    "resources": "l",
    "mail_events": "m",
    "mail_user": "M",
    "priority": "p",
    "project": "P",
    "attributes": "W",
    "user": "u",
    "variables": "v",
    "export_all": "V",
    "start_after": "a",
    "hold": "h",
    "rerun": "r",
    "checkpoint": "c",
}
# What dlscan needs for itself, and what to use instead.
_OWN = {
    "J": "use batch.max_running to limit how many jobs run at a time",
    "t": "use batch.max_running to limit how many jobs run at a time",
    "N": "dlscan finds its jobs by their name",
    "o": "jobs write to N.log in the submission's directory",
    "e": "jobs write to N.log in the submission's directory",
    "j": "jobs write to N.log in the submission's directory",
    "k": "jobs write to N.log in the submission's directory",
    "S": "job scripts are bash",
    "I": "jobs are not interactive",
    "X": "jobs are not interactive",
    "z": "dlscan reads what qsub prints",
    "C": "job scripts say #PBS",
}
_DIALECT = "dialect"
# each says which part of a node a job gets
_PLACE = {"select", "nodes", "ncpus"}


def check_options(options: Mapping[str, Any]) -> None:
    """Check `batch.options` for PBS.

    Raises
    ------
    BatchError
        If one is none that qsub has, is dlscan's own, or has a value that is not of one line.
    """
    for key, value in options.items():
        where = f"batch.options.{key}"
        if key == _DIALECT:
            if value not in DIALECTS:
                raise BatchError(f"{where}: must be one of {', '.join(DIALECTS)}, got {value!r}")
            continue
        letter = _letter(key)
        if letter in _OWN:
            raise BatchError(f"{where}: -{letter} is set by dlscan; {_OWN[letter]}")
        if letter not in _LETTERS.values():
            known = [_DIALECT, *_LETTERS, *_LETTERS.values()]
            raise BatchError(f"{where}: `qsub` has no such option; {hint(key, known)}")
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, str | int | float):
                raise BatchError(f"{where}: must be text, a number, true or false, or a list, got {value!r}")
            if isinstance(item, str) and not all(sign.isprintable() for sign in item):
                raise BatchError(f"{where}: must be on one line, without control characters, got {item!r}")


def directives(request: Request, dialect: Dialect) -> list[str]:
    """The options of a submission, in the order in which they are written."""
    batch, jobs = request.batch, len(request.jobs)
    given = [line for key, value in batch.options.items() if key != _DIALECT for line in _lines(key, value)]
    lines = [f"-N {request.tag}", "-S /bin/bash", "-j oe", "-o /dev/null", "-r y"]
    if jobs > 1:
        lines += _array(jobs, batch.max_running, dialect)
    # what is asked for by the site's own words is not asked for twice
    asked = {word for line in given if line.startswith("-l ") for word in _resources(line[3:])}
    if asked & _PLACE:
        asked |= _PLACE
    lines += [line for line in _asked(batch, dialect) if not asked & _resources(line[3:])]
    given_letters = {line[:2] for line in given}
    return [line for line in lines if line[:2] not in given_letters - {"-l", "-W"}] + given


def clock(seconds: float) -> str:
    """Seconds as PBS reads them: `36:00:00`."""
    hours, minutes, rest = hours_minutes_seconds(math.ceil(seconds))
    return f"{hours:02d}:{minutes:02d}:{rest:02d}"


def _array(jobs: int, most: int | None, dialect: Dialect) -> list[str]:
    if dialect == "torque":
        return [f"-t 1-{jobs}{f'%{most}' if most is not None else ''}"]
    return [f"-J 1-{jobs}", *([f"-W max_run_subjobs={most}"] if most is not None else [])]


def _asked(batch: BatchOptions, dialect: Dialect) -> list[str]:
    memory = None if batch.memory is None else f"{math.ceil(batch.memory / 2**20)}mb"
    lines = []
    if dialect == "torque":
        gpus = f":gpus={batch.gpus}" if batch.gpus else ""
        lines.append(f"-l nodes=1:ppn={batch.cpus}{gpus}")
        if memory is not None:
            lines.append(f"-l mem={memory}")
    else:
        gpus = f":ngpus={batch.gpus}" if batch.gpus else ""
        lines.append(f"-l select=1:ncpus={batch.cpus}{gpus}{f':mem={memory}' if memory is not None else ''}")
    if batch.time is not None:
        lines.append(f"-l walltime={clock(batch.time)}")
    return lines


def _resources(request: str) -> set[str]:
    """The names in `select=1:ncpus=2,walltime=1:00:00`; those in a chunk belong to the chunk."""
    return {part.partition("=")[0].strip() for part in request.split(",")}


def _lines(key: str, value: Any) -> list[str]:
    letter = _letter(key)
    items = value if isinstance(value, list) else [value]
    return [
        f"-{letter} {item}" if not isinstance(item, bool) else f"-{letter}"
        for item in items
        if item is not False
    ]


def _letter(key: str) -> str:
    name = str(key).lstrip("-")
    return _LETTERS.get(name.replace("-", "_"), name)
