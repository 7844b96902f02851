"""A scan on a batch system: whatever goes wrong, no job is lost and none is submitted twice."""

import dataclasses
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dlscan.claims import note_end
from dlscan.cli.scan_display import ScanDisplay
from dlscan.config import Experiment
from dlscan.errors import ScanError
from dlscan.prepare import prepare
from dlscan.scan import Plan, PointStatus, cancel, find_work, freeze, run, scan_status, submit, watch
from dlscan.scan.submissions import Submissions

from . import fake_slurm
from .test_search import done

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

    def start(
        self, *options: str, fault: str = "", command: str = "scan", cluster: str = "main"
    ) -> "subprocess.Popen[str]":
        environment = {
            **os.environ,
            "FAKE_CLUSTER": cluster,
            "PYTHONPATH": str(self.hook),
            "FAKE_SYSTEM": str(self.home),
            "FAKE_FAULT": fault,
        }
        line = [sys.executable, "-P", "-m", "dlscan", command, str(self.experiment.file), *options]
        return subprocess.Popen(
            line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def scan(self, *options: str, fault: str = "", **how: str) -> tuple[int, str, str]:
        process = self.start(*options, fault=fault, **how)
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
    assert "submission 1 was interrupted" in err
    assert site.jobs() == 3
    assert None not in site.ids()
    assert [status.state for status in scan_status(site.plan)] == ["queued"] * 3


def test_a_refusal_is_said_and_the_next_scan_goes_on(site: Site) -> None:
    code, out, err = site.scan(fault="refuses")
    assert code == 1
    assert "3 of 3 points not submitted: slurm accepted 0 of 3 jobs (no more today)" in err
    assert "3 points, 3 pending; check with" in out
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
    assert "slurm does not say whether it accepted submission 1" in err
    assert site.ids() == [None]
    code, _, err = site.scan(fault="silent")
    assert code == 1
    assert "it is not known yet whether slurm accepted submission 1" in err
    assert site.ids() == [None]
    assert site.scan()[0] == 0
    assert site.jobs() == 3


def test_jobs_that_a_busy_system_takes_later_are_not_submitted_again(site: Site) -> None:
    code, _, err = site.scan(fault="busy")
    assert code == 1
    assert "slurm does not say whether it accepted submission 1 (no answer within 1 s)" in err
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
    assert "no state 'fialed'; did you mean 'failed'?" in err


def test_dry_run_shows_jobs_and_script_and_writes_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # no trial, whose figures are not for here
    monkeypatch.setenv("KERAS_BACKEND", "nonsense")
    code, out, err = site.scan("--dry-run", "batch.models_per_job=3")
    assert code == 0
    assert out.splitlines()[1].endswith("--point 1 2 3")
    assert "script of dlscan-dry-run-1 for ((1, 2, 3),)" in out
    assert "3 to train in 1 job on slurm" in err
    assert not site.experiment.directory.exists()
    site.scan()
    assert site.scan("--dry-run")[1] == ""
    assert site.jobs() == 3


@pytest.mark.parametrize("how", [[], ["--dry-run"]])
def test_a_back_end_that_divides_no_networks_is_said_before_anything_is_trained(
    site: Site, monkeypatch: pytest.MonkeyPatch, how: list[str]
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    code, _, err = site.scan(*how, "batch.system=local", "train.devices=2", "train.parallel=model")
    assert code == 1
    assert "train.parallel: model works on JAX alone, and the back end is tensorflow" in err
    assert not site.experiment.directory.exists()


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
    (site.home / f"{ids_of(site)[number - 1]}.job_state").write_text("ended done")


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


class Trained(ScanDisplay):
    """Lets every point be done once it has been looked at, and something hinder a few looks."""

    def __init__(self, site: Site, hinder: Callable[[], Callable[[], object]]) -> None:
        super().__init__()
        self.site, self.hinder, self.looks = site, hinder, 0
        self.lines: list[str] = []

    def watched(self, statuses: Sequence[PointStatus]) -> None:
        self.looks += 1
        assert self.looks < 50
        for name in ids_of(self.site):
            (self.site.home / f"{name}.job_state").write_text("ended done")
        submissions = Submissions(self.site.experiment.directory).read()
        taken = {number for each in submissions if each.ids for job in each.jobs for number in job}
        for status in statuses:
            if status.point.number in taken and status.state != "done":
                done(self.site.plan, status.point, 0.5)
        if self.looks == 1:
            self.release = self.hinder()
        elif self.looks == 5:
            self.release()

    def line(self, text: str) -> None:
        self.lines.append(text)


def by_another_command(site: Site, patch: pytest.MonkeyPatch) -> Callable[[], object]:
    return hold(site.experiment.directory / ".submit.lock")


def by_a_search(site: Site, patch: pytest.MonkeyPatch) -> Callable[[], object]:
    patch.setattr("dlscan.scan.changing._PATIENCE", 0.1)
    return hold(site.experiment.directory / ".plan.lock")


def by_silence(site: Site, patch: pytest.MonkeyPatch) -> Callable[[], object]:
    (site.home / "no cluster").touch()
    return (site.home / "no cluster").unlink


def by_silence_while_it_submits(site: Site, patch: pytest.MonkeyPatch) -> Callable[[], object]:
    patch.setenv("FAKE_FAULT", "busy")
    return lambda: patch.delenv("FAKE_FAULT")


def hold(path: Path) -> Callable[[], object]:
    file = path.open("a+b")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file.close


@pytest.fixture
def searching(make_experiment: Make, site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A random search of six points, two at a time, that is looked at often."""
    scan = {"space": {"model.width": {"int": [4, 64]}}, "search": {"method": "random", "points": 6}}
    batch = {"system": "slurm", "gpus": 0, "max_running": 2}
    site.experiment = make_experiment(name="search", scan=scan, batch=batch)
    monkeypatch.setattr("dlscan.scan.wait._FIRST_SECONDS", 0.1)
    monkeypatch.setattr("dlscan.scan.wait._SHARE", 1.0)
    return site


@pytest.mark.parametrize("hinder", [by_another_command, by_a_search, by_silence, by_silence_while_it_submits])
def test_a_search_waits_until_it_can_submit_again(
    searching: Site, monkeypatch: pytest.MonkeyPatch, hinder: Callable[..., Any]
) -> None:
    site = searching
    listener = Trained(site, lambda: hinder(site, monkeypatch))
    result = run(site.experiment, site.experiment.batch, listener, wait=True)
    assert len(listener.lines) == 1
    assert "trying again" in listener.lines[0]
    assert result.statuses is not None
    assert [status.state for status in result.statuses] == ["done"] * 6
    assert site.jobs() == 6


class Cancelled(ScanDisplay):
    """Cancels the job of point 1 at the first look, and lets all others be done that are queued."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site, self.lines, self.looks = site, list[str](), 0

    def watched(self, statuses: Sequence[PointStatus]) -> None:
        self.looks += 1
        assert self.looks < 50
        if self.looks == 1:
            cancel(self.site.plan, [1], self.lines.append)
        for status in statuses:
            if status.state == "queued" and (self.looks, status.point.number) != (1, 1):
                done(self.site.plan, status.point, 0.5)

    def line(self, text: str) -> None:
        self.lines.append(text)


def test_a_search_that_is_waited_for_leaves_cancelled_points_alone(searching: Site) -> None:
    site = searching
    listener = Cancelled(site)
    result = run(site.experiment, site.experiment.batch, listener, wait=True)
    assert result.statuses is not None
    assert [status.state for status in result.statuses] == ["pending", *["done"] * 5]
    assert site.jobs() == 6
    assert listener.lines == [
        "1 point was cancelled (1); this command does not submit it again, run it anew to continue"
    ]
    # what is run anew begins with a clean slate
    run(site.experiment, site.experiment.batch, ScanDisplay())
    assert site.jobs() == 7
    assert Submissions(site.experiment.directory).cancelled() == set()


def test_wait_ends_with_what_became_of_the_points(site: Site) -> None:
    site.scan()
    for number in (1, 2, 3):
        finish(site, number)
    with site.start("--wait") as waiting:
        assert waiting.stderr is not None
        first = waiting.stderr.readline()
        # they were submitted again
        for name in ids_of(site):
            (site.home / f"{name}.job_state").write_text("ended cancelled")
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
    assert "the jobs keep running" in err
    assert not list(site.home.glob("*.job_state"))


def test_cancel_says_how_many_jobs_it_cancelled(site: Site) -> None:
    site.scan("batch.models_per_job=2")
    (site.home / f"{ids_of(site)[0]}.job_state").write_text("running")
    said: list[str] = []
    ended = cancel(site.plan, [1], said.append)
    assert (ended.queued, ended.running, ended.processes) == (0, 1, 0)
    assert len(said) == 1
    assert re.fullmatch("also cancelled, because they share a job: point [23]", said[0])
    with site.start(command="cancel") as process:
        out, _ = process.communicate(timeout=60)
    assert "cancelled 1 job (1 queued, 0 running)" in out
    with site.start(command="cancel") as process:
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "nothing to cancel" in out
    assert "3 submitted" in site.scan()[1]


def test_another_cluster_that_answers_submits_nothing_again(site: Site) -> None:
    assert site.scan(cluster="graz")[0] == 0
    for command in ("scan", "status"):
        _, out, err = site.scan(command=command, cluster="linz")
        assert "3 queued" in out
        assert (
            "slurm did not answer, so the last known states of its jobs are shown: the jobs are on cluster "
            "graz, " in err
        )
        assert "this machine uses cluster linz" in err
    code, _, err = site.scan(command="cancel", cluster="linz")
    assert code == 1
    assert "0 jobs cancelled, the state of the others is unknown: the jobs are on cluster graz" in err
    assert site.jobs() == 3
    assert not list(site.home.glob("*.job_state"))


def test_a_submission_to_another_cluster_is_not_looked_for_here(site: Site) -> None:
    assert site.scan(fault="killed after", cluster="graz")[0] == -signal.SIGKILL
    code, _, err = site.scan(cluster="linz")
    assert code == 1
    assert "it is not known yet whether slurm accepted submission 1 (the jobs are on cluster graz" in err
    assert site.scan(cluster="graz")[0] == 0
    assert site.jobs() == 3


def test_two_clusters_share_a_scan(site: Site) -> None:
    """Each has jobs of the same ids, and each is asked about its own."""
    site.scan(fault="takes the first", cluster="graz")
    _, out, _ = site.scan(cluster="linz")
    assert "2 submitted to slurm" in out
    site_file = site.experiment.directory / "submissions.jsonl"
    graz, linz = (submission.ids for submission in Submissions(site.experiment.directory).read())
    assert graz is not None
    assert linz is not None
    text = site_file.read_text().replace(linz[0], graz[0])  # as if both counted from the same number
    site_file.write_text(text)
    (site.home / f"{graz[0]}.job_state").write_text("ended failed")
    _, out, _ = site.scan(command="status", cluster="graz")
    assert "1 failed" in out
    assert "2 queued" in out
    done = site.scan(command="cancel", cluster="linz")
    assert "cancelled, the state of the others is unknown: the jobs are on cluster graz" in done[2]
    assert site.jobs() == 3


def test_jobs_of_a_cluster_that_is_no_more_can_be_forgotten(site: Site) -> None:
    site.scan(cluster="graz")
    code, _, err = site.scan("--forget", command="cancel", cluster="linz")
    assert code == 0
    assert "submission 1 is forgotten, its jobs now count as gone: the jobs are on cluster graz" in err
    assert "3 submitted" in site.scan(cluster="linz")[1]
    assert site.scan("--forget", "--point", "1", command="cancel")[0] == 2


def lose(site: Site, how: str) -> None:
    file = site.experiment.directory / "submissions.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    if how == "all":
        file.unlink()
    elif how == "the first line":
        file.write_text("".join(lines[1:]))
    elif how == "cut":
        file.write_text(lines[0][:40])
    elif how == "an older version's":
        file.unlink()
        (site.experiment.directory / "submissions/0001/submission.json").unlink()


@pytest.mark.parametrize("how", ["all", "the first line", "cut", "an older version's"])
def test_jobs_that_the_list_has_lost_are_found_by_their_tag(site: Site, how: str) -> None:
    site.scan()
    before = ids_of(site)
    lose(site, how)
    assert [status.state for status in scan_status(site.plan)] == ["queued"] * 3
    code, out, _ = site.scan()
    assert code == 0
    assert "3 points, 3 queued" in out
    assert site.jobs() == 3
    assert ids_of(site) == before
    with site.start(command="cancel") as process:
        out, _ = process.communicate(timeout=60)
    assert "cancelled 3 jobs" in out


def test_jobs_that_the_list_has_lost_are_not_looked_for_on_another_cluster(site: Site) -> None:
    site.scan(cluster="graz")
    lose(site, "all")
    code, _, err = site.scan(cluster="linz")
    assert code == 1
    assert "it is not known yet whether slurm accepted submission 1" in err
    assert site.jobs() == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"time": "2', '"time": "9x', "line 1 is damaged (time: must be a time such as"),
        ("+00:00", "", "line 1 is damaged (time: must be a time such as"),
        ('"tag": "dlscan-', '"tag": "', "line 1 is damaged (tag: must be such as dlscan-0a1b2c3d-1"),
        ('"jobs": [[1]', '"jobs": [["1"]', "line 1 is damaged (jobs[0][0]: must be a whole number"),
        ('"jobs": [[1]', '"jobs": [[0]', "line 1 is damaged (jobs[0][0]: must be at least 1"),
        ('"system": "slurm", "tag"', '"system": "slrum", "tag"', "line 1 is damaged (system: must be one of"),
        ('"ids": [', '"ids": [7, ', "line 2 is damaged (ids[0]: must be text"),
        ('{"number": 1, "ids"', '{"number": 7, "ids"', "has job ids of submission 7, but neither it nor"),
        ('{"number": 1, "ids"', '[[[{"number": 1, "ids"', "line 2 is damaged"),
    ],
)
def test_damaged_lines_are_said_and_to_follow_the_advice_submits_nothing_twice(
    site: Site, old: str, new: str, message: str
) -> None:
    plan = freeze(site.experiment)
    assert submit(plan, [(point,) for point in plan.points], site.experiment.batch).ids
    file = plan.directory / "submissions.jsonl"
    whole = file.read_text()
    assert old in whole
    file.write_text(whole.replace(old, new, 1))
    with pytest.raises(ScanError, match=re.escape(message)) as caught:
        find_work(plan, site.experiment.batch, None, print)
    said = re.search(r"line (\d) is damaged.*; remove this line", str(caught.value))
    if said is not None:
        lines = whole.splitlines(keepends=True)
        del lines[int(said[1]) - 1]
        file.write_text("".join(lines))
        assert not find_work(plan, site.experiment.batch, None, print).points
