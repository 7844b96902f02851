"""Scan after scan on a real Slurm, disturbed at random all the time, and what came of it."""

import collections
import contextlib
import dataclasses
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.chaos import checks, deceptions, faults, searches
from tests.chaos.faults import Stage, freed
from tests.chaos.lies import Witness
from tests.chaos.processes import end_all, trainings
from tests.chaos.watch import Watcher, attempts
from tests.chaos.workload import FOLDED, RACED, Scan, Workload
from tests.cluster.slurm import SlurmCluster

# Seconds between faults, and what a scan may take once nothing disturbs it any more.
_PAUSE = (0.2, 1.5)
_PATIENCE = 600.0
_DISK = "64m"
# A killed job is a crash to dlscan, and here there are more of them than anywhere.
_RETRIES = 1000


@dataclasses.dataclass
class Report:
    """What was done, and what came of it."""

    seed: int
    checked: bool = True
    seconds: float = 0.0
    faults: "collections.Counter[str]" = dataclasses.field(default_factory=collections.Counter)
    scans: int = 0
    searches: int = 0
    paused: int = 0
    points: int = 0
    attempts: int = 0
    outcomes: "collections.Counter[str]" = dataclasses.field(default_factory=collections.Counter)
    questions: int = 0
    losses: list[str] = dataclasses.field(default_factory=list)
    owners: list[str] = dataclasses.field(default_factory=list)
    submitted_twice: list[str] = dataclasses.field(default_factory=list)
    trained_twice: list[str] = dataclasses.field(default_factory=list)
    proposed_twice: list[str] = dataclasses.field(default_factory=list)
    beyond_the_budget: list[str] = dataclasses.field(default_factory=list)
    replanned: list[str] = dataclasses.field(default_factory=list)
    different: list[str] = dataclasses.field(default_factory=list)
    lies: list[str] = dataclasses.field(default_factory=list)

    @property
    def well(self) -> bool:
        """Whether the promise was kept."""
        return self.checked and not any(violations for _, violations in self._violations())

    def _violations(self) -> list[tuple[str, list[str]]]:
        return [
            ("points lost", self.losses),
            ("double ownership", self.owners),
            ("double submission", self.submitted_twice),
            ("epochs trained twice", self.trained_twice),
            ("proposals made twice", self.proposed_twice),
            ("points beyond the budget", self.beyond_the_budget),
            ("plans that did more than grow", self.replanned),
            ("results that differ from the undisturbed scan", self.different),
            ("lies of status", self.lies),
        ]

    def __str__(self) -> str:
        total = sum(self.faults.values())
        lines = [
            f"chaos: seed {self.seed}, {self.seconds:.0f} s, {self.scans} scans ({self.searches} searches), "
            f"{self.points} points, {self.paused} pauses, {self.attempts} attempts, "
            f"{self.questions} answers of status",
            "ends of attempts: " + ", ".join(f"{n} {name}" for name, n in self.outcomes.most_common()),
            f"{total} faults:",
        ]
        lines += [f"  {count:5d}  {name.replace('_', ' ')}" for name, count in self.faults.most_common()]
        if not self.checked:
            lines.append("STOPPED BEFORE ITS END: what follows leaves out the last scan")
        for name, found in self._violations():
            lines += [f"{len(found)} {name}", *(f"  {line}" for line in found[:20])]
        return "\n".join(lines)


class Campaign:
    """Scans on a cluster of their own, with faults from a seed.

    Parameters
    ----------
    home : Path
        An empty directory with a short path.
    seed : int
        Of what is drawn; what it hits depends on the machine's speed, too.
    """

    def __init__(self, home: Path, seed: int) -> None:
        self.home, self.report = home, Report(seed)
        self._draw = random.Random(seed)
        self._disk: Path | None = None

    def run(self, seconds: float) -> Report:
        """Disturb for so many seconds, let the last scan end, and check."""
        try:
            return self._run(seconds)
        finally:
            end_all(self.home)

    def _run(self, seconds: float) -> Report:
        (self.home / "slurm").mkdir(mode=0o755)
        (self.home / "work").mkdir()
        workload = Workload(self.home / "work", batch={"retries": _RETRIES})
        for data in (FOLDED, RACED):
            workload.prepare(*data)
        undisturbed = workload.train_undisturbed()
        with _cluster(self.home / "slurm") as cluster, self._small_disk():
            workload.environment |= {"SLURM_CONF": str(cluster.conf)}
            began = time.monotonic()
            while time.monotonic() < began + seconds:
                self._one_scan(cluster, workload, undisturbed, began + seconds)
            self.report.seconds = time.monotonic() - began
        return self.report

    def _one_scan(self, cluster: SlurmCluster, workload: Workload, undisturbed: Scan, end: float) -> None:
        self.report.scans += 1
        self.report.checked = False
        together = self._draw.choice((1, 1, 2, 3))
        limit = self._draw.choice(("null", "null", "4s"))
        kind = self._draw.choice(("grid", *searches.KINDS))
        drawn = () if kind == "grid" else searches.overrides(kind, self._draw)
        scan = workload.scan(
            f"chaos-{self.report.scans}",
            f"batch.models_per_job={together}",
            f"train.time_limit={limit}",
            *drawn,
            output=self._disk,
        )
        self.report.searches += bool(drawn)
        print(f"scan {self.report.scans}: {kind}, {together} points per job, time limit {limit}", flush=True)
        print("".join(f"  {item}\n" for item in drawn), end="", flush=True)
        stage = Stage(cluster, workload, scan, self._draw, self._disk)
        watcher, witness = Watcher(scan), Witness(stage, self.report)
        watcher.start()
        try:
            self._disturb(stage, witness, end)
            stage.undo(all_of_it=True)
            _bring_back(cluster)
            freed(trainings(scan.directory))
            self._finish(stage, witness)
        finally:
            watcher.stop()
            for process in stage.started:
                process.kill()
                process.wait()
        alone = searches.train_unpaused(workload, scan) if drawn else undisturbed
        self._check(scan, alone, watcher, stage)

    def _disturb(self, stage: Stage, witness: Witness, end: float) -> None:
        drawn = {**faults.KINDS, **deceptions.KINDS}
        kinds, weights = list(drawn), list(drawn.values())
        stage.submit().wait(_PATIENCE)
        while time.monotonic() < end:
            time.sleep(self._draw.uniform(*_PAUSE))
            stage.undo()
            kind = self._draw.choices(kinds, weights)[0]
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                if kind(stage):
                    self.report.faults[kind.__name__] += 1
                    print(f"{self.report.faults.total()}: {kind.__name__.replace('_', ' ')}", flush=True)
            if self._draw.random() < 0.3 and len(stage.started) < 2:
                stage.submit()
            if self._draw.random() < 0.3 and _is_over(stage.scan, witness.ask()):
                return

    def _finish(self, stage: Stage, witness: Witness) -> None:
        """Repeat the same command until every point is done."""
        end = time.monotonic() + _PATIENCE
        while not _is_over(stage.scan, witness.ask()):
            if time.monotonic() > end:
                self.report.losses.append(f"{stage.scan.directory.name}: not done after {_PATIENCE:.0f} s")
                return
            stage.submit().wait(_PATIENCE)
            stage.cluster.ask("scontrol", "release", ",".join(job.name for job in stage.jobs("PD")))
            time.sleep(2.0)

    def _check(self, scan: Scan, undisturbed: Scan, watcher: Watcher, stage: Stage) -> None:
        report, name = self.report, scan.directory.name
        report.submitted_twice += [f"{name}: {line}" for line in stage.broken]
        # who lost a checkpoint has to train its epochs again
        again = [line for line in watcher.rewritten if line.partition(":")[0] not in stage.damaged]
        points = scan.points()
        found = {
            "losses": checks.losses(scan),
            "owners": checks.two_owners(scan) + watcher.overlaps(),
            "trained_twice": again,
            "replanned": watcher.replanned,
            "different": checks.differences(scan, undisturbed),
        }
        if searches.is_search(scan):
            found |= dict(searches.violations(scan))
        for kind, lines in found.items():
            getattr(report, kind).extend(f"{name}/{line}" for line in lines)
        report.points += len(points)
        if len(points) != len(undisturbed.points()):
            report.losses.append(f"{name}: {len(points)} points")
        for point in points:
            known = attempts(point)
            report.attempts += len(known)
            report.paused += sum(one["outcome"] == "paused" for one in known)
            report.outcomes.update(str(one["outcome"] or "without a word") for one in known)
        report.checked = True
        if any(found.values()):
            shutil.copytree(scan.directory, Path(tempfile.mkdtemp(prefix="dlscan-chaos-kept-")) / name)
        shutil.rmtree(scan.directory)

    @contextlib.contextmanager
    def _small_disk(self) -> Iterator[None]:
        """A file system for scans, small enough to be filled; none where mounting is not allowed."""
        place = self.home / "disk"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "dlscan-chaos", str(place)]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            print("no file system can be mounted here: no disk will be full", flush=True)
            yield
            return
        self._disk = place
        try:
            yield
        finally:
            end_all(place)
            subprocess.run(["umount", "--lazy", str(place)], check=False)


@contextlib.contextmanager
def _cluster(home: Path) -> Iterator[SlurmCluster]:
    cluster = SlurmCluster(home)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _is_over(scan: Scan, states: set[str]) -> bool:
    """Whether nothing is left to be trained, where `status` says these states."""
    return searches.is_over(scan, states) if searches.is_search(scan) else states == {"done"}


def _bring_back(cluster: SlurmCluster) -> None:
    """Bring all nodes back, and leave the jobs."""
    for node in cluster.nodes:
        cluster.start_node(node)
        cluster.resume(node)
