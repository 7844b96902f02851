"""Scans of real trainings on a real Slurm, and everything that a cluster does to them.

All faults hit one scan; with DLSCAN_SLOW=1 each hits one of its own, too (`make test-cluster`).
"""

import contextlib
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dlscan.config import load
from dlscan.scan import freeze
from tests.chaos import checks, faults
from tests.chaos.faults import Fault, Stage, wait_for_sbatch
from tests.chaos.lies import Witness
from tests.chaos.processes import end_all
from tests.chaos.watch import Watcher, attempts
from tests.chaos.workload import Scan, Workload, status
from tests.conftest import write_raw
from tests.slow import takes

from .slurm import SlurmCluster, wait_for

SECONDS = 600.0
# so that no point is done before the last fault has come to it
EPOCHS = 30
RIPE = 1.0
# the slow ones first, so that what they wait for passes while others happen
FAULTS: tuple[Fault, ...] = (
    faults.time_limit_reached,
    faults.node_lost_and_back,
    faults.job_killed,
    faults.training_killed,
    faults.job_cancelled,
    faults.job_requeued,
    faults.slurmd_killed,
    faults.disk_full,
    faults.scan_killed,
    faults.node_set_down,
    faults.preempted,
)
OTHERS: tuple[Fault, ...] = (
    faults.training_told_to_end,
    faults.training_frozen,
    faults.job_suspended,
    faults.job_requeued_and_held,
    faults.controller_stopped,
    faults.scan_cancelled,
)


class Notes:
    """What `Witness` finds."""

    def __init__(self) -> None:
        self.questions = 0
        self.lies: list[str] = []
        self.submitted_twice: list[str] = []


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    return Workload(tmp_path_factory.mktemp("faults"), epochs=EPOCHS, batch={"retries": 100})


@pytest.fixture(scope="module")
def undisturbed(workload: Workload) -> Scan:
    return workload.train_undisturbed()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path | None]:
    """A file system of 64 MB; None where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "dlscan-test", str(place)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    yield place if mounted else None
    if mounted:
        end_all(place)
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def stage(cluster: SlurmCluster, workload: Workload, disk: Path | None) -> Iterator[Stage]:
    """A scan of 8 points that is not begun yet."""
    with staged(cluster, workload, disk) as made:
        yield made


@contextlib.contextmanager
def staged(cluster: SlurmCluster, workload: Workload, disk: Path | None) -> Iterator[Stage]:
    """A scan that is not begun yet, and what becomes of it."""
    workload.environment |= {"SLURM_CONF": str(cluster.conf), "PATH": os.environ["PATH"]}
    made = Stage(
        cluster, workload, workload.scan("disturbed", output=disk), random.Random(1), disk, ripe=RIPE
    )
    yield made
    made.undo(all_of_it=True)
    for process in made.started:
        process.kill()
        process.wait()


@takes("five minutes")
def test_whatever_the_cluster_does_every_point_is_trained_once(stage: Stage, undisturbed: Scan) -> None:
    go_through(stage, undisturbed, FAULTS)
    assert len(stage.scan.points()) == 8


@takes("a minute each")
@pytest.mark.parametrize("fault", [*FAULTS, *OTHERS], ids=lambda fault: fault.__name__)
def test_after_a_fault_every_point_is_trained_once(stage: Stage, undisturbed: Scan, fault: Fault) -> None:
    go_through(stage, undisturbed, [fault])


# Each with points of two widths. What learns without labels, and two networks against each other.
OF_OTHER_KINDS: dict[str, dict[str, Any]] = {
    "autoencoder": {
        "others": {"task": {"kind": "reconstruct", "noise": 0.1}},
        "model": {"family": "autoencoder", "layers": "dense", "code": 2},
    },
    "gan": {"others": {"task": "generate"}, "model": {"family": "gan", "layers": "dense", "code": 4}},
    "vae": {"others": {"task": "generate"}, "model": {"family": "vae", "layers": "dense", "code": 4}},
    "pivot": {
        "others": {
            "data": {"extras": ["target"]},
            "adversary": {"kind": "pivot", "nuisance": "target[:,0,3]", "width": 4, "depth": 1},
        }
    },
    "domain": {"others": {"adversary": {"kind": "domain", "raw": "beyond", "width": 4}}},
}


@takes("three minutes each")
@pytest.mark.parametrize("kind", OF_OTHER_KINDS)
def test_trainings_of_other_kinds_end_as_undisturbed(
    cluster: SlurmCluster, tmp_path: Path, kind: str
) -> None:
    # another domain, for the one that looks at it
    write_raw(tmp_path / "faults" / "beyond", files=2, events=300, classes=("Ele", "Pi0"), seed=1)
    workload = Workload(
        tmp_path / "faults",
        **{"epochs": EPOCHS, "batch": {"retries": 100}, "scan": {"grid": {"model.width": [4, 6]}}},
        **OF_OTHER_KINDS[kind],
    )
    with staged(cluster, workload, None) as made:
        go_through(made, workload.train_undisturbed(), [faults.training_killed, faults.job_requeued])


def go_through(stage: Stage, undisturbed: Scan, some: "tuple[Fault, ...] | list[Fault]") -> None:
    """Let a scan go through faults, repeat it until it is done, and check what must be true."""
    notes = Notes()
    watcher, witness = Watcher(stage.scan), Witness(stage, notes)
    watcher.start()
    try:
        assert faults.scan_killed_beside_sbatch(stage)
        assert faults.two_scans(stage)
        for fault in some:
            if fault is faults.disk_full and stage.disk is None:
                continue
            wait_for(f"job for {fault.__name__}", _done_to(stage, fault), SECONDS)
            witness.ask()
            stage.submit()
        finish(stage, witness)
    finally:
        watcher.stop()
    points = stage.scan.points()
    assert len(points) == len(undisturbed.points())
    assert checks.losses(stage.scan) == []
    assert checks.two_owners(stage.scan) + watcher.overlaps() == []
    assert watcher.rewritten == []
    assert checks.differences(stage.scan, undisturbed) == []
    assert notes.submitted_twice == []
    assert notes.lies == []


def _done_to(stage: Stage, fault: Fault) -> Callable[[], bool]:
    def try_it() -> bool:
        stage.undo()
        try:
            return fault(stage)
        except AssertionError:  # what it was to hit has ended meanwhile
            return False

    return try_it


def finish(stage: Stage, witness: Witness) -> None:
    """Repeat the same command until all points are done."""
    end = time.monotonic() + SECONDS
    while witness.ask() != {"done"}:
        assert time.monotonic() < end, status(stage.workload, stage.scan)
        stage.undo()
        stage.submit().wait(SECONDS)
        time.sleep(1.0)


def test_sick_points_are_reported_as_what_they_are_and_the_others_get_done(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    kinds = [(4, 0.001), (4, 3e38), (5, 0.001), (40000, 0.001)]
    points = [{"model.width": width, "train.learning_rate": rate} for width, rate in kinds]
    # Slurm has no control groups here, so what keeps memory is what the shell does: the network needs 6.4 GB
    batch = {"retries": 1, "system": "slurm", "memory": "3900M"}
    workload = Workload(
        tmp_path, events=100, epochs=2, scan={"points": points}, batch=batch, model={"width": 4, "depth": 2}
    )
    workload.environment |= {"SLURM_CONF": str(cluster.conf), "PATH": os.environ["PATH"]}
    template = tmp_path / "named-nodes.sh"
    template.write_text(template.read_text().replace("launch=(", "ulimit -v 6000000\nlaunch=("))
    plan = freeze(load(workload.file))
    scan = Scan(plan.directory, ())
    # no place for a checkpoint: a damaged one would only be left aside
    in_the_way = plan.paths(plan.points[2]).last
    in_the_way.write_text("")
    for _ in range(3):
        submit(workload)
        wait_for("jobs", lambda: not cluster.ask("squeue", "-h"), SECONDS)
    answer = status(workload, scan)
    states = {
        (one["params"]["model.width"], one["params"]["train.learning_rate"]): one for one in answer["points"]
    }
    assert {key: one["state"] for key, one in states.items()} == {
        (4, 0.001): "done",
        (4, 3e38): "diverged",
        (5, 0.001): "failed",
        (40000, 0.001): "oom",
    }
    assert "File exists" in states[5, 0.001]["error"]
    assert str(in_the_way) in states[5, 0.001]["error"]
    tries = [len(attempts(point)) for point in scan.points()]
    assert tries == [1, 2, 2, 2], "more tries than batch.retries allows, or fewer"
    code, said = submit(workload)
    assert code == 1
    assert "3 points crashed too often" in said
    assert not cluster.ask("squeue", "-h")
    in_the_way.unlink()
    code, said = submit(workload, "--retry", "failed")
    wait_for("jobs", lambda: not cluster.ask("squeue", "-h"), SECONDS)
    counts = status(workload, scan)["counts"]
    assert (counts["done"], counts["diverged"], counts["oom"]) == (2, 1, 1)


def submit(workload: Workload, *options: str) -> tuple[int, str]:
    process = workload.start("scan", workload.file, *options)
    said = process.communicate(timeout=SECONDS)[0]
    return process.returncode, said


def test_a_scan_killed_beside_sbatch_submits_nothing_twice(stage: Stage) -> None:
    notes = Notes()
    with faults.slow_sbatch(stage, 4.0):
        first = stage.submit()
        assert wait_for_sbatch(stage, first)
        first.kill()
        first.wait()
    second = stage.submit()
    assert second.wait(SECONDS) == 1, "the second command must say that the first one is still at it"
    wait_for("the jobs of the first one", lambda: stage.jobs("PD,R"), 30)
    stage.submit().wait(SECONDS)
    Witness(stage, notes).ask()
    assert notes.submitted_twice == []
    assert len(stage.jobs("PD,R,CG")) <= 8
