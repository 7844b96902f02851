"""Slurm: an array of jobs for each submission."""

import sys
from collections.abc import Iterable
from functools import cached_property

from dlscan.batch import slurm_options as options
from dlscan.batch.answers import no_answer
from dlscan.batch.call import CallError, call
from dlscan.batch.script import Lines, fill, keep, read_script_template, read_template
from dlscan.batch.slurm_queries import GONE, ask, chunks, environment, find_arrays, look
from dlscan.batch.slurm_states import Key
from dlscan.batch.system import Jobs, JobState, Request
from dlscan.config import BatchOptions
from dlscan.errors import BatchError
from dlscan.spelling import hint

SCRIPT = "slurm.sh"
TRAIN = "slurm.train"  # what a job does, to be put in for @train@
NODES = "slurm.nodes"  # what it does first if it has several nodes, to be put in for @together@
_CLUSTER = "ClusterName"
_SUBMIT_SECONDS = 120.0  # sbatch waits by itself where the controller is busy


class Slurm:
    """Slurm, by its commands.

    Parameters
    ----------
    batch : BatchOptions
        Of no use here: a request brings its own.
    """

    name = "slurm"

    def __init__(self, batch: BatchOptions) -> None:
        pass

    def cluster(self) -> str:
        """Slurm's ClusterName."""
        return self._config[_CLUSTER]

    def check(self, batch: BatchOptions) -> None:
        """Check options, partition, time and GPUs against what this Slurm has."""
        known, letters = options.known_options(ask(["sbatch", "--help"]))
        given = options.native(batch.options)
        options.require_processes(batch, given)
        options.require_known(given, known, letters)
        read_script_template(batch.template, SCRIPT)
        if isinstance(given.get("partition"), str):
            self._check_partitions(batch, given["partition"].split(","))
        if options.asks_for_gpus_itself(batch) and "gpu" not in self._config.get("GresTypes", "").split(","):
            raise BatchError(
                f"batch.gpus is {batch.gpus}, but this Slurm has no GPUs (GresTypes); set it to 0 to train "
                "on CPUs, or request GPUs the way this site requires in batch.options"
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
        text, name = read_script_template(request.batch.template, SCRIPT)
        values: dict[str, object] = {
            "options": options.lines(options.header(request)),
            "tag": request.tag,
            "scan": request.scan.absolute(),
            "directory": request.directory.absolute(),
            "python": sys.executable,
            "cpus": request.batch.cpus,
            "gpus": request.batch.gpus,
            "nodes": request.batch.nodes,
        }
        several = request.batch.nodes > 1
        values["together"] = Lines(fill(*read_template(None, NODES), values) if several else "")
        values["train"] = Lines(fill(*read_template(None, TRAIN), values))
        return fill(text, name, values)

    def submit(self, request: Request) -> list[str]:
        """Write `slurm.sh` and `jobs.txt` into the submission's directory, and submit them."""
        keep(request, SCRIPT, self.script(request))
        command = ["sbatch", "--parsable", SCRIPT]
        variables = environment(options.header(request))
        try:
            answer = call(command, seconds=_SUBMIT_SECONDS, cwd=request.directory, env=variables)
        except CallError as error:
            raise CallError(f"{error}{_advice(error, request)}", error.code, error.words) from None
        job = answer.strip().splitlines()[-1].partition(";")[0] if answer.strip() else ""
        if not job.isdecimal():
            raise BatchError(f"`sbatch` did not print a job id, but {answer.strip()!r}")
        return _ids(job, request)

    def find(self, request: Request) -> list[str]:
        """The ids of a submission's jobs, by their name."""
        found = find_arrays(request.tag, self._accounting)
        # by hand the same script may have been submitted again, later
        return _ids(min(found, key=int), request) if found else []

    def look(self, jobs: Jobs) -> dict[str, JobState]:
        """What Slurm says: `squeue`, then `sacct` if there is one, then `scontrol`."""
        keys = {job: _key(job) for job in jobs}
        said = look({keys[job]: tag for job, tag in jobs.items()}, self._accounting)
        return {job: said[key] for job, key in keys.items() if key in said}

    def cancel(self, jobs: Jobs) -> None:
        """Cancel jobs by `scancel`."""
        harmless = (GONE, "already completing or completed")
        for some in chunks(sorted(jobs)):
            try:
                ask(["scancel", *some], final=harmless)
            except CallError as error:
                said = [line for line in error.words.splitlines() if line.strip()]
                if not said or not all(any(words in line for words in harmless) for line in said):
                    raise

    @cached_property
    def _config(self) -> dict[str, str]:
        text = ask(["scontrol", "show", "config"])
        lines = [line.partition("=") for line in text.splitlines()]
        found = {name.strip(): value.strip() for name, equals, value in lines if equals}
        if not found.get(_CLUSTER):
            # every Slurm has one; jobs submitted without it could not be told from those of another cluster
            raise no_answer("scontrol show config", text)
        return found

    def _accounting(self) -> bool:
        kind = self._config.get("AccountingStorageType", "")
        return kind not in ("", "(null)") and not kind.endswith("/none")

    def _check_partitions(self, batch: BatchOptions, wanted: Iterable[str]) -> None:
        found: dict[str, dict[str, str]] = {}
        for line in ask(["scontrol", "show", "partition", "-o"]).splitlines():
            fields = dict(part.partition("=")[::2] for part in line.split())
            found[fields.get("PartitionName", "")] = fields
        for name in wanted:
            if name not in found:
                raise BatchError(
                    f"batch.options.partition: there is no partition {name!r} here; "
                    f"{hint(name, sorted(found))}"
                )
            limit = found[name].get("MaxTime", "")
            if batch.time is not None and batch.time > options.seconds_of(limit):
                raise BatchError(
                    f"batch.time: partition {name!r} allows at most {limit}; lower batch.time: training "
                    "stops in time and continues in the next job"
                )


def _key(job: str) -> Key:
    array, _, index = job.partition("_")
    if not (array.isdecimal() and index.isdecimal()):
        raise BatchError(f"{job!r} is not the id of a Slurm array job such as 12_3")
    return array, int(index)


def _ids(array: str, request: Request) -> list[str]:
    return [f"{array}_{number}" for number in range(1, len(request.jobs) + 1)]


def _advice(error: CallError, request: Request) -> str:
    words = error.words.lower()
    if "job submit limit" in words or "submitjob" in words.replace(" ", ""):
        return (
            f"; this site does not let you submit {len(request.jobs)} jobs at once: train several points "
            "per job (batch.models_per_job), or run the same command again when other jobs have ended"
        )
    if "node configuration is not available" in words:
        return "; no node here has what a job asks for: change batch.gpus, batch.memory or batch.options"
    return ""
