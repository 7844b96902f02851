"""A scan from beginning to end, with real trainings: failures, interrupts, going on."""

import contextlib
import csv
import fcntl
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from dlscan.attempts import create_attempt, new_attempt
from dlscan.claims import Claim
from dlscan.config import Experiment
from dlscan.prepare import prepare
from dlscan.process import identity
from dlscan.scan import Plan, freeze, scan_status
from dlscan.scan.processes import running

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Make = Callable[..., Experiment]
# Seconds after which something hangs: long, because other tests keep the machine busy.
PATIENCE = 300
LONG = {"epochs": 100_000, "early_stopping": None, "batch_size": 32}
# where it does not matter what is trained: their jobs start four times as fast as those of networks
TREES = {"family": "bdt", "trees": 2}
GRID = {"grid": {"train.learning_rate": [1e30, 0.01]}}


def states(experiment: Experiment) -> list[str]:
    return [status.state for status in scan_status(Plan.read(experiment.directory))]


def test_a_failed_point_does_not_stop_the_rest_and_is_tried_again(dlscan: Run, make_experiment: Make) -> None:
    """Learning rate 1e30 diverges; the other point is done, and only the diverged one runs again."""
    experiment = make_experiment(scan=GRID, train={"epochs": 2, "batch_size": 32, "optimizer": "sgd"})
    prepare(experiment, processes=1)
    first = dlscan("scan", experiment.file)
    assert first.returncode == 1
    assert states(experiment) == ["diverged", "done"]
    assert "1 of 2 points done" in first.stdout
    assert "1 of 2 points failed" in first.stderr
    assert "Traceback" not in first.stderr
    plan = Plan.read(experiment.directory)
    record = plan.paths(plan.point(2)).record
    before = record.stat().st_mtime_ns
    again = dlscan("scan", experiment.file)
    assert "2 points, 1 to train" in again.stderr
    assert record.stat().st_mtime_ns == before
    assert len(list(plan.paths(plan.point(1)).attempts.iterdir())) == 2

    status = dlscan("status", experiment.file)
    assert status.returncode == 1
    assert "1 diverged" in status.stdout
    assert "learning_rate=1e+30" in status.stdout

    table = dlscan("table", experiment.directory, "--format", "json")
    assert table.returncode == 0
    rows = json.loads(table.stdout)
    assert len(rows) == 1
    assert "1 of 2 points" in table.stderr


def test_jobs_start_beside_a_directory_of_the_packages_name(
    dlscan: Run, make_experiment: Make, tmp_path: Path
) -> None:
    """As where somebody cloned the project."""
    experiment = make_experiment(model=TREES)
    prepare(experiment, processes=1)
    (tmp_path / "beside" / "dlscan").mkdir(parents=True)
    done = dlscan("scan", experiment.file, cwd=tmp_path / "beside")
    assert done.returncode == 0, done.stderr


def test_interrupt_stops_cleanly_and_the_same_command_goes_on(dlscan: Run, make_experiment: Make) -> None:
    experiment = make_experiment(train=LONG)
    prepare(experiment, processes=1)
    command = [sys.executable, "-P", "-m", "dlscan", "scan", str(experiment.file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as driver:
        history = experiment.directory / "points/0001-dense/history.csv"
        wait_until(lambda: epochs(history) >= 3)
        assert states(experiment) == ["running"]
        second = dlscan("scan", experiment.file)
        assert second.returncode == 1
        assert "0 to train" in second.stderr
        driver.send_signal(signal.SIGINT)
        _, messages = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 130
    assert "Interrupted" in messages
    assert "Traceback" not in messages
    assert states(experiment) == ["preempted"]
    done = epochs(history)
    assert done >= 3

    command = [sys.executable, "-P", "-m", "dlscan", "train", str(experiment.directory), "--point", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as job:
        wait_until(lambda: epochs(history) > done)
        job.send_signal(signal.SIGTERM)
        _, messages = job.communicate(timeout=PATIENCE)
    assert job.returncode == 0
    # the interrupt may have come between the checkpoint of an epoch and its line in the history
    assert any(f"continues after epoch {epoch}" in messages for epoch in (done, done + 1))
    assert states(experiment) == ["preempted"]


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for what has to come, however busy the machine is."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def epochs(history: Path) -> int:
    try:
        with history.open(newline="") as handle:
            return len(list(csv.DictReader(handle)))
    except FileNotFoundError:
        return 0


def test_a_killed_job_is_known_as_such(dlscan: Run, make_experiment: Make) -> None:
    experiment = make_experiment(train=LONG)
    prepare(experiment, processes=1)
    command = [sys.executable, "-P", "-m", "dlscan", "scan", str(experiment.file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as driver:
        attempt = experiment.directory / "points/0001-dense/attempts/0001.json"
        wait_until(attempt.exists)
        os.kill(json.loads(attempt.read_text())["pid"], signal.SIGKILL)
        _, messages = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 1
    assert "killed by signal 9 (out of memory?)" in messages
    assert states(experiment) == ["failed"]


@contextlib.contextmanager
def training(
    experiment: Experiment, point: str = "0001-width=4", *prefix: str
) -> Iterator["subprocess.Popen[str]"]:
    """A scan, once its first point has trained an epoch more."""
    prepare(experiment, processes=1)
    command = [*prefix, sys.executable, "-P", "-m", "dlscan", "scan", str(experiment.file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as driver:
        history = experiment.directory / "points" / point / "history.csv"
        before = epochs(history)
        wait_until(lambda: epochs(history) > before)
        yield driver


def test_cancel_stops_a_scan_on_this_machine_with_its_points(dlscan: Run, make_experiment: Make) -> None:
    experiment = make_experiment(
        scan={"grid": {"model.width": [4, 8, 16]}},
        train=LONG,
        batch={"max_running": 1, "models_per_job": 2},
    )
    with training(experiment) as driver:
        done = dlscan("cancel", experiment.file)
        _, messages = driver.communicate(timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert "cancelled training of 2 points on this machine" in done.stdout
    assert driver.returncode == 130
    assert "3 points, 3 to train in 2 processes, 1 at a time" in messages
    assert sorted(states(experiment)) == ["pending", "preempted", "preempted"]
    assert "nothing to cancel" in dlscan("cancel", experiment.file).stdout


def test_cancel_ends_no_process_that_is_not_of_this_scan(dlscan: Run, make_experiment: Make) -> None:
    """A file says of a living process that it is the scan, another that it trains; it is neither."""
    plan = freeze(make_experiment(scan={"grid": {"model.width": [4, 8]}}))
    code = "import time, dlscan.process as p; print(p.identity(), flush=True); time.sleep(1000)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        who = victim.stdout.readline().strip()
        own = identity()
        assert own is not None
        drivers = plan.directory / "drivers"
        drivers.mkdir()
        host = socket.gethostname()
        for number, text in ((victim.pid, who), (victim.pid + 1, who), (1, own)):
            (drivers / f"{host}-{number}").write_text(f"{text}\n")
        for point in plan.points:
            paths = plan.paths(point)
            told = who if point.number == 1 else own
            create_attempt(paths, replace(new_attempt(1, beat=1000.0), pid=victim.pid, process=told))
        done = dlscan("cancel", plan.directory)
        assert victim.poll() is None
        victim.kill()
    assert done.returncode == 0, done.stderr
    assert "nothing to cancel" in done.stdout
    assert done.stderr.count("a `dlscan scan` may still be running on") == 3
    assert f"stop process {victim.pid} there" in done.stderr


def test_cancel_names_the_points_that_stop_with_those_asked_for(dlscan: Run, make_experiment: Make) -> None:
    experiment = make_experiment(
        scan={"grid": {"model.width": [4, 8, 16]}},
        train=LONG,
        batch={"models_per_job": 3},
    )
    with training(experiment) as driver:
        done = dlscan("cancel", experiment.file, "--point", 2)
        driver.communicate(timeout=PATIENCE)
    assert "cancelled training of 3 points on this machine" in done.stdout
    assert "also cancelled, because they share a job: points 1, 3" in done.stderr
    assert states(experiment) == ["preempted"] * 3


def test_a_transport_that_no_point_could_have_is_refused_before_any_starts(
    dlscan: Run, make_experiment: Make
) -> None:
    experiment = make_experiment(scan={"grid": {"model.width": [4, 8]}})
    prepare(experiment, processes=1, index_only=True)
    done = dlscan("scan", experiment.file, "stream.transport=sparse")
    assert done.returncode == 1
    assert f"{experiment.file}: stream.transport: sparse, but raw files are read dense" in done.stderr
    assert not experiment.directory.exists()


def test_dry_run_shows_a_script_that_brings_its_files_before_there_is_a_scan(
    dlscan: Run, make_experiment: Make
) -> None:
    batch = {"system": "htcondor", "gpus": 0, "options": {"should_transfer_files": True}}
    experiment = make_experiment(scan={"grid": {"model.width": [4, 8]}}, batch=batch)
    done = dlscan("scan", experiment.file, "--dry-run")
    assert done.returncode == 1
    assert "Error: cannot be submitted as it is: `condor_version` cannot be run here" in done.stderr
    assert "\n#CONDOR 0002-width=8\n" in done.stdout
    assert f"\n#CONDOR dataset = {experiment.data.prepared}\n" in done.stdout
    assert not experiment.directory.exists()


def test_train_takes_several_points_by_hand(dlscan: Run, make_experiment: Make) -> None:
    experiment = make_experiment(scan={"grid": {"model.width": [4, 8, 16]}})
    prepare(experiment, processes=1)
    freeze(experiment)
    done = dlscan("train", experiment.file, "--point", "2", "1")
    assert done.returncode == 0, done.stderr
    assert states(experiment) == ["done", "done", "pending"]
    again = dlscan("train", experiment.file, "--point", "1", "--point", "2")
    assert again.returncode == 0, again.stderr
    assert [f"point {number} " in again.stderr for number in (1, 2, 3)] == [True, True, False]
    wrong = dlscan("train", experiment.file, "--point", 4)
    assert wrong.returncode == 1
    assert "points 1 to 3, but no point 4" in wrong.stderr


def orphans(experiment: Experiment) -> list[int]:
    """The processes that train points of a scan, whoever started them."""
    return sorted({attempt.pid for attempt in running(Plan.read(experiment.directory)).values()})


def test_trainings_that_a_killed_scan_left_take_places(dlscan: Run, make_experiment: Make) -> None:
    experiment = make_experiment(
        scan={"grid": {"model.width": [4, 8, 16]}}, train=LONG, batch={"max_running": 1, "gpus": 0}
    )
    with training(experiment) as driver:
        driver.kill()
        driver.communicate(timeout=PATIENCE)
    [orphan] = orphans(experiment)
    command = [sys.executable, "-P", "-m", "dlscan", "scan", str(experiment.file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as driver:
        assert driver.stderr is not None
        assert "3 points, 2 to train" in driver.stderr.readline()
        assert (
            f"1 of 1 job slots on this machine is taken: process {orphan} trains points of this scan already"
            in driver.stderr.readline()
        )
        assert states(experiment) == ["running", "pending", "pending"]
        os.kill(orphan, signal.SIGTERM)
        wait_until(lambda: states(experiment)[:2] == ["preempted", "running"])
        driver.send_signal(signal.SIGINT)
        driver.communicate(timeout=PATIENCE)
    assert states(experiment) == ["preempted", "preempted", "pending"]


def test_a_terminal_that_is_closed_ends_a_scan_cleanly(dlscan: Run, make_experiment: Make) -> None:
    """On a terminal a bar shows how far it is; closing it is SIGHUP, and nobody hears the last words."""
    experiment = make_experiment(scan={"grid": {"model.width": [4, 8]}}, train=LONG, batch={"max_running": 1})
    prepare(experiment, processes=1)
    terminal, other = pty.openpty()
    command = [sys.executable, "-P", "-m", "dlscan", "scan", str(experiment.file)]
    with subprocess.Popen(
        command, stdin=other, stdout=other, stderr=other, preexec_fn=lambda: own_terminal(other)
    ) as driver:
        os.close(other)
        shown = b""
        while b" left" not in shown or not re.search(rb"epochs .*[1-9]\d*/200000 .*at most \d", shown):
            shown += os.read(terminal, 4096)
        os.close(terminal)
        driver.wait(timeout=PATIENCE)
    assert driver.returncode == 130
    assert states(experiment) == ["preempted", "pending"]
    assert not orphans(experiment)
    assert not list((experiment.directory / "drivers").iterdir())


def own_terminal(descriptor: int) -> None:
    os.setsid()
    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)


def test_a_hangup_says_what_to_do_and_nohup_outlives_it(make_experiment: Make) -> None:
    experiment = make_experiment(train=LONG)
    with training(experiment, "0001-dense") as driver:
        driver.send_signal(signal.SIGHUP)
        _, messages = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 130
    assert "finished epochs are kept, and the same command continues the scan" in messages
    assert "use --detach to keep a scan running" in messages
    assert states(experiment) == ["preempted"]
    with training(experiment, "0001-dense", "nohup") as driver:
        driver.send_signal(signal.SIGHUP)
        [job] = orphans(experiment)
        os.kill(job, signal.SIGHUP)
        before = epochs(experiment.directory / "points/0001-dense/history.csv")
        wait_until(lambda: epochs(experiment.directory / "points/0001-dense/history.csv") > before)
        driver.send_signal(signal.SIGTERM)
        driver.communicate(timeout=PATIENCE)
    assert states(experiment) == ["preempted"]


def test_a_detached_scan_outlives_the_terminal(dlscan: Run, make_experiment: Make) -> None:
    experiment = make_experiment(model=TREES, scan={"grid": {"model.leaves": [4, 8]}})
    assert dlscan("scan", experiment.file, "--detach").returncode == 1  # what is wrong is said at once
    prepare(experiment, processes=1)
    done = dlscan("scan", experiment.file, "--detach", "--retry", "failed", "batch.models_per_job=2")
    assert done.returncode == 0, done.stderr
    number = int(re.findall(r"runs in the background as process (\d+)", done.stdout)[0])
    assert os.getsid(number) == number
    wait_until(lambda: states(experiment) == ["done"] * 2)
    log = experiment.directory / "scan.log"
    wait_until(lambda: "2 of 2 points done" in log.read_text())
    assert "2 to train in 1 process" in log.read_text()
    wrong = dlscan("scan", experiment.file, "--detach", "--on", "slurm")
    assert wrong.returncode == 2
    assert "slurm jobs do not depend on the terminal" in wrong.stderr


def test_a_point_whose_file_was_changed_is_not_trained_as_what_the_plan_says(
    dlscan: Run, make_experiment: Make
) -> None:
    experiment = make_experiment(model=TREES, scan={"grid": {"model.leaves": [4, 8]}})
    prepare(experiment, processes=1)
    plan = freeze(experiment)
    file = plan.paths(plan.points[1]).config
    text = file.read_text()
    file.write_text(text.replace("leaves: 8", "leaves: 9"))
    done = dlscan("train", experiment.directory, "--point", 1, 2)
    assert done.returncode == 1
    assert f"{file}: model.leaves is 9, but 8 was planned" in done.stderr
    assert states(experiment) == ["done", "failed"]
    assert dlscan("scan", experiment.file).returncode == 0
    assert file.read_text() == text


def test_a_scan_in_the_background_of_a_script_stops_cleanly(make_experiment: Make) -> None:
    """A shell starts `command &` with SIGINT ignored, and jobs inherit that."""
    experiment = make_experiment(train=LONG)
    prepare(experiment, processes=1)
    command = [sys.executable, "-P", "-m", "dlscan", "scan", str(experiment.file)]
    ignoring = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **ignoring) as driver:  # type: ignore[call-overload]
        history = experiment.directory / "points/0001-dense/history.csv"
        wait_until(lambda: epochs(history) >= 1)
        driver.send_signal(signal.SIGTERM)
        driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 130
    assert states(experiment) == ["preempted"]


def test_a_point_that_somebody_else_trains_is_no_failure(dlscan: Run, make_experiment: Make) -> None:
    """A job all of whose points are held has nothing to do, and ends with exit code 0."""
    experiment = make_experiment(scan={"grid": {"model.width": [4, 8]}})
    plan = freeze(experiment)
    claims = [Claim.take(plan.paths(point)) for point in plan.points]
    for numbers in (["1"], ["1", "2"]):
        done = dlscan("train", experiment.file, "--point", *numbers)
        assert done.returncode == 0
        assert done.stderr.count("skipped here") == len(numbers)
    for claim in claims:
        claim.end("preempted")
    assert states(experiment) == ["preempted"] * 2


def test_a_job_that_dies_before_it_begins_is_known_as_such(
    dlscan: Run, make_experiment: Make, tmp_path: Path
) -> None:
    experiment = make_experiment(model=TREES)
    prepare(experiment, processes=1)
    hide = tmp_path / "hide"
    hide.mkdir()
    (hide / "sitecustomize.py").write_text(
        "import os, sys\nif 'train' in sys.orig_argv:\n"
        "    print('no memory to import anything', flush=True)\n    os._exit(3)"
    )
    done = dlscan("scan", experiment.file, env={**os.environ, "PYTHONPATH": str(hide)})
    assert done.returncode == 1
    assert "no memory to import anything" in done.stderr
    assert states(experiment) == ["failed"]
    assert dlscan("scan", experiment.file).returncode == 0
    assert states(experiment) == ["done"]


def test_one_scan_has_one_dataset(dlscan: Run, make_experiment: Make, raw: Path) -> None:
    experiment = make_experiment(model=TREES)
    prepare(experiment, processes=1)
    assert dlscan("scan", experiment.file).returncode == 0
    (experiment.directory / "points/0001-bdt/record.json").unlink()
    (raw / "Ele/Ele_1.h5").unlink()
    prepare(experiment, processes=1)
    for command in (["scan", experiment.file], ["train", experiment.file, "--point", 1]):
        done = dlscan(*command)
        assert done.returncode == 1
        assert "planned for" in done.stderr
        assert "Traceback" not in done.stderr


def test_status_survives_damaged_files(dlscan: Run, make_experiment: Make) -> None:
    experiment = make_experiment(scan={"grid": {"model.width": [4, 8]}})
    plan = freeze(experiment)
    for point in plan.points:
        paths = plan.paths(point)
        paths.attempts.mkdir()
        (paths.attempts / "0001.json").write_text('{"number": 1' if point.number == 1 else "[]")
        paths.history.write_bytes(b"epoch,seconds\n1,\xff\n")
    done = dlscan("status", experiment.file)
    assert done.returncode == 1
    assert done.stdout.count("failed") == 3
    assert "0001.json: damaged" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_damaged_record_is_no_record(dlscan: Run, make_experiment: Make) -> None:
    scan, batch = {"grid": {"train.early_stopping": [None, {"patience": 1}]}}, {"models_per_job": 2}
    experiment = make_experiment(scan=scan, batch=batch, model=TREES)
    prepare(experiment, processes=1)
    assert dlscan("scan", experiment.file).returncode == 0
    names = [
        row["Model Name"] for row in json.loads(dlscan("table", experiment.file, "--format", "json").stdout)
    ]
    assert names[0] == "Early_Stopping=null"
    assert '"patience":1' in names[1]
    plan = Plan.read(experiment.directory)
    paths = plan.paths(plan.points[0])
    paths.record.write_text('{"trunc')
    assert states(experiment) == ["failed", "done"]
    again = dlscan("scan", experiment.file)
    assert again.returncode == 0, again.stderr
    assert states(experiment) == ["done", "done"]
    assert paths.record.with_suffix(".damaged").exists()
