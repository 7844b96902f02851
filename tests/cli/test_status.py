"""`dlscan status` as a user types it."""

import json
import os
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlscan.claims import Claim, note_end
from dlscan.config import BatchOptions, Experiment
from dlscan.scan import Plan, freeze
from dlscan.scan.submissions import Submissions

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Make = Callable[..., Experiment]
GRID = {"grid": {"model.width": [8, 16, 32, 64]}}
HEAVY = {
    "numpy",
    "pandas",
    "h5py",
    "keras",
    "tensorflow",
    "jax",
    "torch",
    "matplotlib",
    "distributed",
    "scipy",
}


@pytest.fixture
def plan(make_experiment: Make) -> Plan:
    return freeze(make_experiment(scan=GRID))


def ended(plan: Plan, number: int, outcome: str, error: str | None = None) -> None:
    paths = plan.paths(plan.point(number))
    note_end(paths, outcome, error)


def test_each_point_that_is_not_well_is_shown_with_its_error_and_what_to_do(dlscan: Run, plan: Plan) -> None:
    ended(plan, 1, "oom", "MemoryError: 40 GB")
    ended(plan, 2, "failed", "DataError: no file")
    ended(plan, 3, "timeout")
    ended(plan, 4, "failed", "the job never ran: FAILED (BadConstraints)")
    done = dlscan("status", plan.directory)
    assert done.returncode == 1
    assert re.search(r"^ +1 +width=8 +oom +0/2 +MemoryError: 40 GB$", done.stdout, re.MULTILINE)
    assert "1 timeout, 1 oom, 2 failed; 0 of at most 8 epochs" in done.stdout
    assert "\n  1: raise batch.memory" in done.stdout
    assert f"\n  2: see `dlscan logs {plan.directory} 2`" in done.stdout.replace("'", "")
    assert "\n  3: run `dlscan scan` again" in done.stdout
    # it has no output to look at
    assert "\n  4: no node may have what the job asks for: change batch.gpus, batch.memory" in done.stdout
    assert done.stderr.startswith("Error: 3 of 4 points failed; ")


def test_a_point_is_left_out_by_the_retries_of_the_latest_submission(dlscan: Run, plan: Plan) -> None:
    ended(plan, 1, "diverged")
    assert "--retry" not in dlscan("status", plan.directory).stdout
    submissions = Submissions(plan.directory)
    submissions.know(submissions.ask(BatchOptions(system="slurm", retries=0), ((2,),)), [])
    assert "with --retry diverged" in dlscan("status", plan.directory).stdout


def test_points_that_were_stopped_are_no_failure(dlscan: Run, plan: Plan) -> None:
    ended(plan, 1, "preempted")
    ended(plan, 2, "timeout")
    done = dlscan("status", plan.directory)
    assert (done.returncode, done.stderr) == (0, "")


def test_json_says_all_that_is_known(dlscan: Run, plan: Plan) -> None:
    ended(plan, 2, "diverged", "the loss is nan")
    plan.paths(plan.point(2)).history.write_text("epoch,seconds,events_per_second\n1,2.0,500.0\n")
    done = dlscan("status", plan.directory, "--json")
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert said["counts"] == {"pending": 3, "diverged": 1}
    assert (said["scan"], said["epochs"], said["epochs_wanted"]) == (str(plan.directory), 1, 8)
    assert said["seconds_left"] == 14.0
    assert [point["point"] for point in said["points"]] == [1, 2, 3, 4]
    second = said["points"][1]
    assert second["params"] == {"model.width": 16}
    assert (second["state"], second["error"], second["attempts"]) == ("diverged", "the loss is nan", 1)
    assert (second["epochs"], second["epochs_wanted"], second["seconds_left"]) == (1, 2, 2.0)
    assert "train.learning_rate" in second["advice"]
    assert {"job", "host", "crashes", "silent_since"} <= set(second)


def test_json_is_not_watched(dlscan: Run, plan: Plan) -> None:
    done = dlscan("status", plan.directory, "--json", "--watch")
    assert done.returncode == 2
    assert "do not go together" in done.stderr


@pytest.fixture
def no_slurm(tmp_path: Path) -> dict[str, str]:
    """An environment in which every Slurm command is refused."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("squeue", "sacct", "scontrol"):
        (commands / name).write_text("#!/bin/sh\necho 'Unable to contact slurm controller' >&2\nexit 1\n")
        (commands / name).chmod(0o755)
    return {**os.environ, "PATH": f"{commands}:{os.environ['PATH']}"}


def submit_all(plan: Plan) -> None:
    submissions = Submissions(plan.directory)
    jobs = tuple((point.number,) for point in plan.points)
    submissions.know(submissions.ask(BatchOptions(system="slurm"), jobs), [f"7_{n}" for (n,) in jobs])


def test_a_batch_system_that_does_not_answer_is_said_in_a_line(
    dlscan: Run, plan: Plan, no_slurm: dict[str, str]
) -> None:
    submit_all(plan)
    done = dlscan("status", plan.directory, env=no_slurm)
    assert done.returncode == 0
    assert "4 queued" in done.stdout
    assert done.stderr.count("\n") == 1
    assert "slurm did not answer, so the last known states of its jobs are shown: " in done.stderr
    quiet = dlscan("status", plan.directory, "--files-only", env=no_slurm)
    assert (quiet.stdout, quiet.stderr, quiet.returncode) == (done.stdout, "", 0)


def test_watching_a_scan_on_which_nothing_happens_ends(dlscan: Run, plan: Plan) -> None:
    ended(plan, 1, "preempted", "told to")
    done = dlscan("status", plan.directory, "--watch", "0.1")
    assert done.returncode == 0
    assert re.fullmatch(
        r"\S+ \S+ 0001-width=8: preempted \(0/2 epochs\): told to\n"
        r"3 pending, 1 preempted; 0 of at most 8 epochs\n",
        done.stdout,
    )


def test_watching_prints_changes_and_ends_when_nothing_runs(plan: Plan) -> None:
    claim = Claim.take(plan.paths(plan.point(3)))
    command = [sys.executable, "-P", "-m", "dlscan", "status", str(plan.directory), "--watch", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watcher:
        assert watcher.stdout is not None
        assert "0003-width=32: running" in watcher.stdout.readline()
        claim.end("diverged", "the loss is nan")
        assert "0003-width=32: running -> diverged (0/2 epochs): the loss is nan" in watcher.stdout.readline()
        watcher.wait(30)
    assert watcher.returncode == 1


def test_ctrl_c_ends_watching_cleanly(plan: Plan) -> None:
    claim = Claim.take(plan.paths(plan.point(3)))
    command = [sys.executable, "-P", "-m", "dlscan", "status", str(plan.directory), "--watch"]
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **options) as watcher:
        watcher.stdout.readline()
        watcher.send_signal(signal.SIGINT)
        _, messages = watcher.communicate(timeout=120)
    claim.end("preempted")
    assert watcher.returncode == 130
    assert messages.strip() == "Interrupted."


def test_a_terminal_is_drawn_anew_with_the_rows_that_fit(make_experiment: Make) -> None:
    """On a real terminal of 20 lines: points that are not well are shown first, the rest counted."""
    plan = freeze(make_experiment(scan={"grid": {"model.width": list(range(1, 41))}}))
    ended(plan, 30, "failed", "no file")
    leader, follower = os.openpty()
    termios.tcsetwinsize(follower, (20, 150))
    environment = {name: value for name, value in os.environ.items() if name not in ("LINES", "COLUMNS")}
    command = [sys.executable, "-P", "-m", "dlscan", "status", str(plan.directory), "--watch", "0.1"]
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    text = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            text += os.read(leader, 10_000)
        except OSError:  # closed at the other end
            break
    os.close(leader)
    assert process.wait(30) == 1
    screens = text.decode().split("\x1b[2J")
    assert len(screens) >= 3
    assert "width=30" in screens[1]
    assert "... and 32 more" in screens[1]
    assert screens[1].count("\n") <= 20


def test_status_needs_none_of_the_heavy_packages(plan: Plan) -> None:
    submit_all(plan)
    code = (
        "import sys\nfrom dlscan.cli import main\nsys.argv[1:] = sys.argv[2:]\n"
        "try:\n    main.main()\nexcept SystemExit:\n    pass\nprint(*sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "-", "status", str(plan.directory), "--files-only"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "4 queued" in done.stdout
    assert not set(done.stderr.split()) & HEAVY
