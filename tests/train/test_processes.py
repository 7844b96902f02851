"""A job is a process: killed, asked to stop, and started beside another."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from dlscan.locks import is_locked
from dlscan.record import PointPaths, Record
from dlscan.train import train_point

JOB = """
import logging, os, signal, sys, time
from pathlib import Path
from dlscan.record import PointPaths
from dlscan.train import PointInfo, train_point

logging.basicConfig(level=logging.INFO, format="%(message)s")
directory, deed, epoch, step = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

def on_step(now_epoch, now_step, steps):
    if (now_epoch, now_step) == (epoch, step):
        if deed == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        (directory / "waiting").touch()
        while not (directory / "go").exists():
            time.sleep(0.01)

print(train_point(PointPaths(directory), PointInfo(7, "width=8-depth=1", "toy", ()), on_step))
"""


def start(paths: PointPaths, *deed: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", JOB, str(paths.directory), *map(str, deed)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def wait_for(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not come"
        time.sleep(0.02)


def test_point_killed_in_an_epoch_goes_on_as_if_nothing_had_been(
    make_point, info, undisturbed, read_history, read_attempts
):
    paths = make_point(stream__workers=1)
    job = start(paths, "die", 4, 2)
    job.communicate(timeout=60)
    assert job.returncode == -signal.SIGKILL
    assert len(read_history(paths)) == 3
    assert not is_locked(paths.lock)

    assert train_point(paths, info) == "done"

    assert read_history(paths) == read_history(undisturbed)
    assert Record.read(paths.record).metrics == Record.read(undisturbed.record).metrics
    assert [attempt["outcome"] for attempt in read_attempts(paths)] == [None, "done"]


def test_point_in_training_has_one_owner_and_ends_its_epoch_when_asked(
    make_point, info, undisturbed, read_history
):
    paths = make_point()
    job = start(paths, "wait", 2, 1)
    try:
        wait_for(paths.directory / "waiting")
        assert train_point(paths, info) == "held"
        job.send_signal(signal.SIGTERM)
        (paths.directory / "go").touch()
        output, messages = job.communicate(timeout=60)
    finally:
        job.kill()

    assert (job.returncode, output) == (0, "preempted\n")
    assert "stopped by SIGTERM after epoch 2 of 5; run the same command again to continue" in messages
    assert len(yaml.safe_load((paths.last / "state.json").read_text())["history"]) == 2

    assert train_point(paths, info) == "done"
    assert read_history(paths) == read_history(undisturbed)


WHILE_WORKERS_START = """
import os, signal, subprocess, sys
from pathlib import Path
from dlscan.record import PointPaths
from dlscan.stream import worker_process
from dlscan.train import PointInfo, train_point

start, left = subprocess.Popen, int(sys.argv[2])

def start_and_stop(*arguments, **options):
    global left
    process = start(*arguments, **options)
    worker = "dlscan.stream.worker" in arguments[0]
    left -= worker
    if worker and left == 0:
        # as Slurm, systemd and timeout do; the worker has not come to its first line yet
        os.killpg(0, signal.SIGTERM)
    return process

worker_process.subprocess.Popen = start_and_stop
print(train_point(PointPaths(Path(sys.argv[1])), PointInfo(7, "width=8-depth=1", "toy", ())))
"""


# the streams of training and validation, and then those that are scored
@pytest.mark.parametrize(
    ("worker", "outcome"), [(1, "preempted"), (2, "preempted"), (3, "done"), (4, "done")]
)
def test_signal_to_the_whole_job_while_a_worker_starts_is_no_crash(
    worker, outcome, make_point, read_attempts
):
    paths = make_point(stream__workers=1, train__epochs=1)
    code = [sys.executable, "-c", WHILE_WORKERS_START, str(paths.directory), str(worker)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    job = subprocess.run(
        code, capture_output=True, text=True, env=environment, timeout=120, start_new_session=True
    )

    assert (job.returncode, job.stdout) == (0, f"{outcome}\n"), job.stderr
    assert [attempt["outcome"] for attempt in read_attempts(paths)] == [outcome]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_job_that_is_told_to_end_while_it_waits_for_its_point_takes_none(number, make_point, read_attempts):
    """Of the attempt there nobody knows whether it lives: it is waited for, for as long as it beats."""
    paths = make_point()
    paths.attempts.mkdir()
    attempt = {
        "number": 1,
        "host": "elsewhere",
        "pid": 1,
        "job": None,
        "started": "2026-01-01T00:00:00+00:00",
    }
    (paths.attempts / "0001.json").write_text(json.dumps({**attempt, "beat": 1000.0}))
    job = start(paths, "wait", 2, 1)
    assert job.stderr is not None
    assert "waiting up to" in job.stderr.readline()
    job.send_signal(number)
    output, _ = job.communicate(timeout=60)

    assert (job.returncode, output) == (0, "preempted\n")
    assert len(read_attempts(paths)) == 1


def test_training_that_nohup_started_outlives_its_terminal():
    """`nohup` ignores SIGHUP, and so does what it starts."""
    code = (
        "import os, signal; from dlscan.train.interruption import Interruption\n"
        "with Interruption(None) as it:\n    os.kill(os.getpid(), signal.SIGHUP); print(it.signal)"
    )
    command = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "None\n"


def test_training_package_alone_loads_no_keras():
    code = "import sys, dlscan.train; print('keras' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
