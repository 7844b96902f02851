"""Slurm: an array of jobs for each submission."""

import os
import sys
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property

from dlscan.batch import slurm_options as options
from dlscan.batch.call import CallError, call
from dlscan.batch.script import fill, read_template
from dlscan.batch.slurm_states import SACCT_FORMAT, SQUEUE_FORMAT, Key, from_sacct, from_scontrol, from_squeue
from dlscan.batch.system import Request, Sight
from dlscan.config import Batch
from dlscan.config.build import nearest
from dlscan.errors import BatchError
from dlscan.files import write_text

SCRIPT = "slurm.sh"
POINTS = "jobs.txt"
_TRIES = 3
_SUBMIT_SECONDS = 120.0  # sbatch waits by itself where the controller is busy
_GONE = "Invalid job id"
# Commands on a line must stay below what the kernel takes.
_AT_ONCE = 500
# Variables that decide what a job is or what a command prints, in place of what is written here.
_OF_A_JOB = ("SLURM_", "SQUEUE_", "SACCT_", "SCANCEL_", "SCONTROL_", "DLSCAN_JOB")
_KEPT = ("SLURM_CONF", "SLURM_CONF_SERVER")
_OVERRIDES = {"array": "ARRAY_INX", "time": "TIMELIMIT", "mem": "MEM_PER_NODE"}


class Slurm:
    """Slurm, by its commands.

    Parameters
    ----------
    batch : Batch
        What jobs may use.
    """

    name = "slurm"

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def check(self, batch: Batch) -> None:
        """Check options, partition, time and GPUs against what this Slurm has."""
        known, letters = options.known_options(_ask(["sbatch", "--help"]))
        given = options.native(batch.options)
        options.require_known(given, known, letters)
        read_template(batch.template, SCRIPT)
        if isinstance(given.get("partition"), str):
            self._check_partitions(batch, given["partition"].split(","))
        if options.asks_for_gpus_itself(batch) and "gpu" not in self._config.get("GresTypes", "").split(","):
            raise BatchError(
                f"batch.gpus is {batch.gpus}, but this Slurm has no GPUs (GresTypes); set it to 0 to train "
                "on CPUs, or ask for GPUs as this site wants it by batch.options"
            )
        self.most_jobs()

    def most_jobs(self) -> int | None:
        """What the site's MaxArraySize allows."""
        size = self._config.get("MaxArraySize", "")
        if not size.isdecimal():
            return None
        if int(size) < 2:
            raise BatchError(f"this Slurm has no job arrays (MaxArraySize is {size}); dlscan needs them")
        return int(size) - 1  # the index MaxArraySize is refused, and ours begin at 1

    def script(self, request: Request) -> str:
        """The script of a submission."""
        text, name = read_template(request.batch.template, SCRIPT)
        values = {
            "options": options.lines(options.header(request)),
            "tag": request.tag,
            "scan": request.scan.absolute(),
            "directory": request.directory.absolute(),
            "python": sys.executable,
            "cpus": request.batch.cpus,
            "gpus": request.batch.gpus,
        }
        return fill(text, name, values)

    def submit(self, request: Request) -> list[str]:
        """Write `slurm.sh` and `jobs.txt` into the submission's directory, and submit them."""
        script = self.script(request)
        request.directory.mkdir(parents=True, exist_ok=True)
        points = "".join(" ".join(map(str, job)) + "\n" for job in request.jobs)
        write_text(request.directory / POINTS, points)
        write_text(request.directory / SCRIPT, script)
        environment = _environment(options.header(request))
        try:
            answer = call(
                ["sbatch", "--parsable", SCRIPT],
                seconds=_SUBMIT_SECONDS,
                cwd=request.directory,
                env=environment,
            )
        except CallError as error:
            raise BatchError(f"{error}{_advice(error, request)}") from None
        job = answer.strip().splitlines()[-1].partition(";")[0] if answer.strip() else ""
        if not job.isdecimal():
            raise BatchError(f"`sbatch` did not say which number the jobs have, but {answer.strip()!r}")
        return _ids(job, request)

    def find(self, request: Request) -> list[str]:
        """The ids of a submission's jobs, by their name."""
        try:
            text = _ask(["squeue", "-h", "-r", "-t", "all", f"--name={request.tag}", "-o", SQUEUE_FORMAT])
            found = {key[0] for key, name, _ in from_squeue(text) if name == request.tag}
        except CallError:
            found = set()
        # no answer and an empty one look alike when a controller is in trouble: another command confirms it
        if not found:
            said = _ask(["scontrol", "show", "job", "-o"])
            found = {key[0] for key, name, _ in from_scontrol(said) if name == request.tag}
        if not found and self._accounting:
            command = [
                "sacct",
                "-n",
                "-P",
                "-X",
                "-S",
                "now-30days",
                f"--name={request.tag}",
                "-o",
                SACCT_FORMAT,
            ]
            found = {line.partition("_")[0] for line in _ask(command).splitlines() if "_" in line}
        if not found:
            return []
        # by hand the same script may have been submitted again, later
        return _ids(min(found, key=int), request)

    def look(self, jobs: Collection[str]) -> dict[str, Sight]:
        """What Slurm says: `squeue`, then `sacct` if there is one, then `scontrol`."""
        keys = {job: _key(job) for job in jobs}
        arrays = sorted({key[0] for key in keys.values()}, key=int)
        said: dict[Key, Sight] = {}
        try:
            for some in _chunks(arrays):
                text = _ask(
                    ["squeue", "-h", "-r", "-t", "all", "-o", SQUEUE_FORMAT, "-j", ",".join(some)],
                    final=[_GONE],
                )
                said.update((key, sight) for key, _, sight in from_squeue(text))
            answered = True
            said.update(_why_failed(said))
        except CallError as error:
            answered = _GONE in error.words
        # the data base may be late, so it is asked only of jobs that the controller does not have
        for ask in (_from_sacct, _from_scontrol) if answered else (_from_scontrol, _from_sacct):
            absent = sorted({key[0] for key in keys.values() if not _known(key, said)}, key=int)
            if absent and (ask is not _from_sacct or self._accounting):
                said = {**ask(absent, _TRIES if answered else 1), **said}
        known = {job: _known(key, said) for job, key in keys.items()}
        return {job: sight for job, sight in known.items() if sight is not None}

    def cancel(self, jobs: Collection[str]) -> None:
        """Cancel jobs by `scancel`."""
        for some in _chunks(sorted(jobs)):
            try:
                _ask(["scancel", *some], final=[_GONE, "already completing or completed"])
            except CallError as error:
                harmless = (_GONE, "already completing or completed")
                said = [line for line in error.words.splitlines() if line.strip()]
                if not said or not all(any(words in line for words in harmless) for line in said):
                    raise

    @cached_property
    def _config(self) -> dict[str, str]:
        lines = [line.partition("=") for line in _ask(["scontrol", "show", "config"]).splitlines()]
        return {name.strip(): value.strip() for name, equals, value in lines if equals}

    @property
    def _accounting(self) -> bool:
        kind = self._config.get("AccountingStorageType", "")
        return kind not in ("", "(null)") and not kind.endswith("/none")

    def _check_partitions(self, batch: Batch, wanted: Iterable[str]) -> None:
        found: dict[str, dict[str, str]] = {}
        for line in _ask(["scontrol", "show", "partition", "-o"]).splitlines():
            fields = dict(part.partition("=")[::2] for part in line.split())
            found[fields.get("PartitionName", "")] = fields
        for name in wanted:
            if name not in found:
                raise BatchError(
                    f"batch.options.partition: there is no partition {name!r} here; "
                    f"{nearest(name, sorted(found))}"
                )
            limit = found[name].get("MaxTime", "")
            if batch.time is not None and batch.time > options.seconds_of(limit):
                raise BatchError(
                    f"batch.time: partition {name!r} allows {limit} at most; training stops in time "
                    "and goes on in the next job, so less than it needs is enough"
                )


def _ask(command: list[str], final: Collection[str] = (), tries: int = _TRIES) -> str:
    return call(command, tries=tries, final=tuple(final), env=_environment({}))


def _environment(given: Mapping[str, str | None]) -> dict[str, str]:
    """The variables of this process without those that would speak instead of a script's lines.

    `sbatch` prefers its own (SBATCH_PARTITION) to what stands in the script; inside of a job there are those
    of that job.
    """
    drop = {f"SBATCH_{_OVERRIDES.get(name, name.upper().replace('-', '_'))}" for name in given}
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or not (name.startswith(_OF_A_JOB) or name in drop or name == "SBATCH_WAIT")
    }
    return {**environment, "SLURM_BITSTR_LEN": "0"}  # whole lists of indices


def _from_scontrol(arrays: list[str], tries: int) -> dict[Key, Sight]:
    said: dict[Key, Sight] = {}
    for array in arrays:
        try:
            text = _ask(["scontrol", "show", "job", "-o", array], [_GONE], tries)
        except CallError as error:
            if _GONE not in error.words:
                raise
            continue
        said.update((key, sight) for key, _, sight in from_scontrol(text))
    return said


def _why_failed(said: Mapping[Key, Sight]) -> dict[Key, Sight]:
    """The exit codes of jobs that failed, which `squeue` does not tell."""
    try:
        return _from_scontrol(sorted({key[0] for key, sight in said.items() if sight.reason == "failed"}), 1)
    except CallError:
        return {}  # it adds words, nothing else


def _from_sacct(arrays: list[str], tries: int) -> dict[Key, Sight]:
    said: dict[Key, Sight] = {}
    for some in _chunks(arrays):
        try:
            text = _ask(["sacct", "-n", "-P", "-X", "-j", ",".join(some), "-o", SACCT_FORMAT], (), tries)
        except CallError:
            return said  # it adds why a job ended; whether it has, the controller says
        said.update(from_sacct(text))
    return said


def _known(key: Key, said: Mapping[Key, Sight]) -> Sight | None:
    return said.get(key) or said.get((key[0], None))


def _key(job: str) -> Key:
    array, _, index = job.partition("_")
    if not (array.isdecimal() and index.isdecimal()):
        raise BatchError(f"{job!r} is not the id of a job of an array of Slurm's, such as 12_3")
    return array, int(index)


def _ids(array: str, request: Request) -> list[str]:
    return [f"{array}_{number}" for number in range(1, len(request.jobs) + 1)]


def _chunks(items: list[str]) -> Iterable[list[str]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))


def _advice(error: CallError, request: Request) -> str:
    words = error.words.lower()
    if "job submit limit" in words or "submitjob" in words.replace(" ", ""):
        return (
            f"; {len(request.jobs)} jobs at once are more than this site lets you submit: train several "
            "points in a job (batch.models_per_job), or run the same command again when others have ended"
        )
    return ""
