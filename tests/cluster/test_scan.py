"""`dlscan scan`, `cancel` and `status` on a real Slurm."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from dlscan.config import Experiment
from dlscan.prepare import prepare
from dlscan.scan import Plan, scan_status
from dlscan.scan.submissions import Submissions

from .slurm import SlurmCluster, wait_for

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Make = Callable[..., Experiment]
GRID = {"grid": {"model.width": [4, 8, 16]}}
BATCH = {"system": "slurm", "gpus": 0, "cpus": 1, "memory": "1200M", "time": "10m"}


def active(cluster: SlurmCluster) -> set[str]:
    """The jobs that are queued or running."""
    return set(cluster.run("squeue", "-h", "-r", "-o", "%i").split())


@pytest.fixture
def experiment(make_experiment: Make) -> Experiment:
    made = make_experiment(scan=GRID, batch=BATCH, stream={"workers": 0})
    prepare(made, processes=1)
    return made


def test_a_scan_goes_from_submission_to_the_last_record(
    cluster: SlurmCluster, dlscan: Run, experiment: Experiment
) -> None:
    first = dlscan("scan", experiment.file)
    assert first.returncode == 0, first.stderr
    assert "3 submitted to slurm in 3 jobs" in first.stdout
    again = dlscan("scan", experiment.file, "--wait")
    assert again.returncode == 0, again.stderr
    assert "submitted" not in again.stdout
    assert "3 of 3 points done" in again.stdout
    assert [len(item.ids or ()) for item in Submissions(experiment.directory).read()] == [3]
    last = dlscan("scan", experiment.file)
    assert "3 points, 3 done" in last.stdout


def test_jobs_are_cancelled_and_the_next_scan_submits_them_again(
    cluster: SlurmCluster, dlscan: Run, experiment: Experiment
) -> None:
    endless = ["train.epochs=1000000", "train.early_stopping=null"]
    assert dlscan("scan", experiment.file, *endless).returncode == 0
    history = experiment.directory / "points/0001-width=4/history.csv"
    wait_for("an epoch", lambda: history.exists() and history.read_text().count("\n") > 1, 120)
    done = dlscan("cancel", experiment.directory)
    assert done.returncode == 0, done.stderr
    assert "cancelled 3 jobs" in done.stdout
    plan = Plan.read(experiment.directory)
    wait_for("their end", lambda: not {"queued", "running"} & {s.state for s in scan_status(plan)}, 120)
    assert not {s.state for s in scan_status(plan)} - {"preempted", "pending"}
    assert "nothing to cancel" in dlscan("cancel", experiment.directory).stdout
    assert "3 submitted" in dlscan("scan", experiment.file, *endless).stdout


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.2, 0.5])
def test_a_scan_that_is_killed_while_it_submits_submits_every_point_once(
    cluster: SlurmCluster, dlscan: Run, experiment: Experiment, delay: float
) -> None:
    # held: what is counted is not over before it is counted
    held = "batch.options={hold: true}"
    submissions = Submissions(experiment.directory)
    command = [sys.executable, "-P", "-m", "dlscan", "scan", str(experiment.file), held]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as scan:
        wait_for("the intent", submissions.read)
        time.sleep(delay)
        os.kill(scan.pid, signal.SIGKILL)

    def free() -> bool:
        # sbatch may outlive it, and holds the next one back until it is through
        done = dlscan("scan", experiment.file, held)
        assert done.returncode == 0 or "another `dlscan scan`" in done.stderr
        return done.returncode == 0

    wait_for("the next scan", free)
    known = [name for item in submissions.read() for name in item.ids or ()]
    assert len(known) == 3
    assert active(cluster) == set(known)
    statuses = scan_status(Plan.read(experiment.directory))
    assert [status.state for status in statuses] == ["queued"] * 3


def test_an_option_that_there_is_not_is_said_before_anything_is_written(
    cluster: SlurmCluster, dlscan: Run, experiment: Experiment
) -> None:
    done = dlscan("scan", experiment.file, "batch.options={partitoin: main}")
    assert done.returncode == 1
    assert "did you mean 'partition'" in done.stderr
    assert not experiment.directory.exists()


def test_a_submission_that_the_site_refuses_leaves_the_plan_and_no_job(
    cluster: SlurmCluster, dlscan: Run, experiment: Experiment
) -> None:
    done = dlscan("scan", experiment.file, "batch.options={reservation: none}")
    assert done.returncode == 1
    assert "3 of 3 points not submitted" in done.stderr
    assert json.loads((experiment.directory / "plan.json").read_text())["points"]
    assert Submissions(experiment.directory).read()[0].ids == ()
    assert active(cluster) == set()
    assert dlscan("scan", experiment.file, "batch.options={hold: true}").returncode == 0


def test_jobs_that_pull_end_a_search_with_nobody_there(
    cluster: SlurmCluster, dlscan: Run, make_experiment: Make
) -> None:
    space = {"model.leaves": {"int": [2, 30]}, "model.learning_rate": {"log": [0.01, 1]}}
    made = make_experiment(
        model={"family": "bdt", "trees": 3},
        scan={"space": space, "search": {"method": "tpe", "points": 7}},
        batch={**BATCH, "pull": True, "max_running": 2},
    )
    prepare(made, processes=1)
    first = dlscan("scan", made.file)
    assert first.returncode == 0, first.stderr
    assert "2 of at most 7 points, 2 submitted to slurm in 2 jobs" in first.stdout
    wait_for("the end of the jobs", lambda: not active(cluster), 180)
    plan = Plan.read(made.directory)
    assert [status.state for status in scan_status(plan)] == ["done"] * 7
    assert len(Submissions(made.directory).read()) == 1
    assert dlscan("status", made.file).stdout.splitlines()[-1] == "Search (tpe): 7 points proposed, at most 7"
