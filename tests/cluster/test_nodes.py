"""A training over two nodes of a real Slurm."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from dlscan.attempts import last_attempt
from dlscan.config import Experiment
from dlscan.prepare import prepare
from dlscan.record import Record
from dlscan.scan import Plan, scan_status
from tests.slow import takes

from .slurm import SlurmCluster, wait_for

BATCH = {"system": "slurm", "gpus": 0, "cpus": 1, "nodes": 2, "memory": "1200M", "time": "10m"}
TRAIN = {"epochs": 400, "batch_size": 32, "early_stopping": None}


@pytest.fixture
def experiment(make_experiment: Callable[..., Experiment]) -> Experiment:
    made = make_experiment(batch=BATCH, train=TRAIN, stream={"workers": 0})
    prepare(made, processes=1)
    return made


def processes(scan: Path) -> list[int]:
    """Those that train, by their number."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            environment = dict(
                line.partition(b"=")[::2] for line in (process / "environ").read_bytes().split(b"\0")
            )
        except OSError:
            continue
        if words[1:5] == [b"-P", b"-m", b"dlscan", b"train"] and words[5] == os.fsencode(scan):
            found[int(environment.get(b"SLURM_PROCID", b"-1"))] = int(process.name)
    return [pid for _, pid in sorted(found.items())]


@takes("two minutes")
def test_a_training_goes_on_after_one_of_its_nodes_lost_its_process(
    cluster: SlurmCluster, dlscan: Callable[..., object], experiment: Experiment
) -> None:
    done = dlscan("scan", experiment.file)
    assert done.returncode == 0, done.stderr
    plan = Plan.read(experiment.directory)
    paths = plan.paths(plan.point(1))

    def epochs() -> int:
        return paths.history.read_text().count("\n") - 1 if paths.history.exists() else 0

    def trains() -> bool:
        return epochs() > 0

    wait_for("an epoch", trains, 180)
    assert cluster.run("squeue", "-h", "-o", "%D").strip() == "2"
    _, second = processes(plan.directory)
    os.kill(second, signal.SIGKILL)
    wait_for("the end of the job", lambda: not cluster.run("squeue", "-h", "-o", "%A").split(), 120)
    (status,) = scan_status(plan)
    assert status.state == "failed"
    assert "process 2 of 2" in status.error
    assert 0 < epochs() < TRAIN["epochs"]
    assert not processes(plan.directory)

    # cancelled, it ends well
    before = epochs()
    assert "1 submitted" in dlscan("scan", experiment.file).stdout
    wait_for("another epoch", lambda: epochs() > before, 180)
    assert "cancelled 1 job" in dlscan("cancel", plan.directory).stdout
    wait_for("its end", lambda: not cluster.run("squeue", "-h", "-o", "%A").split(), 60)
    attempt = last_attempt(paths)
    assert attempt is not None
    assert attempt.outcome == "preempted"

    # the signal before the time limit reaches the first process through srun, and the job comes back
    before = epochs()
    assert "1 submitted" in dlscan("scan", experiment.file).stdout
    wait_for("another epoch", lambda: epochs() > before, 180)
    job = cluster.run("squeue", "-h", "-o", "%A").strip()
    cluster.run("scancel", "--signal=USR1", "--batch", job)
    log = plan.directory / "submissions" / "0003" / "1.log"
    wait_for("its end", lambda: "exit code 85, before the time limit" in log.read_text(), 60)
    wait_for("the record", paths.record.exists, 240)
    assert Record.read(paths.record).device.startswith("2 nodes x")
