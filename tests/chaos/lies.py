"""Whether `dlscan status` tells the truth: its answers beside what really runs."""

import collections
import json
from collections.abc import Iterable
from typing import Any, Protocol

from dlscan.scan.submissions import Submissions
from tests.chaos.faults import Stage
from tests.chaos.processes import trainings
from tests.chaos.watch import attempts
from tests.chaos.workload import status

# What status says of a point for which nothing is under way.
_OVER = ("pending", "preempted", "timeout", "oom", "failed", "diverged")


class Notes(Protocol):
    """Where to write down what was found."""

    questions: int
    lies: list[str]
    submitted_twice: list[str]


class Witness:
    """Asks for the status of a scan, and looks before and after.

    Only what held all the time that status took can make its answer a lie.

    Parameters
    ----------
    stage : Stage
        The scan and its cluster.
    notes : Notes
        Gets what is found.
    """

    def __init__(self, stage: Stage, notes: Notes) -> None:
        self._stage, self._notes = stage, notes
        self._twice: set[tuple[str, str]] = set()

    def ask(self) -> set[str]:
        """Ask once; the states that there are."""
        before = self._truth()
        try:
            answer = status(self._stage.workload, self._stage.scan)
        except json.JSONDecodeError:  # the scan had not begun yet
            return set()
        after = self._truth()
        self._notes.questions += 1
        where = self._stage.scan.directory.name
        for point in answer["points"]:
            for lie in self._lies(point, before & after):
                self._notes.lies.append(f"{where}/{point['name']}: {point['state']} was said, {lie}")
        return {point["state"] for point in answer["points"]}

    def _lies(self, point: dict[str, Any], truth: "set[tuple[int, str, object]]") -> Iterable[str]:
        facts = {(fact, what) for number, fact, what in truth if number == point["point"]}
        state = point["state"]
        if state == "done" and ("done", True) not in facts and not self._done(point["point"]):
            yield "and there is no record"
        if state != "done" and ("done", True) in facts:
            yield "and there was a record"
        if state in _OVER:
            yield from (f"and {fact} {what}" for fact, what in facts if fact in ("process", "job"))

    def _done(self, number: int) -> bool:
        return any((point / "record.json").exists() for point in self._points(number))

    def _points(self, number: int) -> list[Any]:
        return [point for point in self._stage.scan.points() if point.name.startswith(f"{number:04d}-")]

    def _truth(self) -> "set[tuple[int, str, object]]":
        """What is known of each point: a record, the process that owns it, a job that is to train it."""
        running = {one.pid: one for one in trainings(self._stage.scan.directory) if not one.frozen}
        jobs = self._jobs()
        found: set[tuple[int, str, object]] = set()
        for point in self._stage.scan.points():
            number = int(point.name[:4])
            if (point / "record.json").exists():
                found.add((number, "done", True))
                continue
            last = _last(point)
            if last.get("outcome") is None and last.get("pid") in running:
                found.add((number, "process", f"{last['pid']} trains it as attempt {last['number']}"))
            # a pack goes on with its others when one of its points has failed
            if last.get("outcome") is None or last.get("job") not in jobs[number]:
                found.update((number, "job", f"{job} is to train it") for job in jobs[number])
        return found

    def _jobs(self) -> dict[int, set[str]]:
        """The jobs that are to train each point; two for one point have no right to be there."""
        listed = self._stage.cluster.ask("squeue", "-h", "-r", "-t", "PD,R,S,CF", "-o", "%j %F_%K %K %T")
        alive = [line.split() for line in listed.splitlines()]
        submitted = {one.tag: one.jobs for one in Submissions(self._stage.scan.directory).read()}
        jobs: dict[int, set[str]] = collections.defaultdict(set)
        states = {job: state for _, job, _, state in alive}
        for tag, job, index, _ in alive:
            for number in submitted[tag][int(index) - 1] if tag in submitted else ():
                jobs[number].add(job)
        for number, all_names in jobs.items():
            # a job that paused a point at a rung goes on with its others, and any job may take the point
            names = all_names - self._let_go(number)
            pair = (self._stage.scan.directory.name, " and ".join(sorted(names)))
            if len(names) > 1 and pair not in self._twice:
                self._twice.add(pair)
                seen = ", ".join(f"{job} {states[job]}" for job in sorted(names))
                ends = [
                    (one["job"], one["outcome"]) for point in self._points(number) for one in attempts(point)
                ]
                self._notes.submitted_twice.append(
                    f"{pair[0]}: point {number} by jobs {seen}; attempts {ends}"
                )
        return jobs

    def _let_go(self, number: int) -> set[str]:
        """The job whose attempt was the last one of a point, if that paused."""
        ends = [_last(point) for point in self._points(number)]
        return {str(end["job"]) for end in ends if end.get("outcome") == "paused"}


def _last(point: Any) -> dict[str, Any]:
    try:
        known = attempts(point)
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return dict(known[-1]) if known else {}
