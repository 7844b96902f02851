"""HTCondor: one submit description for all jobs of a submission, kept in the job script's own comments."""

import os
import re
import sys
from collections.abc import Collection
from typing import Any

from dlscan.batch.call import CallError, call
from dlscan.batch.condor_ads import (
    ATTRIBUTES,
    read_ads,
    sight_in_history,
    sight_in_queue,
    sight_of_factory,
)
from dlscan.batch.condor_language import check_options, description
from dlscan.batch.script import Lines, fill, quoted, read_template
from dlscan.batch.system import Request, Sight
from dlscan.config import Batch
from dlscan.errors import BatchError
from dlscan.files import write_text

_PREFIX = "#CONDOR "
_QUESTION = {"seconds": 30.0, "tries": 3}
# The history is a file that is read backwards: of a job that ended long ago it takes its time.
_HISTORY_SECONDS = 60.0
_HISTORY_DEPTH = 100_000
_MOST_JOBS = 20_000
# A command line has room for these, whatever the ids.
_AT_ONCE = 1_000


class HTCondor:
    """Jobs as one cluster of HTCondor for each submission; a job's id is `CLUSTER.PROCESS`.

    Parameters
    ----------
    batch : Batch
        `options` are commands of the submit language, `+Name` attributes of the job.
    """

    name = "htcondor"

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def check(self, batch: Batch) -> None:
        """Check options, template and that HTCondor's commands are here."""
        check_options(batch.options)
        read_template(batch.template, "htcondor.condor")
        call(["condor_version"], **_QUESTION)

    def most_jobs(self) -> int | None:
        """The schedd's MAX_JOBS_PER_SUBMISSION."""
        try:
            return int(call(["condor_config_val", "MAX_JOBS_PER_SUBMISSION"], **_QUESTION))
        except (CallError, ValueError):
            return _MOST_JOBS

    def script(self, request: Request) -> str:
        """The job script, with the submit description in its comments."""
        text, name = read_template(request.batch.template, "htcondor.condor")
        script = str(request.directory.absolute() / "htcondor.sh")
        commands = description(request.batch, request.tag, len(request.jobs), script)
        return fill(
            text,
            name,
            {
                "scan": request.scan.absolute(),
                "directory": request.directory.absolute(),
                "python": sys.executable,
                "cpus": request.batch.cpus,
                "jobs": len(request.jobs),
                "options": Lines("\n".join(_PREFIX + command for command in commands)),
                "environment": Lines("\n".join(_exports())),
            },
        )

    def submit(self, request: Request) -> list[str]:
        """Submit by condor_submit, which takes all jobs or none."""
        script = self.script(request)
        request.directory.mkdir(parents=True, exist_ok=True)
        write_text(request.directory / "htcondor.sh", script)
        lines = (" ".join(map(str, points)) + "\n" for points in request.jobs)
        write_text(request.directory / "jobs.txt", "".join(lines))
        try:
            # not from the submission's directory: HTCondor reads macros into the name of where it is
            output = call(["condor_submit", "-terse"], input=submit_description(script), cwd=_ROOT, seconds=120.0)
        except CallError as error:
            if "materializ" in error.words.lower():
                raise BatchError(f"{error}; this schedd cannot limit running jobs: unset batch.max_running") from None
            raise
        found = re.search(r"^(\d+)\.0 - \1\.(\d+)$", output, re.MULTILINE)
        if found is None or int(found[2]) != len(request.jobs) - 1:
            raise BatchError(f"`condor_submit` answers {output.strip()!r}, not {len(request.jobs)} jobs")
        return _ids(int(found[1]), len(request.jobs))

    def find(self, request: Request) -> list[str]:
        """Find the cluster by its JobBatchName: waiting to be made, in the queue or in the history."""
        constraint = f'JobBatchName == "{request.tag}"'
        for ask in (_factories, _queue, _history):
            for ad in ask(constraint, 1):
                return _ids(int(ad["ClusterId"]), len(request.jobs))
        return []

    def look(self, jobs: Collection[str]) -> dict[str, Sight]:
        """Look into the queue, and into the history for what is not there."""
        wanted = {_numbers(job): job for job in jobs}
        if not wanted:
            return {}
        clusters = _any_of("ClusterId", {cluster for cluster, _ in wanted})
        # in this order a job that moves on meanwhile is seen later, not missed
        factories = {int(ad["ClusterId"]): ad for ad in _factories(clusters)}
        seen = {_key(ad): sight_in_queue(ad) for ad in _queue(clusters)}
        for cluster, proc in wanted.keys() - seen.keys():
            sight = sight_of_factory(factories.get(cluster, {}), proc)
            if sight is not None:
                seen[cluster, proc] = sight
        missing = wanted.keys() - seen.keys()
        if missing:
            ended = _history(_these(missing), len(missing), _HISTORY_DEPTH)
            seen |= {_key(ad): sight_in_history(ad) for ad in ended}
        return {job: seen[key] for key, job in wanted.items() if key in seen}

    def cancel(self, jobs: Collection[str]) -> None:
        """Remove jobs by condor_rm; a factory with all that it has still to make."""
        wanted = {_numbers(job) for job in jobs}
        clusters = _any_of("ClusterId", {cluster for cluster, _ in wanted})
        whole = {int(ad["ClusterId"]) for ad in _factories(clusters) if _is_waiting(ad, wanted)} if wanted else set()
        for cluster in whole:
            _require_all(cluster, wanted)
        names = [f"{cluster}" for cluster in sorted(whole)]
        names += [f"{cluster}.{proc}" for cluster, proc in sorted(wanted) if cluster not in whole]
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            try:
                call(["condor_rm", *some], **_QUESTION, final=["not found"])
            except CallError:
                still = self.look(name for name in some if "." in name)
                if any(sight.phase != "ended" for sight in still.values()):
                    raise
