"""A scan on a batch system: whatever goes wrong, no job is lost and none is submitted twice."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dlscan.claims import note_end
from dlscan.config import Experiment
from dlscan.prepare import prepare
from dlscan.scan import Plan, cancel, freeze, scan_status, watch
from dlscan.scan.submissions import Submissions

from . import fake_slurm

Make = Callable[..., Experiment]
HOOK = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("dlscan.batch.slurm", {path!r})
module = sys.modules["dlscan.batch.slurm"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
"""


@dataclasses.dataclass
class Site:
    """A scan of three points, and the batch system it runs on."""

    experiment: Experiment
    home: Path
    hook: Path

    def start(self, *options: str, fault: str = "", command: str = "scan") -> "subprocess.Popen[str]":
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.hook),
            "FAKE_SYSTEM": str(self.home),
            "FAKE_FAULT": fault,
        }
        line = [sys.executable, "-P", "-m", "dlscan", command, str(self.experiment.file), *options]
        return subprocess.Popen(
            line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def scan(self, *options: str, fault: str = "") -> tuple[int, str, str]:
        process = self.start(*options, fault=fault)
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in err
        return process.returncode, out, err

    def jobs(self) -> int:
        """How many jobs the system has taken, ever."""
        return sum(len(json.loads(file.read_text())) for file in self.home.glob("dlscan-*.json"))

    def ids(self) -> list[tuple[str, ...] | None]:
        return [submission.ids for submission in Submissions(self.experiment.directory).read()]

    @property
    def plan(self) -> Plan:
        return Plan.read(self.experiment.directory)


@pytest.fixture
def site(make_experiment: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    experiment = make_experiment(
        scan={"grid": {"model.width": [4, 8, 16]}}, batch={"system": "slurm", "gpus": 0}
    )
    prepare(experiment, processes=1)
    home, hook = tmp_path / "system", tmp_path / "hook"
    home.mkdir()
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(HOOK.format(path=fake_slurm.__file__))
    # in this process, too: states are asked of the same system
    module: Any = ModuleType("dlscan.batch.slurm")
    module.Slurm = fake_slurm.Slurm
    monkeypatch.setitem(sys.modules, "dlscan.batch.slurm", module)
    monkeypatch.setenv("FAKE_SYSTEM", str(home))
    return Site(experiment, home, hook)


def test_scan_submits_returns_and_submits_nothing_again(site: Site) -> None:
    code, out, err = site.scan()
    assert (code, err) == (0, "")
    assert "3 points, 3 submitted to slurm in 3 jobs" in out
    assert "dlscan status" in out
    assert [status.state for status in scan_status(site.plan)] == ["queued"] * 3
    code, out, _ = site.scan()
    assert code == 0
    assert "3 points, 3 queued" in out
    assert site.jobs() == 3


@pytest.mark.parametrize("fault", ["killed before", "killed after"])
def test_a_scan_that_is_killed_while_it_submits_loses_and_repeats_nothing(site: Site, fault: str) -> None:
    code, _, _ = site.scan(fault=fault)
    assert code == -signal.SIGKILL
    assert site.ids() == [None]
    code, _, err = site.scan()
    assert code == 0
    assert "submission 1 had not been finished" in err
    assert site.jobs() == 3
    assert None not in site.ids()
    assert [status.state for status in scan_status(site.plan)] == ["queued"] * 3


def test_a_refusal_is_said_and_the_next_scan_goes_on(site: Site) -> None:
    code, out, err = site.scan(fault="refuses")
    assert code == 1
    assert "3 of 3 points not submitted: slurm took 0 of the 3 jobs of a submission (no more today)" in err
    assert "3 points, 3 pending; look by" in out
    assert site.ids() == [()]
    assert site.scan()[0] == 0
    assert site.jobs() == 3


def test_a_lost_answer_is_no_refusal(site: Site) -> None:
    assert site.scan(fault="answer lost")[0] == 0
    assert site.jobs() == 3
    assert site.scan()[0] == 0
    assert site.jobs() == 3


@pytest.mark.parametrize(("fault", "taken"), [("two at a time, then no more", 2), ("takes the first", 1)])
def test_jobs_that_were_taken_before_a_refusal_are_known(site: Site, fault: str, taken: int) -> None:
    code, out, err = site.scan(fault=fault)
    assert code == 1
    assert f"{taken} submitted to slurm" in out
    assert f"{3 - taken} of 3 points not submitted" in err
    assert [status.state for status in scan_status(site.plan)].count("queued") == taken
    assert site.scan()[0] == 0
    assert site.jobs() == 3


def test_jobs_are_cut_to_what_the_system_takes_at_once(site: Site) -> None:
    assert site.scan(fault="two at a time")[0] == 0
    assert [len(ids or ()) for ids in site.ids()] == [2, 1]


def test_a_system_that_does_not_answer_makes_nobody_submit_twice(site: Site) -> None:
    code, _, err = site.scan(fault="silent")
    assert code == 1
    assert "slurm does not say whether it took submission 1" in err
    assert site.ids() == [None]
    code, _, err = site.scan(fault="silent")
    assert code == 1
    assert "nobody knows yet whether slurm took submission 1" in err
    assert site.ids() == [None]
    assert site.scan()[0] == 0
    assert site.jobs() == 3


def test_jobs_that_a_busy_system_takes_later_are_not_submitted_again(site: Site) -> None:
    code, _, err = site.scan(fault="busy")
    assert code == 1
    assert "slurm does not say whether it took submission 1 (no answer within 1 s)" in err
    assert site.ids() == [None]
    submission = Submissions(site.experiment.directory).read()[0]
    (site.home / f"{submission.tag}.json").write_text('["1_1", "1_2", "1_3"]')
    assert site.scan()[0] == 0
    assert site.ids() == [("1_1", "1_2", "1_3")]


def test_of_two_scans_at_once_one_submits(site: Site) -> None:
    with site.start(fault="slow") as first:
        fake_slurm.started(site.home)
        code, _, err = site.scan()
        assert code == 1
        assert "another `dlscan scan`" in err
        (site.home / "go").touch()
        out, _ = first.communicate(timeout=60)
    assert first.returncode == 0
    assert "3 submitted" in out
    assert site.jobs() == 3


def test_a_submission_that_outlives_its_scan_holds_the_next_one_back(site: Site) -> None:
    with site.start(fault="slow") as first:
        fake_slurm.started(site.home)
        first.kill()
        first.wait()
        code, _, err = site.scan()
        assert code == 1
        assert "another `dlscan scan`" in err
        (site.home / "go").touch()


def crash(plan: Plan, number: int, times: int) -> None:
    paths = plan.paths(plan.point(number))
    for _ in range(times):
        note_end(paths, "failed", "no such thing")


def test_a_point_that_always_crashes_is_left_out_until_it_is_asked_for(site: Site) -> None:
    plan = freeze(site.experiment)
    crash(plan, 1, times=3)
    crash(plan, 2, times=4)
    code, out, err = site.scan()
    assert "2 submitted to slurm" in out
    assert code == 1
    assert "1 point crashed too often" in err
    assert "--retry failed" in err
    assert site.scan("--retry", "oom,failed")[0] == 0
    assert site.jobs() == 3


def test_retry_wants_states_that_there_are(site: Site) -> None:
    code, _, err = site.scan("--retry", "fialed")
    assert code == 2
    assert "'fialed' is none of pending, preempted" in err


def test_dry_run_shows_jobs_and_script_and_writes_nothing(site: Site) -> None:
    code, out, err = site.scan("--dry-run", "batch.models_per_job=3")
    assert code == 0
    assert out.splitlines()[1].endswith("--point 1 2 3")
    assert "script of dlscan-dry-run-1 for ((1, 2, 3),)" in out
    assert "3 to train in 1 job on slurm" in err
    assert not site.experiment.directory.exists()
    site.scan()
    assert site.scan("--dry-run")[1] == ""
    assert site.jobs() == 3


def test_extend_adds_points_and_submits_them_alone(site: Site) -> None:
    site.scan()
    wider = ["scan.grid.model.width=[4,8,16,32]"]
    code, _, err = site.scan(*wider)
    assert code == 1
    assert "--extend" in err
    code, out, _ = site.scan(*wider, "--extend")
    assert code == 0
    assert "4 points, 1 submitted to slurm" in out
    assert site.jobs() == 4


def ids_of(site: Site) -> list[str]:
    return [name for ids in site.ids() for name in ids or ()]


def finish(site: Site, number: int) -> None:
    """Let a job have come to its end, with an attempt that says so."""
    paths = site.plan.paths(site.plan.point(number))
    note_end(paths, "timeout", job=ids_of(site)[number - 1])
    (site.home / f"{ids_of(site)[number - 1]}.sight").write_text("ended done")


def test_watch_goes_on_while_the_system_is_silent_and_ends_when_nothing_is_under_way(site: Site) -> None:
    site.scan()
    said: list[str] = []
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 1:
            (site.home / "silent").touch()
        elif len(pauses) == 8:
            (site.home / "silent").unlink()
            for number in (1, 2, 3):
                finish(site, number)

    looks = [[status.state for status in states] for states in watch(site.plan, said.append, sleep)]
    assert looks[:8] == [["queued"] * 3] * 8
    assert set(map(tuple, looks[8:])) == {("timeout",) * 3}
    assert len(said) == 2
    assert "did not answer" in said[0]
    assert "answers again" in said[1]
    assert pauses[1:7] == sorted(pauses[1:7])
    assert pauses[6] > 10


def test_wait_ends_with_what_became_of_the_points(site: Site) -> None:
    site.scan()
    for number in (1, 2, 3):
        finish(site, number)
    with site.start("--wait") as waiting:
        assert waiting.stderr is not None
        first = waiting.stderr.readline()
        # they were submitted again
        for name in ids_of(site):
            (site.home / f"{name}.sight").write_text("ended cancelled")
        out, err = waiting.communicate(timeout=120)
    assert first == "3 queued\n"
    assert waiting.returncode == 1
    assert "0 of 3 points done" in out
    assert "3 points are not done yet (timeout)" in err


def test_ctrl_c_while_waiting_leaves_the_jobs_alone(site: Site) -> None:
    with site.start("--wait") as waiting:
        assert waiting.stderr is not None
        first = waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        _, err = waiting.communicate(timeout=60)
    assert first == "3 queued\n"
    assert waiting.returncode == 130
    assert "the jobs go on" in err
    assert not list(site.home.glob("*.sight"))


def test_cancel_says_how_many_jobs_it_cancelled(site: Site) -> None:
    site.scan("batch.models_per_job=2")
    (site.home / f"{ids_of(site)[0]}.sight").write_text("running")
    said: list[str] = []
    ended = cancel(site.plan, [1], said.append)
    assert (ended.queued, ended.running, ended.processes) == (0, 1, 0)
    assert len(said) == 1
    assert re.fullmatch("in the same jobs, and cancelled with them: point [23]", said[0])
    with site.start(command="cancel") as process:
        out, _ = process.communicate(timeout=60)
    assert "cancelled 1 job (1 queued, 0 running)" in out
    with site.start(command="cancel") as process:
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "nothing to cancel" in out
    assert "3 submitted" in site.scan()[1]
