"""HTCondor: a cluster of jobs for each submission, described in the comments of the script that they run."""

import re
import sys
from pathlib import Path

from dlscan.batch import condor_queries as ask
from dlscan.batch.call import CallError, call
from dlscan.batch.condor_ads import job_state_in_history, job_state_in_queue, job_state_of_factory
from dlscan.batch.condor_language import arguments, brings_files, check_options, description
from dlscan.batch.condor_transfer import dataset, queue, transfers
from dlscan.batch.environment import exports
from dlscan.batch.script import Lines, fill, keep, read_script_template, read_template
from dlscan.batch.system import Jobs, JobState, Request
from dlscan.config import BatchOptions
from dlscan.errors import BatchError

_TEMPLATE = "htcondor.condor"
SCRIPT = "htcondor.sh"
_PREFIX = "#CONDOR "
# MAX_JOBS_PER_SUBMISSION of a schedd that nobody configured
_MOST_JOBS = 20_000
# ids on one command line
_AT_ONCE = 1_000
_NEUTRAL = Path("/")


class HTCondor:
    """Jobs as one cluster of HTCondor for each submission; a job's id is `CLUSTER.PROCESS`.

    Parameters
    ----------
    batch : BatchOptions
        `options` are commands of the submit language, `+Name` attributes of the job.
    """

    name = "htcondor"

    def __init__(self, batch: BatchOptions) -> None:
        self.batch = batch

    def cluster(self) -> str:
        """The name of the schedd."""
        return ask.schedd()

    def check(self, batch: BatchOptions) -> None:
        """Check options, template and that HTCondor's commands are here."""
        check_options(batch.options)
        read_script_template(batch.template, _TEMPLATE)
        if batch.pull and brings_files(batch):
            raise BatchError(
                "batch.pull: jobs that bring their files with them (should_transfer_files) do not see the "
                "plan, and cannot ask for more points; remove it, and use `dlscan scan --wait`"
            )
        call(["condor_version"], tries=2)

    def most_jobs(self) -> int | None:
        """The schedd's MAX_JOBS_PER_SUBMISSION."""
        try:
            return int(call(["condor_config_val", "MAX_JOBS_PER_SUBMISSION"]))
        except (CallError, ValueError):
            return _MOST_JOBS

    def script(self, request: Request) -> str:
        """The job script, with the submit description in its comments."""
        text, name = read_script_template(request.batch.template, _TEMPLATE)
        directory, batch = request.directory.absolute(), request.batch
        values: dict[str, object] = {
            "scan": request.scan.absolute(),
            "directory": directory,
            "python": sys.executable,
            "tag": request.tag,
            "cpus": batch.cpus,
            "gpus": batch.gpus,
            "environment": exports(),
            "resources": _commands(description(batch, request.tag, len(request.jobs))),
        }
        part = "htcondor"
        if brings_files(batch):
            part = "htcondor-transfer"
            values |= {"transfers": _commands(transfers(request)), "queue": _commands(queue(request))}
            values["dataset"] = dataset(request).name
        else:
            values["arguments"] = _commands([arguments(str(directory / SCRIPT))])
            values["queue"] = _commands([f"queue {len(request.jobs)}"])
        for word in ("options", "train"):
            values[word] = Lines(fill(*read_template(None, f"{part}.{word}"), values))
        return fill(text, name, values)

    def submit(self, request: Request) -> list[str]:
        """Submit by condor_submit, which takes all jobs or none."""
        script = self.script(request)
        keep(request, SCRIPT, script)
        try:
            # not from the submission's directory: HTCondor looks for macros in the name of where it is
            output = call(
                ["condor_submit", "-terse"], input=submit_description(script), cwd=_NEUTRAL, seconds=120.0
            )
        except CallError as error:
            raise CallError(_refusal(error, request), error.code, error.words) from None
        found = re.search(r"^(\d+)\.0 - \1\.(\d+)$", output, re.MULTILINE)
        if found is None or int(found[2]) != len(request.jobs) - 1:
            raise BatchError(
                f"`condor_submit` answered {output.strip()!r} instead of the ids of {len(request.jobs)} jobs"
            )
        return _ids(int(found[1]), request)

    def find(self, request: Request) -> list[str]:
        """Find the cluster by its JobBatchName, before its jobs are made, in the queue or in the history."""
        constraint = f'JobBatchName == "{request.tag}"'
        found = ask.factories(constraint) or ask.queue(constraint) or ask.history(constraint, 1)
        if not found:
            ask.schedd()  # who lists nothing may not have listened
        # by hand the same script may have been submitted again, later
        return _ids(min(int(ad["ClusterId"]) for ad in found), request) if found else []

    def look(self, jobs: Jobs) -> dict[str, JobState]:
        """Look into the queue, and into the history for what is not there."""
        wanted = {_numbers(job): job for job in jobs}
        if not wanted:
            return {}
        tags = _tags(jobs)
        clusters = ask.these_clusters(tags)
        # in this order a job that moves on meanwhile is seen twice rather than never
        factories = {int(ad["ClusterId"]): ad for ad in ask.factories(clusters)}
        seen = {ask.key(ad): job_state_in_queue(ad) for ad in ask.queue(clusters)}
        for cluster, proc in wanted.keys() - seen.keys():
            job_state = job_state_of_factory(factories.get(cluster, {}), proc)
            if job_state is not None:
                seen[cluster, proc] = job_state
        missing = wanted.keys() - seen.keys()
        if missing:
            ended = ask.history(*ask.these_jobs(missing, tags))
            seen |= {ask.key(ad): job_state_in_history(ad) for ad in ended}
        if wanted.keys() - seen.keys():
            ask.schedd()  # who lists nothing may not have listened
        return {job: seen[key] for key, job in wanted.items() if key in seen}

    def cancel(self, jobs: Jobs) -> None:
        """Remove jobs by condor_rm; those that a factory has still to make only all together."""
        wanted = {_numbers(job) for job in jobs}
        if not wanted:
            return
        whole = _whole_factories(wanted, _tags(jobs))
        names = [str(cluster) for cluster in sorted(whole)]
        names += [f"{cluster}.{proc}" for cluster, proc in sorted(wanted) if cluster not in whole]
        for start in range(0, len(names), _AT_ONCE):
            self._remove(names[start : start + _AT_ONCE], jobs)

    def _remove(self, names: list[str], jobs: Jobs) -> None:
        try:
            call(["condor_rm", *names], tries=3, final=["not found"])
        except CallError:
            # it fails if one of them has ended, and does not say of which it is
            left = self.look({name: jobs[name] for name in names if "." in name})
            if any(job_state.phase != "ended" for job_state in left.values()):
                raise


def _commands(commands: list[str]) -> Lines:
    return Lines("\n".join(_PREFIX + command for command in commands))


def submit_description(script: str) -> str:
    """What condor_submit is to read, from the comments of a job script."""
    lines = (line.removeprefix(_PREFIX) for line in script.splitlines() if line.startswith(_PREFIX))
    return "".join(f"{line}\n" for line in lines)


def _refusal(error: CallError, request: Request) -> str:
    """The line that says why condor_submit refused, which is not its last one, and what to do."""
    found = re.search(r"ERROR: +(\S[^\n]*)(\n[^\n]+)?", error.words)
    if found is None:
        return str(error)
    # what it could not parse is on a line of its own
    said = f"`condor_submit` refused: {found[1]}{found[2] or '' if found[1].rstrip().endswith(':') else ''}"
    said = " ".join(said.split())
    if request.batch.max_running is not None and "materializ" in error.words.lower():
        return f"{said}; this schedd cannot limit how many jobs run at a time; unset batch.max_running"
    return f"{said} (the submit description is in {request.directory / SCRIPT})"


def _whole_factories(wanted: set[tuple[int, int]], tags: dict[int, str]) -> set[int]:
    """The factories of which jobs are `wanted` that are not made yet.

    Raises
    ------
    BatchError
        If one has others besides, which would go with them.
    """
    found = set()
    for ad in ask.factories(ask.these_clusters(tags)):
        cluster = int(ad["ClusterId"])
        waiting = {(cluster, n) for n in range(ad["JobMaterializeNextProcId"], ad["TotalSubmitProcs"])}
        if not waiting & wanted:
            continue
        others = waiting | {ask.key(job) for job in ask.queue(ask.these_clusters({cluster: tags[cluster]}))}
        others -= wanted
        if others:
            raise BatchError(
                "HTCondor has not created all of these jobs yet (batch.max_running) and can only remove "
                f"them together with {len(others)} more of cluster {cluster}; cancel the whole scan"
            )
        found.add(cluster)
    return found


def _ids(cluster: int, request: Request) -> list[str]:
    return [f"{cluster}.{proc}" for proc in range(len(request.jobs))]


def _tags(jobs: Jobs) -> dict[int, str]:
    return {_numbers(job)[0]: tag for job, tag in jobs.items()}


def _numbers(job: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)\.(\d+)", job)
    if found is None:
        raise BatchError(f"{job!r} is not an HTCondor job id such as 12.3")
    return int(found[1]), int(found[2])
