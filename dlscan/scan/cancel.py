"""Cancel the jobs of a scan, on whatever systems they are."""

import contextlib
import dataclasses
from collections.abc import Collection, Sequence

from dlscan.attempts import last_attempt
from dlscan.batch import JobState, system
from dlscan.claims import alive
from dlscan.errors import BatchError, DlscanError
from dlscan.process import parent
from dlscan.scan.plan import Plan
from dlscan.scan.processes import ask_to_stop, running, stop_drivers, trains
from dlscan.scan.submissions import Submission, Submissions
from dlscan.scan.submit import Say, reconcile, request_for, submitting
from dlscan.spelling import counted, plural


@dataclasses.dataclass(frozen=True)
class Cancelled:
    """Jobs that were queued or running, and points that processes of this machine trained."""

    queued: int
    running: int
    processes: int


def cancel(plan: Plan, numbers: Collection[int], say: Say, forget: bool = False) -> Cancelled:
    """Cancel the queued and running jobs of a scan.

    Parameters
    ----------
    plan : Plan
        Of the scan.
    numbers : collection of int
        Of the points whose jobs are cancelled, with all other points of the same jobs; empty for all.
    say : callable
        Gets a line on what was not as asked for.
    forget : bool
        Jobs of which no batch system here tells anything are taken to be gone, from now on.

    Raises
    ------
    BatchError
        If a batch system does not answer or refuses.
    ScanError
        If there is no such point, or another process is submitting jobs of this scan.
    """
    wanted = {plan.point(number).number for number in numbers} or {p.number for p in plan.points}
    phases: list[str] = []
    with submitting(plan):
        if forget:
            _forget(plan, say)
        reconcile(plan, say)
        submissions = Submissions(plan.directory).read()
        silence: list[BatchError] = []
        for submission in submissions:
            jobs = _jobs_with(submission, wanted)
            if jobs:
                try:
                    phases += _cancel_jobs(submission, jobs)
                    if jobs:
                        Submissions(plan.directory).note_cancelled(submission, jobs)
                except BatchError as error:  # of two clusters, the other one answers
                    silence.append(error)
                else:
                    _say_others(jobs, wanted, numbers, say)
        if silence:
            raise BatchError(
                f"{plan.directory}: {counted(len(phases), 'job')} cancelled, the state of the others is "
                f"unknown: {silence[0]}"
            )
    # those stop their processes themselves, and would start the next ones if only these were stopped
    drivers = set() if numbers else stop_drivers(plan, say)
    _say_unlisted(plan, wanted, {name for one in submissions for name in one.ids or ()}, say)
    processes = _stop_processes(plan, wanted, drivers, say)
    return Cancelled(phases.count("queued"), phases.count("running"), processes)


def _forget(plan: Plan, say: Say) -> None:
    """Count jobs as gone that nobody can be asked about: their cluster is no more, or began anew."""
    submissions = Submissions(plan.directory)
    for submission in submissions.read():
        if submission.ids == ():
            continue
        try:
            where = system(submission.batch, submission.cluster)
            if submission.ids is None:
                where.find(request_for(plan, submission))
            else:
                where.look(dict.fromkeys(submission.ids, submission.tag))
        except BatchError as error:
            submissions.know(submission, [])
            say(f"submission {submission.number} is forgotten, its jobs now count as gone: {error}")


def _jobs_with(submission: Submission, wanted: set[int]) -> dict[str, tuple[int, ...]]:
    pairs = zip(submission.ids or (), submission.jobs, strict=False)
    return {name: points for name, points in pairs if wanted & set(points)}


def _cancel_jobs(submission: Submission, jobs: dict[str, tuple[int, ...]]) -> list[str]:
    """Cancel those of the jobs that are under way; their phases."""
    where = system(submission.batch, submission.cluster)
    job_states: dict[str, JobState] = where.look(dict.fromkeys(jobs, submission.tag))
    for name in set(jobs) - set(job_states):
        del jobs[name]
    for name, job_state in job_states.items():
        if job_state.phase == "ended":
            jobs.pop(name, None)
    if jobs:
        where.cancel(dict.fromkeys(jobs, submission.tag))
    return [job_states[name].phase for name in jobs]


def _say_others(
    jobs: dict[str, tuple[int, ...]], wanted: set[int], numbers: Collection[int], say: Say
) -> None:
    if numbers:
        _say_with_them(sorted({point for points in jobs.values() for point in points} - wanted), say)


def _say_with_them(others: Sequence[int], say: Say) -> None:
    if others:
        points = plural(len(others), "point")
        say(f"also cancelled, because they share a job: {points} {', '.join(map(str, others))}")


def _say_unlisted(plan: Plan, wanted: set[int], listed: set[str], say: Say) -> None:
    """Say which jobs train points of the scan and are not on its list, as when that was removed."""
    found: dict[str, list[int]] = {}
    for number in sorted(wanted):
        paths = plan.paths(plan.point(number))
        with contextlib.suppress(DlscanError):
            attempt = last_attempt(paths)
            if attempt and attempt.job and attempt.job not in listed and alive(paths, attempt):
                found.setdefault(attempt.job, []).append(number)
    for job, numbers in found.items():
        say(
            f"job {job} trains point {', '.join(map(str, numbers))}, but submissions.jsonl does not list "
            "it; cancel it with the batch system's own command"
        )


def _stop_processes(plan: Plan, wanted: set[int], drivers: set[int], say: Say) -> int:
    """Ask processes of this machine that belong to no batch system to stop; how many points they train."""
    found = running(plan)
    stopped: list[int] = []
    told = set()
    for number in sorted(wanted & set(found)):
        attempt = found[number]
        here = trains(attempt, plan.paths(plan.point(number)))
        # a pack is told once: a second signal is one that will not wait
        known = attempt.process in told or parent(attempt.pid) in drivers
        if here and (known or ask_to_stop(attempt.pid)):
            stopped.append(number)
            told.add(attempt.process)
        else:
            say(
                f"point {number} runs on {attempt.host} without a batch system: "
                f"stop process {attempt.pid} there"
            )
    others = [number for number in sorted(set(found) - wanted) if found[number].process in told]
    _say_with_them(others, say)
    return len(stopped) + len(others)
