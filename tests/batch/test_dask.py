"""Jobs on a real dask scheduler with real workers; training is a small program in its place."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dlscan.attempts import last_attempt
from dlscan.batch import Request
from dlscan.batch.dask import Dask
from dlscan.config import BatchOptions, Experiment
from dlscan.errors import BatchError
from dlscan.prepare import prepare
from dlscan.record import PointPaths

# In place of `dlscan train`: it prints what it got, and goes on until there is a file `go`.
TRAINING = """
import os, pathlib, signal, sys, time
if "train" in sys.orig_argv:
    scan, numbers = sys.orig_argv[5], sys.orig_argv[7:]
    print(os.environ["DLSCAN_JOB"], os.environ["DLSCAN_CPUS"], numbers, flush=True)
    here = pathlib.Path(scan)
    def stop(number, frame):
        print("told to stop", flush=True)
        os._exit(0)
    signal.signal(signal.SIGTERM, stop)
    while not (here / "go").exists():
        time.sleep(0.05)
    if (here / "die").exists():
        os.kill(os.getpid(), 9)
    print("trained", flush=True)
    os._exit(0)
"""


class Cluster:
    """A scheduler, and workers that can be killed."""

    def __init__(self, home: Path, training: str = TRAINING) -> None:
        self.home, self.file = home, home / "scheduler.json"
        (home / "hook").mkdir()
        (home / "hook/sitecustomize.py").write_text(training)
        self.environment = {**os.environ, "PYTHONPATH": str(home / "hook")}
        self.processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self.start("scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1")
        wait_for(self.file.exists)

    def start(self, kind: str, *options: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "dask", kind, *options, "--scheduler-file", str(self.file)]
        with (self.home / f"{kind}.txt").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self.home, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        self.processes.append(process)
        return process

    def worker(self, *options: str) -> "subprocess.Popen[bytes]":
        return self.start("worker", "--nthreads", "1", "--no-dashboard", "--no-nanny", *options)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def batch(cluster: Cluster) -> BatchOptions:
    return BatchOptions(system="dask", scheduler=str(cluster.file), cpus=1)


@pytest.fixture
def request_(tmp_path: Path, batch: BatchOptions) -> Request:
    scan = tmp_path / "scan 'of' $(x) ü\nlines"
    for number in (1, 2, 3):
        (scan / f"points/000{number}-width={number}").mkdir(parents=True)
    return Request("dlscan-12345678-1", scan, scan / "submissions/0001", ((1, 3), (2,)), batch)


def paths(request: Request, number: int) -> PointPaths:
    return PointPaths(next((request.scan / "points").glob(f"000{number}-*")))


def has_ended(batch: BatchOptions, ids: list[str]) -> bool:
    return {job_state.phase for job_state in Dask(batch).look(ids).values()} == {"ended"}


def log(request: Request, number: int) -> str:
    file = paths(request, number).log
    return file.read_text() if file.exists() else ""


def test_jobs_outlive_their_client_run_and_are_forgotten(
    cluster: Cluster, batch: BatchOptions, request_: Request
) -> None:
    ids = Dask(batch).submit(request_)
    assert ids == ["dlscan-12345678-1-1", "dlscan-12345678-1-2"]
    assert {job_state.phase for job_state in Dask(batch).look(ids).values()} == {"queued"}
    assert Dask(batch).find(request_) == ids
    cluster.worker()
    wait_for(lambda: log(request_, 1))
    assert log(request_, 1) == "dlscan-12345678-1-1 1 ['1', '3']\n"
    job_state = Dask(batch).look(ids)[ids[0]]
    assert (job_state.phase, job_state.host) == ("running", "127.0.0.1")
    (request_.scan / "go").touch()
    wait_for(lambda: "trained" in log(request_, 2))
    wait_for(lambda: has_ended(batch, ids))
    assert Dask(batch).find(request_) == []
    assert last_attempt(paths(request_, 1)) is None  # all was well: nothing to note
    assert "--point 1 3" in (request_.directory / "dask.sh").read_text()


def test_a_cancelled_job_is_told_to_stop_and_a_queued_one_never_starts(
    cluster: Cluster, batch: BatchOptions, request_: Request
) -> None:
    ids = Dask(batch).submit(request_)
    cluster.worker()
    wait_for(lambda: log(request_, 1))
    Dask(batch).cancel(ids)
    wait_for(lambda: "told to stop" in log(request_, 1))
    wait_for(lambda: has_ended(batch, ids))
    Dask(batch).cancel(ids)  # again: no error
    (request_.scan / "go").touch()
    time.sleep(1)
    assert log(request_, 2) == ""


def test_the_job_of_a_killed_worker_stops_and_starts_again_on_another(
    cluster: Cluster, batch: BatchOptions, request_: Request
) -> None:
    ids = Dask(batch).submit(request_)
    first = cluster.worker()
    wait_for(lambda: log(request_, 1))
    os.kill(first.pid, signal.SIGKILL)
    wait_for(lambda: "told to stop" in log(request_, 1))
    assert Dask(batch).find(request_) == ids
    (request_.scan / "go").touch()
    cluster.worker()
    wait_for(lambda: log(request_, 1).endswith("['1', '3']\ntrained\n"))


def test_a_job_that_dies_without_a_word_is_noted(
    cluster: Cluster, batch: BatchOptions, request_: Request
) -> None:
    for name in ("go", "die"):
        (request_.scan / name).touch()
    ids = Dask(batch).submit(request_)
    cluster.worker()
    wait_for(lambda: has_ended(batch, ids))
    for number in (1, 2, 3):
        attempt = last_attempt(paths(request_, number))
        assert attempt is not None
        assert (attempt.outcome, attempt.error) == ("failed", "killed by signal 9 (out of memory?)")
        assert attempt.exit_code == -9


def test_jobs_are_asked_to_stop_at_their_time_limit(cluster: Cluster, request_: Request) -> None:
    batch = BatchOptions(system="dask", scheduler=str(cluster.file), time=1)  # type: ignore[arg-type]
    cluster.worker()
    ids = Dask(batch).submit(Request(request_.tag, request_.scan, request_.directory, ((1,),), batch))
    wait_for(lambda: has_ended(batch, ids))
    if "told to stop" not in log(request_, 1):  # it was told before it could listen
        attempt = last_attempt(paths(request_, 1))
        assert attempt is not None
        assert (attempt.outcome, attempt.error) == ("preempted", "killed by signal 15")


def test_a_scheduler_that_is_gone_knows_no_jobs_and_takes_none(
    cluster: Cluster, batch: BatchOptions, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = json.loads(cluster.file.read_text())["address"]
    by_address = Dask(BatchOptions(system="dask", scheduler=address))
    ids = Dask(batch).submit(request_)
    assert by_address.look(ids).keys() == set(ids)
    cluster.scheduler.kill()
    cluster.scheduler.wait()
    monkeypatch.setattr("dlscan.batch.dask._SECONDS", 1.0)
    for dask in (Dask(batch), by_address):
        assert {job_state.words for job_state in dask.look(ids).values()} == {"the dask scheduler is gone"}
        assert dask.find(request_) == []
        dask.cancel(ids)
    with pytest.raises(BatchError, match="no scheduler answers"):
        by_address.submit(request_)


def test_a_scheduler_that_stands_still_is_no_answer(
    cluster: Cluster, batch: BatchOptions, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = Dask(batch).submit(request_)
    monkeypatch.setattr("dlscan.batch.dask._SECONDS", 1.0)
    cluster.scheduler.send_signal(signal.SIGSTOP)
    with pytest.raises(BatchError, match=r"no scheduler answers at tcp://.*Timeout"):
        Dask(batch).look(ids)
    cluster.scheduler.send_signal(signal.SIGCONT)


def test_resources_decide_which_worker_gets_a_job(cluster: Cluster, request_: Request) -> None:
    batch = BatchOptions(system="dask", scheduler=str(cluster.file), options={"resources": {"GPU": 1}})
    cluster.worker()
    request = Request(request_.tag, request_.scan, request_.directory, ((1,),), batch)
    ids = Dask(batch).submit(request)
    time.sleep(1)
    assert Dask(batch).look(ids)[ids[0]].words == "no worker is suitable"
    cluster.worker("--resources", "GPU=1")
    wait_for(lambda: log(request_, 1))


def test_a_scan_on_dask_goes_to_its_end_and_outlives_its_scheduler(
    tmp_path: Path,
    dlscan: Callable[..., "subprocess.CompletedProcess[str]"],
    make_experiment: Callable[..., Experiment],
) -> None:
    batch = {"cpus": 1, "models_per_job": 2}
    experiment = make_experiment(scan={"grid": {"model.width": [4, 8]}}, batch=batch)
    prepare(experiment, processes=1)
    lost = Cluster(tmp_path, training="")
    assert dlscan("scan", experiment.file, "--scheduler", lost.file).returncode == 0
    assert "2 queued" in dlscan("scan", experiment.file, "--scheduler", lost.file).stdout
    lost.stop()
    (tmp_path / "more").mkdir()
    cluster = Cluster(tmp_path / "more", training="")
    try:
        cluster.worker()
        done = dlscan("scan", experiment.file, "--scheduler", cluster.file, "--wait")
    finally:
        cluster.stop()
    assert done.returncode == 0, done.stderr
    assert "2 points, 2 submitted to dask" in done.stdout
    assert "2 of 2 points done" in done.stdout


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (BatchOptions(system="dask"), "batch.scheduler is missing"),
        (BatchOptions(system="dask", scheduler="nowhere.json"), "nowhere.json is not the file of a running"),
        (
            BatchOptions(system="dask", scheduler="tcp://127.0.0.1:1", options={"gpu": 1}),
            "options.gpu: dask has no",
        ),
        (
            BatchOptions(system="dask", scheduler="tcp://127.0.0.1:1", template="x"),
            "batch.template: dask runs no",
        ),
    ],
)
def test_mistakes_are_said_before_anything_is_written(batch: BatchOptions, message: str) -> None:
    with pytest.raises(BatchError, match=message):
        Dask(batch).check(batch)
