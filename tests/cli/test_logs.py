"""`dlscan logs` as a user types it, and which file it shows."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dlscan.attempts import attempt_file, create_attempt, ended, last_number, new_attempt
from dlscan.claims import Claim
from dlscan.config import BatchOptions, Experiment
from dlscan.scan import Plan, freeze
from dlscan.scan.logs import log_file
from dlscan.scan.submissions import Submissions

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Make = Callable[..., Experiment]


@pytest.fixture
def plan(make_experiment: Make) -> Plan:
    return freeze(make_experiment(scan={"grid": {"model.width": [8, 16, 32]}}))


def log(plan: Plan, number: int) -> Path:
    return plan.paths(plan.point(number)).log


def job_log(plan: Plan, submission: int, index: int) -> Path:
    file = Submissions(plan.directory).directory(submission) / f"{index}.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def submit(plan: Plan, *jobs: tuple[int, ...]) -> None:
    submissions = Submissions(plan.directory)
    submission = submissions.ask(BatchOptions(system="slurm"), jobs)
    submissions.know(submission, [f"{submission.number}_{index}" for index in range(1, len(jobs) + 1)])


def tried(plan: Plan, number: int, **fields: object) -> None:
    paths = plan.paths(plan.point(number))
    attempt = dataclasses.replace(new_attempt(last_number(paths) + 1), **fields)  # type: ignore[arg-type]
    create_attempt(paths, ended(attempt, "failed"))


def test_the_log_of_a_point_is_shown_whole_or_its_last_lines(dlscan: Run, plan: Plan) -> None:
    log(plan, 2).write_bytes(b"one\ntwo \xff\nthree\n")
    whole = dlscan("logs", plan.directory, 2, errors="replace")
    assert (whole.returncode, whole.stdout) == (0, "one\ntwo \ufffd\nthree\n")
    assert whole.stderr == f"==> {log(plan, 2)}\n"
    assert dlscan("logs", plan.directory, 2, "--lines", 1).stdout == "three\n"


def test_a_point_without_output_and_an_unknown_point_are_errors(dlscan: Run, plan: Plan) -> None:
    log(plan, 1).touch()
    done = dlscan("logs", plan.directory, 1)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no job of this point has printed anything yet" in done.stderr
    assert "points 1 to 3, but no point 4" in dlscan("logs", plan.directory, 4).stderr


def test_a_job_that_did_not_come_to_training_has_its_own_output(plan: Plan) -> None:
    submit(plan, (1,), (3, 2))
    point = plan.point(2)
    assert log_file(plan, point) is None
    job_log(plan, 1, 2).write_text("python: command not found\n")
    assert log_file(plan, point) == job_log(plan, 1, 2)
    log(plan, 3).write_text("importing\n")
    assert log_file(plan, point) == log(plan, 3)
    log(plan, 2).write_text("another time\n")
    assert log_file(plan, point) == log(plan, 2)


def test_what_an_earlier_job_printed_does_not_hide_why_the_latest_failed(plan: Plan) -> None:
    submit(plan, (2,))
    tried(plan, 2, job="1_1")
    log(plan, 2).write_text("training, an hour ago\n")
    then = time.time() - 3600
    os.utime(log(plan, 2), (then, then))
    submit(plan, (2,))
    script = job_log(plan, 2, 1)
    (script.parent / "jobs.txt").write_text("2\n")
    assert log_file(plan, plan.point(2)) == log(plan, 2)
    script.write_text("python: command not found\n")
    assert log_file(plan, plan.point(2)) == script
    tried(plan, 2, job="2_1")
    assert log_file(plan, plan.point(2)) == script
    log(plan, 2).write_text("training again\n")
    assert log_file(plan, plan.point(2)) == log(plan, 2)


def test_the_points_of_a_job_share_the_log_of_the_first(plan: Plan) -> None:
    submit(plan, (1,), (3, 2))
    submit(plan, (2,))
    for number in (1, 2, 3):
        log(plan, number).write_text("x\n")
    tried(plan, 2, job="1_2", pack=2)
    assert log_file(plan, plan.point(2)) == log(plan, 3)
    tried(plan, 2, job="2_1", pack=1)
    assert log_file(plan, plan.point(2)) == log(plan, 2)


def test_without_a_batch_system_the_process_tells_which_points_were_together(plan: Plan) -> None:
    log(plan, 1).write_text("another process\n")
    log(plan, 2).write_text("the pack\n")
    tried(plan, 1, process="other", pack=2)
    tried(plan, 2, process="one", pack=2)
    tried(plan, 3, process="one", pack=2)
    assert log_file(plan, plan.point(3)) == log(plan, 2)


def test_following_a_point_that_has_ended_shows_it_and_ends(dlscan: Run, plan: Plan) -> None:
    log(plan, 2).write_text("one\ntwo\nthree\n")
    tried(plan, 2)
    done = dlscan("logs", plan.directory, 2, "-f", "--lines", 2)
    assert (done.returncode, done.stdout) == (0, "two\nthree\n")
    assert done.stderr.endswith("0002-width=16 is failed\n")


@pytest.fixture
def no_slurm(tmp_path: Path) -> dict[str, str]:
    """An environment in which every Slurm command is refused."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("squeue", "sacct", "scontrol"):
        (commands / name).write_text("#!/bin/sh\necho 'Unable to contact slurm controller' >&2\nexit 1\n")
        (commands / name).chmod(0o755)
    return {**os.environ, "PATH": f"{commands}:{os.environ['PATH']}"}


def follow(plan: Plan, number: int, environment: dict[str, str]) -> "subprocess.Popen[str]":
    code = "from dlscan.cli.main import main; from dlscan.scan import logs; logs._STATE_SECONDS = 1.0; main()"
    command = [sys.executable, "-P", "-c", code, "logs", str(plan.directory), str(number), "-f"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)


def test_following_goes_on_through_preemption_until_the_end(
    plan: Plan, no_slurm: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second attempt is of the same job, requeued; nothing is lost or comes twice."""
    submit(plan, (1,), (3,))
    monkeypatch.setenv("DLSCAN_JOB", "1_2")
    paths = plan.paths(plan.point(3))
    claim = Claim.take(paths)
    paths.log.write_text("first\n")
    with follow(plan, 3, no_slurm) as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline() == "first\n"
        claim.end("preempted")
        with paths.log.open("a") as handle:
            handle.write("sec")
            handle.flush()
            again = Claim.take(paths)
            handle.write("ond\n")
        assert follower.stdout.readline() == "second\n"
        again.end("failed", "no memory")
        # of a minute ago: sooner its job may still be about to end
        file = attempt_file(paths, 2)
        file.write_text(re.sub(r'"ended": "\d{4}', '"ended": "2020', file.read_text()))
        with paths.log.open("a") as handle:
            handle.write("third\n")
        rest, messages = follower.communicate(timeout=120)
    assert (follower.returncode, rest) == (0, "third\n")
    assert messages.startswith(f"==> {paths.log}\n")
    assert messages.endswith("0003-width=32 is failed: no memory\n")
    assert messages.count("slurm did not answer") == 1


def test_ctrl_c_ends_following_cleanly(plan: Plan) -> None:
    paths = plan.paths(plan.point(2))
    claim = Claim.take(paths)
    paths.log.write_text("first\n")
    with follow(plan, 2, dict(os.environ)) as follower:
        assert follower.stdout is not None
        follower.stdout.readline()
        follower.send_signal(signal.SIGINT)
        _, messages = follower.communicate(timeout=120)
    claim.end("preempted")
    assert follower.returncode == 130
    assert messages.split() == ["==>", *str(paths.log).split(), "Interrupted."]
