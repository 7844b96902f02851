"""PBS: an array of jobs for each submission, on OpenPBS or on Torque."""

import math
import re
import sys
from functools import cached_property
from pathlib import Path

from dlscan.batch.answers import another_job, no_answer
from dlscan.batch.call import CallError, call
from dlscan.batch.environment import exports
from dlscan.batch.pbs_options import Dialect, check_options, directives
from dlscan.batch.pbs_states import is_called, job_state, plain_id, read_jobs
from dlscan.batch.script import Lines, fill, keep, read_script_template, read_template
from dlscan.batch.system import Jobs, JobState, Request
from dlscan.config import BatchOptions
from dlscan.errors import BatchError

SCRIPT = "pbs.sh"
_TEMPLATE = "pbs.pbs"
_TRAIN = "pbs.train"  # what a job does, to be put in for @train@
_NEUTRAL = Path("/")
_GONE = ("Unknown Job Id", "Job has finished", "Unknown Job")
_NO_HISTORY = "not configured to maintain job history"
_AT_ONCE = 500
_ID = re.compile(r"\d+(\[\d*\]|-\d+)?(\.|$)")


class PBS:
    """OpenPBS or Torque, by their commands.

    Parameters
    ----------
    batch : BatchOptions
        `options` are those of `qsub`; `dialect` among them says which PBS it is, if it is not to be asked.
    """

    name = "pbs"

    def __init__(self, batch: BatchOptions) -> None:
        self._batch = batch

    def cluster(self) -> str:
        """The name of the server."""
        answer = call(["qstat", "-B", "-f"], tries=3)
        found = re.search(r"^Server: *(\S+)", answer, re.MULTILINE)
        if found is None:
            raise no_answer("qstat -B -f", answer)
        return found[1]

    def check(self, batch: BatchOptions) -> None:
        """Check options, template and that PBS answers."""
        check_options(batch.options)
        read_script_template(batch.template, _TEMPLATE)
        call(["qstat", "--version"], tries=2)

    def most_jobs(self) -> int | None:
        """What the server's limit of array jobs allows; None if it has none."""
        found = re.search(r"max(?:_job)?_array_size = (\d+)", call(["qstat", "-B", "-f"], tries=3))
        return int(found[1]) if found else None

    def script(self, request: Request) -> str:
        """The script of a submission."""
        text, name = read_script_template(request.batch.template, _TEMPLATE)
        options = directives(request, self._dialect)
        values: dict[str, object] = {
            "options": Lines("\n".join(f"#PBS {option}" for option in options)),
            "environment": exports(),
            "scan": request.scan.absolute(),
            "directory": request.directory.absolute(),
            "python": sys.executable,
            "cpus": request.batch.cpus,
            "gpus": request.batch.gpus,
            "tag": request.tag,
            "seconds": math.ceil(request.batch.time or 0),
        }
        values["train"] = Lines(fill(*read_template(None, _TRAIN), values))
        return fill(text, name, values)

    def submit(self, request: Request) -> list[str]:
        """Write `pbs.sh` and `jobs.txt` into the submission's directory, and submit them."""
        script = self.script(request)
        keep(request, SCRIPT, script)
        # PBS hands its own variables on to the job, the name of this directory among them
        answer = call(["qsub"], input=script, cwd=_NEUTRAL, seconds=120.0)
        lines = [line for line in answer.splitlines() if _ID.match(line)]
        if not lines:
            raise BatchError(f"`qsub` did not print a job id, but {answer.strip()!r}")
        return _ids(lines[-1], request)

    def find(self, request: Request) -> list[str]:
        """The ids of a submission's jobs, by their name; of jobs that have ended if PBS keeps a history."""
        selection = ["-N", request.tag]
        try:
            answer = call(["qselect", *self._past, *selection], tries=3, final=[_NO_HISTORY])
        except CallError as error:
            if _NO_HISTORY not in error.words:
                raise
            answer = call(["qselect", *selection], tries=3)
        found = [line for line in answer.splitlines() if _ID.match(line)]
        if answer.strip() and not found:
            raise no_answer("qselect", answer)
        if not found:
            self.cluster()  # who lists nothing may not have listened
        return _ids(found[0], request) if found else []

    def look(self, jobs: Jobs) -> dict[str, JobState]:
        """What `qstat` says, an array at a time."""
        seen: dict[str, JobState] = {}
        for job in jobs:
            if not _ID.fullmatch(job):
                raise BatchError(f"{job!r} is not a PBS job id such as 12[3]")
        for array in sorted({re.sub(r"\[\d+\]$", "[]", job) for job in jobs}):
            for job, attributes in self._details(array):
                if job in jobs:
                    if not is_called(attributes, jobs[job]):
                        raise another_job(job, attributes.get("Job_Name", ""), jobs[job])
                    seen[job] = job_state(attributes)
        return seen

    def cancel(self, jobs: Jobs) -> None:
        """Delete jobs by `qdel`."""
        names = sorted(jobs)
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            try:
                call(["qdel", *some], tries=2, final=_GONE)
            except CallError:
                # it fails if one of them has ended; the others are deleted all the same
                left = self.look({name: jobs[name] for name in some})
                if any(seen.phase != "ended" for seen in left.values()):
                    raise

    @cached_property
    def _dialect(self) -> Dialect:
        given = self._batch.options.get("dialect")
        if given is not None:
            return "torque" if given == "torque" else "openpbs"
        return dialect_of(call(["qstat", "--version"], tries=3))

    @property
    def _past(self) -> list[str]:
        return ["-x"] if self._dialect == "openpbs" else []

    def _details(self, array: str) -> list[tuple[str, dict[str, str]]]:
        """What `qstat` prints of an array's jobs; nothing if it says that there is no such array."""
        command = ["qstat", "-f", "-t"]
        try:
            answer = call([*command, *self._past, array], tries=3, final=[*_GONE, _NO_HISTORY])
        except CallError as error:
            if _NO_HISTORY not in error.words:
                return _nothing_if_gone(error)
            try:
                answer = call([*command, array], tries=3, final=_GONE)
            except CallError as silence:
                return _nothing_if_gone(silence)
        number = array.removesuffix("[]")
        found = [item for item in read_jobs(answer) if item[0].partition("[")[0] == number]
        if not found:
            raise no_answer("qstat", answer)
        return found


def dialect_of(version: str) -> Dialect:
    """Which PBS prints this for `qstat --version`: `pbs_version = 20.0.1`, or Torque's `Version: 6.1.2`."""
    return "openpbs" if "pbs_version" in version.lower() else "torque"


def _nothing_if_gone(error: CallError) -> list[tuple[str, dict[str, str]]]:
    if any(words in error.words for words in _GONE):
        return []
    raise error


def _ids(name: str, request: Request) -> list[str]:
    number = plain_id(name).partition("[")[0]
    if len(request.jobs) == 1:
        return [number]
    return [f"{number}[{index}]" for index in range(1, len(request.jobs) + 1)]
