"""The HTCondor back end against a real HTCondor: `make test-htcondor` runs these in a system of its own."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from dlscan.batch.htcondor import HTCondor
from dlscan.batch.system import JobState, Request
from dlscan.config import BatchOptions, load
from dlscan.config.units import Duration
from dlscan.errors import BatchError
from dlscan.record import PointPaths
from dlscan.scan import freeze
from tests.conftest import write_raw

if shutil.which("condor_submit") is None:
    pytest.skip("NO HTCONDOR HERE, so it is NOT tested: run `make test-htcondor`", allow_module_level=True)

TEMPLATES = Path(__file__).parents[2] / "dlscan" / "batch" / "templates"
TRAINING = 'say "points'
SECONDS = 300.0  # other tests may keep this machine busy
EPOCHS = 150


class Named(HTCondor):
    """HTCondor that is asked by the ids alone of jobs that were submitted here: it remembers their names."""

    names: ClassVar[dict[str, str]] = {}

    def submit(self, request: Request) -> list[str]:
        ids = super().submit(request)
        self.names.update(dict.fromkeys(ids, request.tag))
        return ids

    def look(self, jobs: Collection[str]) -> dict[str, JobState]:
        return super().look(self._named(jobs))

    def cancel(self, jobs: Collection[str]) -> None:
        super().cancel(self._named(jobs))

    def _named(self, jobs: Collection[str]) -> dict[str, str]:
        return {job: self.names.get(job, "dlscan-00000000-1") for job in jobs}


class Condor:
    """Submissions whose jobs run a few lines of bash in place of training."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.number = 0
        self.system: Named

    def request(self, jobs: int, body: str, **batch: object) -> Request:
        head, _ = (TEMPLATES / "htcondor.train").read_text().split(TRAINING)
        template = self.home / "bash.condor"
        template.write_text(f"#!/bin/bash\n@options@\n{head}{body}")
        section = BatchOptions(system="htcondor", gpus=0, template=str(template), **batch)  # type: ignore[arg-type]
        self.number += 1
        scan = self.home / "scan"
        scan.mkdir(exist_ok=True)
        directory = scan / "submissions" / f"{self.number:04d}"
        tag = f"dlscan-{os.getpid():08x}-{self.home.stat().st_ino}-{self.number}"
        self.system = Named(section)
        return Request(tag, scan, directory, tuple((n + 1,) for n in range(jobs)), section)

    def look(self, jobs: list[str]) -> list[JobState | None]:
        seen = self.system.look(jobs)
        return [seen.get(job) for job in jobs]

    def wait(self, jobs: list[str], fit: Callable[[list[JobState | None]], bool]) -> list[JobState | None]:
        return wait_for(lambda: self.look(jobs), fit)


def wait_for(ask: Callable[[], Any], fit: Callable[[Any], bool]) -> Any:
    end = time.monotonic() + SECONDS
    while not fit(answer := ask()):
        assert time.monotonic() < end, answer
        time.sleep(0.3)
    return answer


def all_ended(job_states: list[JobState | None]) -> bool:
    return all(job_state is not None and job_state.phase == "ended" for job_state in job_states)


def all_running(job_states: list[JobState | None]) -> bool:
    return all(job_state is not None and job_state.phase == "running" for job_state in job_states)


def condor(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture
def jobs(tmp_path: Path) -> Condor:
    home = tmp_path / 'it\'s "$(x)" %s ü\nnew'
    home.mkdir()
    return Condor(home)


def test_ends_are_told_apart_whatever_the_scan_is_called(jobs: Condor) -> None:
    body = 'say "$DLSCAN_JOB"\ncase $number in 1) exit 0 ;; 2) exit 3 ;; 3) kill -9 $$ ;; esac\n'
    request = jobs.request(3, body)
    assert jobs.system.find(request) == []
    jobs.system.check(request.batch)
    ids = jobs.system.submit(request)
    assert jobs.system.find(request) == ids
    assert [(job_state.reason, job_state.words) for job_state in jobs.wait(ids, all_ended) if job_state] == [
        ("done", "exit code 0"),
        ("failed", "exit code 3"),
        ("failed", "killed by signal 9"),
    ]
    assert jobs.system.find(request) == ids
    for number, job in enumerate(ids, 1):
        assert (request.directory / f"{number}.log").read_text().endswith(f"{job}\n")


def test_a_vacated_job_and_one_that_saved_its_state_run_again(jobs: Condor) -> None:
    body = """
if [ -e "$directory/$number.ran" ]; then say again; exit 0; fi
touch "$directory/$number.ran"
trap 'say told; exit 85' TERM
[ "$number" = 1 ] && exit 85
for second in {1..60}; do sleep 1; done
"""
    request = jobs.request(2, body)
    ids = jobs.system.submit(request)
    wait_for(lambda: (request.directory / "2.ran").exists(), bool)
    time.sleep(1)  # bash sets its trap after it made the file
    condor("condor_vacate_job", ids[1])
    assert [state.reason for state in jobs.wait(ids, all_ended) if state] == ["done", "done"]
    said = (request.directory / "2.log").read_text()
    assert said.index("told") < said.index("again")
    assert "again" in (request.directory / "1.log").read_text()


def test_at_its_time_limit_a_job_that_saves_goes_on_and_one_that_hangs_is_a_timeout(jobs: Condor) -> None:
    body = """
if [ -e "$directory/$number.ran" ]; then exit 0; fi
touch "$directory/$number.ran"
trap '[ "$number" = 1 ] && exit 85' TERM
for second in {1..60}; do sleep 1; done
"""
    request = jobs.request(2, body, time=Duration(3), options={"job_max_vacate_time": 2})
    ids = jobs.system.submit(request)
    saved, hung = jobs.wait(ids, all_ended)
    assert saved is not None
    assert hung is not None
    assert saved.reason == "done"
    assert hung.reason == "timeout"
    assert "exceeded allowed job duration" in hung.words


def test_a_held_job_is_queued_with_the_reason_and_a_removed_one_cancelled(jobs: Condor) -> None:
    request = jobs.request(2, "exec sleep 100\n")
    ids = jobs.system.submit(request)
    jobs.wait(ids, all_running)
    condor("condor_hold", "-reason", "the disk is full", ids[0])
    held = jobs.wait(
        ids[:1], lambda job_states: job_states[0] is not None and job_states[0].phase == "queued"
    )[0]
    assert held is not None
    assert "the disk is full" in held.words
    jobs.system.cancel(ids)
    assert [state.reason for state in jobs.wait(ids, all_ended) if state] == [
        "cancelled",
        "cancelled",
    ]
    jobs.system.cancel(ids)
    assert jobs.system.find(request) == ids


def test_no_more_jobs_run_than_allowed_and_those_to_come_are_queued(jobs: Condor) -> None:
    request = jobs.request(4, "exec sleep 100\n", max_running=2)
    ids = jobs.system.submit(request)
    jobs.wait(ids[:2], all_running)
    assert (
        jobs.look(ids)[2:] == [JobState("queued", "", "waiting for one of 2 slots (batch.max_running)")] * 2
    )
    with pytest.raises(BatchError, match=r"together with 2 more of cluster \d+; cancel the whole scan"):
        jobs.system.cancel(ids[2:])
    jobs.system.cancel(ids[:1])
    jobs.wait(ids[2:3], all_running)
    jobs.system.cancel(ids[1:])
    wait_for(
        lambda: [job_state for job_state in jobs.look(ids) if job_state and job_state.phase != "ended"],
        lambda left: not left,
    )


def test_a_refusal_is_said_in_one_line(jobs: Condor) -> None:
    request = jobs.request(1, "exit 0\n", options={"requirements": "Memory >"})
    with pytest.raises(BatchError) as caught:
        jobs.system.submit(request)
    assert "\n" not in str(caught.value).replace(str(request.directory), "")
    assert "equirements" in str(caught.value)
    assert jobs.system.find(request) == []


def test_jobs_of_which_nobody_knows_are_left_out(jobs: Condor) -> None:
    jobs.request(1, "")
    assert jobs.system.look(["999999.0"]) == {}
    jobs.system.cancel(["999999.0"])


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """The experiment file of a scan of six small points, prepared."""
    home = tmp_path / "it's a $(scan) ü"
    write_raw(home / "raw", events=200, classes=("Ele", "Pi0"))
    content = {
        "name": "small",
        "data": {"raw": "raw", "inputs": ["ECAL", "HCAL"], "prepared": "prepared/small"},
        "train": {"epochs": EPOCHS, "batch_size": 16, "early_stopping": None},
        "stream": {"workers": 0},
        "scan": {"grid": {"model.width": [4, 8, 16], "model.depth": [1, 2]}},
        "batch": {"gpus": 0, "memory": "1G", "time": "1h"},
    }
    file = home / "experiment.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    dlscan("prepare", file, "--workers", "1")
    return file


def dlscan(*arguments: object) -> str:
    command = ["python3", "-P", "-m", "dlscan", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def attempts(paths: PointPaths) -> list[dict[str, Any]]:
    return [json.loads(file.read_text()) for file in sorted(paths.attempts.glob("[0-9]*.json"))]


def epochs(point: Path) -> list[int]:
    lines = (point / "history.csv").read_text().splitlines()[1:]
    return [int(line.split(",")[0]) for line in lines]


def wait_for_epoch(number: int, point: Path) -> None:
    def reached() -> bool:
        return (point / "history.csv").exists() and len(epochs(point)) >= number

    wait_for(reached, bool)


def states(file: Path) -> dict[str, int]:
    """How many points are in which state, by `dlscan status`."""
    found: dict[str, int] = {}
    # its exit code tells of failed points
    command = ["python3", "-P", "-m", "dlscan", "status", str(file), "--json"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False).stdout
    for point in json.loads(said)["points"]:
        found[point["state"]] = found.get(point["state"], 0) + 1
    return found


def settled(found: dict[str, int]) -> bool:
    return not found.keys() & {"queued", "running"}


def numbers(record: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in record["metrics"].items() if value is not None}


def test_a_scan_through_vacate_removal_and_kill_equals_an_undisturbed_one(experiment: Path) -> None:
    dlscan("scan", experiment, "name=calm")
    calm = load(experiment, ["name=calm"]).directory

    began = time.monotonic()
    dlscan("scan", experiment, "--on", "htcondor")
    scan = load(experiment).directory
    points = sorted((scan / "points").iterdir())
    ids = json.loads((scan / "submissions.jsonl").read_text().splitlines()[-1])["ids"]
    for point in points[:3]:
        wait_for_epoch(20, point)
    condor("condor_vacate_job", ids[0])
    condor("condor_rm", ids[1])
    condor("pkill", "-9", "-f", "dlscan train .* --point 3 ")
    repeats = 0
    while wait_for(lambda: states(experiment), settled) != {"done": len(points)}:
        repeats += 1
        assert repeats < 4
        dlscan("scan", experiment, "--on", "htcondor")
    seconds = time.monotonic() - began

    outcomes = [[attempt["outcome"] for attempt in attempts(PointPaths(point))] for point in points]
    print(f"{len(points)} points, {repeats} repeats, {seconds:.0f} s, attempts {outcomes}")
    assert outcomes[0] == ["preempted", "done"]
    assert outcomes[1][-1] == outcomes[2][-1] == "done"
    assert len(outcomes[1]) == len(outcomes[2]) == 2
    for point in points:
        assert epochs(point) == list(range(1, EPOCHS + 1))
        record, expected = (
            json.loads((place / "points" / point.name / "record.json").read_text()) for place in (scan, calm)
        )
        assert numbers(record) == pytest.approx(numbers(expected), rel=1e-6)


def test_without_shared_files_points_travel_and_come_back_done(experiment: Path) -> None:
    plan = freeze(load(experiment))
    batch = BatchOptions(system="htcondor", gpus=0, options={"should_transfer_files": "YES"})
    request = Request(
        "dlscan-t", plan.directory, plan.directory / "submissions" / "0001", ((1, 2), (3,)), batch
    )
    before = [plan.paths(point).config.read_text() for point in plan.points[:3]]
    system = Named(batch)
    ids = system.submit(request)
    sandboxes = Path(condor("condor_config_val", "EXECUTE").strip())
    histories = wait_for(lambda: list(sandboxes.glob("*/0003-*/history.csv")), bool)
    wait_for_epoch(20, histories[0].parent)
    condor("condor_vacate_job", ids[1])
    job_states = wait_for(lambda: list(system.look(ids).values()), all_ended)
    logs = "\n".join(log.read_text() for log in sorted(request.directory.glob("*.log")))
    assert [job_state.words for job_state in job_states] == ["exit code 0"] * 2, logs
    assert "told to end" in logs
    assert [attempt["outcome"] for attempt in attempts(plan.paths(plan.points[2]))] == ["preempted", "done"]
    for point, config in zip(plan.points[:3], before, strict=True):
        paths = plan.paths(point)
        assert epochs(paths.directory) == list(range(1, EPOCHS + 1))
        record = json.loads(paths.record.read_text())
        assert record["dataset"]["path"] == str(load(experiment).data.prepared)
        assert paths.config.read_text() == config
        assert not list(paths.directory.glob("*.home.*"))
    assert not (plan.directory / "points" / "plan.json").exists()
