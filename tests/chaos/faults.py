"""What goes wrong on clusters, done to a real one. Each fault is a function of a `Stage`.

A fault gives False when there is nothing that it could hit now. What has to be undone later it leaves with
`Stage.later`.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.chaos.processes import Training, signal_all, trainings
from tests.chaos.watch import attempts
from tests.chaos.workload import Scan, Workload
from tests.cluster.slurm import SlurmCluster

# Slurm's own least delay before a requeued job starts again is 5 s here; a node is lost after 10 s and more.
_SHORT, _LONG = (1.0, 3.0), (6.0, 16.0)


class Job(NamedTuple):
    """A job as Slurm lists it: `12_3`, its own number, its state, its node."""

    name: str
    number: str
    state: str
    node: str


class Stage:
    """A cluster and a scan on it, for faults to happen to.

    Parameters
    ----------
    cluster : SlurmCluster
        It is up.
    workload : Workload
        Whose scan it is.
    scan : Scan
        Which may have begun.
    draw : random.Random
        Decides what a fault hits, and for how long.
    disk : Path, optional
        The small file system that the scan is on, to be filled.
    ripe : float
        Share of the faults at jobs that wait for one that has trained an epoch, or nothing would get done.
    """

    def __init__(
        self,
        cluster: SlurmCluster,
        workload: Workload,
        scan: Scan,
        draw: random.Random,
        disk: Path | None = None,
        ripe: float = 0.8,
    ) -> None:
        self.cluster, self.workload, self.scan, self.draw, self.disk = cluster, workload, scan, draw, disk
        self._ripe = ripe
        self.started: list[subprocess.Popen[str]] = []
        # what faults themselves have seen to be wrong; points whose checkpoint they damaged; whether the
        # dataset is another one now
        self.broken: list[str] = []
        self.damaged: set[str] = set()
        self.altered = False
        self._later: list[tuple[float, Callable[[], object]]] = []

    def later(self, span: tuple[float, float], undo: Callable[[], object]) -> None:
        """Undo something after a time that is drawn from `span`, in seconds."""
        self._later.append((time.monotonic() + self.draw.uniform(*span), undo))

    def undo(self, all_of_it: bool = False) -> None:
        """Undo what is due, or everything."""
        now = time.monotonic()
        due = [entry for entry in self._later if all_of_it or entry[0] <= now]
        self._later = [entry for entry in self._later if entry not in due]
        for _, undo in due:
            undo()
        if all_of_it and self._later:  # what could not be undone, and is to be tried again
            time.sleep(1.0)
            self.undo(all_of_it=True)
        self.started = [process for process in self.started if process.poll() is None]

    def jobs(self, state: str = "R") -> list[Job]:
        """The jobs of the partition that scans run in."""
        command = ("squeue", "-h", "-r", "-p", "main", "-t", state, "-o", "%F_%K %A %T %B")
        return [Job(*line.split()) for line in self.cluster.ask(*command).splitlines()]

    def running(self) -> Job | None:
        """A running job, mostly one that has trained an epoch."""
        jobs = self.jobs()
        if self.draw.random() < self._ripe:
            ripe = self.ripe()
            jobs = [job for job in jobs if job.name in ripe]
        return self.draw.choice(jobs) if jobs else None

    def ripe(self) -> set[str]:
        """The jobs with an attempt that has trained an epoch."""
        found = set()
        for point in self.scan.points():
            with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
                last = attempts(point)[-1]
                rows = (point / "history.csv").read_text().count("\n") - 1
                if last["outcome"] is None and rows > int(str(last["resumed_after"])):
                    found.add(str(last["job"]))
        return found

    def under_way(self) -> set[int]:
        """The points that jobs of this scan are to train, by Slurm itself."""
        listed = self.cluster.ask("squeue", "-h", "-r", "-t", "PD,R,S,CF", "-o", "%j %K").splitlines()
        lists: dict[str, list[str]] = {}
        for place in self.scan.directory.glob("submissions/*/submission.json"):
            with contextlib.suppress(OSError, ValueError):
                lists[json.loads(place.read_text())["tag"]] = (
                    (place.parent / "jobs.txt").read_text().splitlines()
                )
        found: set[int] = set()
        for tag, index in map(str.split, listed):
            if tag in lists and index.isdecimal():
                found.update(map(int, lists[tag][int(index) - 1].split()))
        return found

    def submit(self) -> "subprocess.Popen[str]":
        """Start `dlscan scan` as a user does, and do not wait for it."""
        process = self.workload.start(
            "scan", self.workload.file, *self.scan.overrides, "--on", "slurm", stdout=subprocess.DEVNULL
        )
        self.started.append(process)
        return process


Fault = Callable[[Stage], bool]


def job_killed(stage: Stage) -> bool:
    """All processes of a job are killed -9."""
    job = stage.running()
    if job:
        with contextlib.suppress(AssertionError):  # it may have ended by now
            stage.cluster.kill_job(job.name)
    return job is not None


def training_killed(stage: Stage) -> bool:
    """The training of a job is killed -9, as the kernel does when memory runs out; its shell is not."""
    return _signal_job(stage, signal.SIGKILL)


def training_told_to_end(stage: Stage) -> bool:
    """Somebody sends SIGTERM to a training."""
    return _signal_job(stage, signal.SIGTERM)


def training_frozen(stage: Stage) -> bool:
    """A training stands still for a while, longer than its silence means death."""
    job = stage.running()
    found = [one for one in trainings(stage.scan.directory) if job and one.job == job.name]
    signal_all(found, signal.SIGSTOP)
    stage.later(_LONG, lambda: signal_all(found, signal.SIGCONT))
    return bool(found)


def job_cancelled(stage: Stage) -> bool:
    """Scancel, running or not."""
    job = stage.running() if stage.draw.random() < 0.7 else _any(stage, stage.jobs("R,PD"))
    if job:
        stage.cluster.ask("scancel", job.name)
    return job is not None


def job_requeued(stage: Stage) -> bool:
    """Scontrol requeue."""
    job = stage.running()
    if job:
        stage.cluster.ask("scontrol", "requeue", job.name)
    return job is not None


def job_requeued_and_held(stage: Stage) -> bool:
    """Scontrol requeuehold, and a release later."""
    job = stage.running()
    if job:
        stage.cluster.ask("scontrol", "requeuehold", job.name)
        stage.later(_LONG, lambda: stage.cluster.ask("scontrol", "release", job.name))
    return job is not None


def job_suspended(stage: Stage) -> bool:
    """Scontrol suspend, and resume later."""
    job = stage.running()
    if job:
        stage.cluster.ask("scontrol", "suspend", job.name)
        stage.later(_LONG, lambda: stage.cluster.ask("scontrol", "resume", job.name))
    return job is not None


def time_limit_reached(stage: Stage) -> bool:
    """A job's time is up; Slurm looks at the clock every half minute."""
    job = stage.running()
    if job:
        stage.cluster.ask("scontrol", "update", f"jobid={job.name}", "endtime=now+1second")
    return job is not None


def node_set_down(stage: Stage) -> bool:
    """An administrator sets a node down, and back."""
    node = _node(stage)
    stage.later(_SHORT, lambda: stage.cluster.resume(node))
    stage.cluster.down(node)
    return True


def slurmd_killed(stage: Stage) -> bool:
    """Slurmd is killed -9 and comes back, noticed by the controller or not; its jobs live on."""
    node = _node(stage)
    if not stage.cluster.ask("sinfo", "-h", "-n", node, "-t", "idle,mixed,allocated", "-o", "%T"):
        return False

    def back() -> None:
        stage.cluster.start_node(node)
        stage.cluster.resume(node)

    stage.later(_SHORT if stage.draw.random() < 0.3 else _LONG, back)
    stage.cluster.kill_node(node)
    return True


def node_lost_and_back(stage: Stage) -> bool:
    """A node stands still, is declared down and its jobs go elsewhere; then it goes on where it was."""
    job = stage.running()
    if job is None:
        return False
    here = {one.name for one in stage.jobs() if one.node == job.node}
    frozen = [one for one in trainings(stage.scan.directory) if one.job in here]

    def back() -> None:
        signal_all(frozen, signal.SIGCONT)
        time.sleep(1.0)  # what lived on has time to do harm
        stage.cluster.start_node(job.node)
        stage.cluster.resume(job.node)

    stage.later((14.0, 25.0), back)
    stage.cluster.kill_node(job.node)
    signal_all(frozen, signal.SIGSTOP)
    stage.cluster.down(job.node)
    return bool(frozen)


def preempted(stage: Stage) -> bool:
    """An urgent job takes all nodes."""
    if not stage.jobs():
        return False
    stage.cluster.preempt(stage.draw.uniform(0.5, 2.0))
    return True


def controller_stopped(stage: Stage) -> bool:
    """Slurm answers nobody for a while."""
    if "is UP" not in stage.cluster.ask("scontrol", "ping"):
        return False
    stage.later(_SHORT, stage.cluster.start_controller)
    stage.cluster.stop_controller()
    return True


def disk_full(stage: Stage) -> bool:
    """The scan's file system has no room left for a while."""
    if stage.disk is None:
        return False
    ballast = stage.disk / "ballast"
    fill(ballast)
    stage.later(_SHORT, lambda: ballast.unlink(missing_ok=True))
    return True


def scan_killed(stage: Stage) -> bool:
    """`dlscan scan` is killed -9 at any moment; it needs about a second."""
    process = stage.submit()
    time.sleep(stage.draw.uniform(0.2, 3.0))
    process.kill()
    process.wait()
    return True


def scan_killed_beside_sbatch(stage: Stage) -> bool:
    """`dlscan scan` is killed -9 while `sbatch` is on its way, which gets there all the same."""
    with slow_sbatch(stage, 2.5):
        process = stage.submit()
        if not wait_for_sbatch(stage, process):
            return False
        process.kill()
        process.wait()
    stage.submit()
    return True


def two_scans(stage: Stage) -> bool:
    """Two `dlscan scan` at once."""
    for process in (stage.submit(), stage.submit()):
        process.wait(600)
    return True


def scan_cancelled(stage: Stage) -> bool:
    """`dlscan cancel` of everything."""
    stage.started.append(stage.workload.start("cancel", stage.scan.directory, stdout=subprocess.DEVNULL))
    return True


# How often each is drawn: the last ones hit all that runs.
KINDS: dict[Fault, int] = {
    job_killed: 6,
    training_killed: 6,
    training_told_to_end: 6,
    job_cancelled: 6,
    job_requeued: 6,
    training_frozen: 4,
    job_suspended: 3,
    job_requeued_and_held: 3,
    time_limit_reached: 3,
    node_set_down: 4,
    slurmd_killed: 4,
    node_lost_and_back: 3,
    scan_killed: 6,
    scan_killed_beside_sbatch: 3,
    two_scans: 4,
    controller_stopped: 2,
    disk_full: 2,
    preempted: 2,
    scan_cancelled: 1,
}


def fill(ballast: Path) -> None:
    """Write until the file system is full."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 8))


@contextlib.contextmanager
def slow_sbatch(stage: Stage, seconds: float) -> Iterator[None]:
    """An `sbatch` that says in a file that it was called, and goes on after some seconds."""
    programs = stage.workload.home / "programs"
    programs.mkdir(exist_ok=True)
    called = stage.workload.home / "sbatch-called"
    called.unlink(missing_ok=True)
    path = os.environ["PATH"]
    (programs / "sbatch").write_text(
        f'#!/bin/sh\n[ "$1" = --help ] || {{ touch "{called}"; sleep {seconds}; }}\n'
        f'PATH="{path}" exec sbatch "$@"\n'
    )
    (programs / "sbatch").chmod(0o755)
    before = stage.workload.environment
    stage.workload.environment = {**before, "PATH": f"{programs}:{path}"}
    try:
        yield
    finally:
        stage.workload.environment = before


def wait_for_sbatch(stage: Stage, process: "subprocess.Popen[str]") -> bool:
    """Wait until `sbatch` was called, or the process has ended without."""
    called = stage.workload.home / "sbatch-called"
    while process.poll() is None:
        if called.exists():
            return True
        time.sleep(0.05)
    return False


def _signal_job(stage: Stage, number: signal.Signals) -> bool:
    job = stage.running()
    found = [one for one in trainings(stage.scan.directory) if job and one.job == job.name]
    signal_all(found, number)
    return bool(found)


def _any(stage: Stage, jobs: list[Job]) -> Job | None:
    return stage.draw.choice(jobs) if jobs else None


def _node(stage: Stage) -> str:
    job = stage.running()
    return job.node if job else stage.draw.choice(stage.cluster.nodes)


def freed(found: list[Training]) -> None:
    """Let trainings that stand still go on."""
    signal_all([one for one in found if one.frozen], signal.SIGCONT)
