"""HTCondor without an HTCondor: whole scripts, options, ads; `make test-htcondor` has the real one."""

import dataclasses
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlscan.batch.condor_ads import job_state_in_history, job_state_in_queue, job_state_of_factory, read_ads
from dlscan.batch.condor_language import arguments
from dlscan.batch.condor_queries import these_jobs
from dlscan.batch.htcondor import HTCondor, submit_description
from dlscan.batch.sandbox import main as sandbox
from dlscan.batch.system import JobState, Request
from dlscan.config import BatchOptions
from dlscan.config.units import Duration, Size
from dlscan.errors import BatchError

from .scripts import HOSTILE, check_golden, run_script

FULL = {"gpus": 2, "cpus": 8, "memory": Size(32 * 2**30), "time": Duration(36 * 3600), "max_running": 2}


def request_for(home: Path, jobs: int = 3, **batch: object) -> Request:
    scan = home / "scans" / "demo"
    points = tuple((2 * n + 1, 2 * n + 2) for n in range(jobs))
    section = BatchOptions(system="htcondor", **batch)  # type: ignore[arg-type]
    return Request("dlscan-0a1b2c3d-4", scan, scan / "submissions" / "0004", points, section)


def script_of(request: Request) -> str:
    return HTCondor(request.batch).script(request)


def test_script_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/opt/it's mine/bin/python")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    options = {"+JobFlavour": '"tomorrow"', "accounting_group": "group_u_ATLAS", "stream_error": True}
    check_golden("htcondor.sh", script_of(request_for(HOSTILE, **FULL, options=options)))


def write_points(scan: Path, prepared: Path) -> None:
    for number in range(1, 7):
        point = scan / "points" / f"{number:04d}-width={number}"
        point.mkdir(parents=True)
        config = {"name": "demo", "data": {"raw": "/raw", "inputs": ["ECAL"], "prepared": str(prepared)}}
        (point / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    (scan / "plan.json").write_text("{}")


def test_script_that_brings_its_files_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/opt/it's mine/bin/python")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    home = tmp_path / 'it\'s "mine" $(x) ü'
    write_points(home / "scans" / "demo", home / "prepared" / "lcd $(y)")
    script = script_of(request_for(home, **FULL, options={"should_transfer_files": True}))
    check_golden("htcondor-transfer.sh", script.replace(str(tmp_path), "/data"))


def test_script_that_brings_its_files_is_shown_before_there_is_a_scan(tmp_path: Path) -> None:
    request = request_for(tmp_path, 1, options={"should_transfer_files": True})
    draft = dataclasses.replace(request, draft={1: "0001-a", 2: "0002-b"}, prepared=Path("/data/lcd"))
    assert "#CONDOR dataset = /data/lcd\n" in script_of(draft)
    assert "#CONDOR 0001-a, 0002-b\n" in script_of(draft)
    assert not list(tmp_path.iterdir())


def variant(name: str) -> str:
    return str(Path(__file__).parents[2] / "jobs" / name)


def test_variant_with_a_container_runs_python_in_it(tmp_path: Path) -> None:
    request = request_for(
        tmp_path, template=variant("htcondor-apptainer.condor"), options={"+JobFlavour": '"week"'}
    )
    script = script_of(request)
    assert "\nlaunch=(apptainer exec --nv " in script
    lines = submit_description(script).splitlines()
    assert lines.index('+JobFlavour = "week"') > lines.index('+JobFlavour = "tomorrow"')
    assert run_script(tmp_path, script_of, request, {}, ["77.0"]).job == "77.0"


def test_variant_without_shared_files_leaves_the_dataset_at_home(tmp_path: Path) -> None:
    home = tmp_path / "it's $(x)"
    write_points(home / "scans" / "demo", home / "prepared" / "lcd")
    options = {"should_transfer_files": True, "transfer_input_files": "$(scan_files), $(directories)"}
    script = script_of(request_for(home, template=variant("htcondor-lpc.condor"), options=options))
    lines = submit_description(script).splitlines()
    carried = [line for line in lines if line.startswith("transfer_input_files")]
    assert carried[-1] == "transfer_input_files = $(scan_files), $(directories)"
    assert script.index("\ndataset=$PWD/lcd\n") < script.index("dataset=${dataset:-")
    (tmp_path / "script").write_text(script)
    subprocess.run(["bash", "-n", tmp_path / "script"], check=True)


@pytest.mark.parametrize("name", ["with\nnewline", "with, comma"])
def test_what_cannot_travel_is_refused(tmp_path: Path, name: str) -> None:
    write_points(tmp_path / name / "scans" / "demo", tmp_path / "prepared")
    with pytest.raises(BatchError, match="HTCondor cannot transfer"):
        script_of(request_for(tmp_path / name, options={"should_transfer_files": "YES"}))


def test_a_job_trains_its_points_and_knows_its_id(tmp_path: Path) -> None:
    home = tmp_path / HOSTILE.relative_to("/")
    ran = run_script(home, script_of, request_for(home), {}, ["77.1"])
    assert ran.arguments == [
        *("-P", "-m", "dlscan", "train", str(home / "scans" / "demo"), "--point", "3", "4"),
        *("--stopped-exit-code", "85"),
    ]
    assert ran.job == "77.1"


def test_a_script_anywhere_is_run_with_the_jobs_id(tmp_path: Path) -> None:
    script = tmp_path / HOSTILE.relative_to("/") / "it.sh"
    script.parent.mkdir(parents=True)
    script.write_text('printf "<%s>" "$@"')
    written = arguments(str(script)).removeprefix('arguments = "').removesuffix('"')
    # as condor_submit reads it: macros, doubled quotes, and words in single quotes
    text = written.replace("$(ClusterId).$(ProcId)", "77.1").replace("$(DOLLAR)", "$").replace('""', '"')
    words, quoted, word, index = [], False, "", 0
    while index < len(text):
        if quoted and text[index : index + 2] == "''":
            word, index = word + "'", index + 2
            continue
        if text[index] == "'":
            quoted = not quoted
        elif text[index] == " " and not quoted:
            words, word = [*words, word], ""
        else:
            word += text[index]
        index += 1
    said = subprocess.run(["bash", *words, word], capture_output=True, text=True, check=True).stdout
    assert said == "<77.1>"


@pytest.mark.parametrize(
    ("batch", "expected", "absent"),
    [
        ({"gpus": 0}, ["request_cpus = 1"], ["request_gpus", "max_materialize", "allowed_job_duration"]),
        ({"gpus": 1, "memory": Size(2**20 + 1)}, ["request_gpus = 1", "request_memory = 2M"], []),
        ({"max_running": 3}, [], ["max_materialize"]),
        ({"max_running": 2, "time": Duration(90)}, ["max_materialize = 2", "allowed_job_duration = 90"], []),
    ],
)
def test_resources_become_commands(batch: dict[str, Any], expected: list[str], absent: list[str]) -> None:
    lines = submit_description(script_of(request_for(Path("/data"), **batch))).splitlines()
    assert set(expected) <= set(lines)
    assert not [line for line in lines for word in absent if line.startswith(word)]
    assert lines[-1] == "queue 3"


def test_options_come_last_and_so_count() -> None:
    request = request_for(Path("/data"), options={"checkpoint_exit_code": 77, "request_cpus": 2})
    lines = submit_description(script_of(request)).splitlines()
    assert lines.index("checkpoint_exit_code = 77") > lines.index("checkpoint_exit_code = 85")
    assert lines.index("request_cpus = 2") > lines.index("request_cpus = 1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"request_gpu": 1}, "did you mean 'request_gpus'"),
        ({"Executable": "x"}, "dlscan sets it"),
        ({"+Max Time": 1}, "no such command"),
        ({"requirements": ["a"]}, "must be text"),
        ({"requirements": "a\nqueue 100"}, "must be on one line"),
    ],
)
def test_a_bad_option_is_an_error_before_anything_is_asked(options: dict[str, object], message: str) -> None:
    with pytest.raises(BatchError, match=message):
        HTCondor(BatchOptions()).check(BatchOptions(options=options))


HELD_FOR_TIME = {"JobStatus": 5, "HoldReasonCode": 46, "HoldReason": "too long", "ExitBySignal": False}


@pytest.mark.parametrize(
    ("ad", "job_state"),
    [
        ({"JobStatus": 1}, JobState("queued", "", "idle")),
        ({"JobStatus": 2, "RemoteHost": "slot1_2@node7"}, JobState("running", "", "running", "node7")),
        ({"JobStatus": 6, "RemoteHost": "node7"}, JobState("running", "", "running", "node7")),
        (
            {"JobStatus": 5, "HoldReason": "no disk", "HoldReasonCode": 13},
            JobState("queued", "", "held: no disk"),
        ),
        (
            {"JobStatus": 5, "HoldReason": "memory usage exceeded request_memory", "HoldReasonCode": 34},
            JobState("ended", "oom", "held: memory usage exceeded request_memory"),
        ),
        (
            {"JobStatus": 5, "HoldReason": "disk usage exceeded request_disk", "HoldReasonCode": 34},
            JobState("queued", "", "held: disk usage exceeded request_disk"),
        ),
        ({**HELD_FOR_TIME, "ExitCode": 85}, JobState("ended", "timeout", "held: too long")),
        (
            {**HELD_FOR_TIME, "ExitCode": 85, "PeriodicRelease": "/Expr(x)/"},
            JobState("queued", "", "held: too long; HTCondor releases it by itself"),
        ),
        ({**HELD_FOR_TIME, "PeriodicRelease": "/Expr(x)/"}, JobState("ended", "timeout", "held: too long")),
        ({"JobStatus": 4, "ExitCode": 0, "ExitBySignal": False}, JobState("ended", "done", "exit code 0")),
    ],
)
def test_ads_in_the_queue(ad: dict[str, Any], job_state: JobState) -> None:
    assert job_state_in_queue(ad) == job_state


@pytest.mark.parametrize(
    ("ad", "job_state"),
    [
        (
            {"JobStatus": 4, "ExitCode": 1, "LastRemoteHost": "s@n"},
            JobState("ended", "failed", "exit code 1", "n"),
        ),
        (
            {"JobStatus": 4, "ExitBySignal": True, "ExitSignal": 11},
            JobState("ended", "failed", "killed by signal 11"),
        ),
        ({"JobStatus": 3, "RemoveReason": "by user"}, JobState("ended", "cancelled", "removed: by user")),
        (
            {
                "JobStatus": 3,
                "RemoveReason": "The job attribute PeriodicRemove expression ... evaluated to TRUE",
                "LastHoldReasonCode": 46,
                "LastHoldReason": "too long",
            },
            JobState("ended", "timeout", "held: too long"),
        ),
        (
            {"JobStatus": 3, "RemoveReason": "by user", "LastHoldReasonCode": 46},
            JobState("ended", "cancelled", "removed: by user"),
        ),
    ],
)
def test_ads_in_the_history(ad: dict[str, Any], job_state: JobState) -> None:
    assert job_state_in_history(ad) == job_state


def test_jobs_that_a_factory_has_still_to_make_are_queued() -> None:
    ad = {"JobMaterializeNextProcId": 3, "TotalSubmitProcs": 5, "JobMaterializeLimit": 2}
    job_states = [job_state_of_factory(ad, number) for number in (2, 3, 4, 5)]
    assert job_states == [
        None,
        *[JobState("queued", "", "waiting for one of 2 slots (batch.max_running)")] * 2,
        None,
    ]


def test_nothing_is_an_answer_and_noise_is_none() -> None:
    assert read_ads("") == []
    with pytest.raises(BatchError, match="not JSON"):
        read_ads("Failed to fetch ads\n")


def test_jobs_are_asked_for_in_intervals() -> None:
    constraint, count = these_jobs({(1, 0), (1, 1), (1, 2), (1, 5), (2, 7)}, {1: "a", 2: "b"})
    assert constraint == (
        '(ClusterId == 1 && JobBatchName == "a" && '
        "(ProcId >= 0 && ProcId <= 2 || ProcId >= 5 && ProcId <= 5)) || "
        '(ClusterId == 2 && JobBatchName == "b" && (ProcId >= 7 && ProcId <= 7))'
    )
    assert count == 5


def test_a_question_about_thousands_of_scattered_jobs_fits_a_command_line() -> None:
    constraint, count = these_jobs({(1, number) for number in range(0, 20_000, 2)}, {1: "a"})
    assert len(constraint) < 200
    assert count == 19_999


def stand_in(directory: Path, name: str, script: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(f"#!/bin/bash\n{script}\n")
    (directory / name).chmod(0o755)


def test_a_schedd_that_cannot_limit_running_jobs_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(
        tmp_path / "bin", "condor_submit", "echo 'ERROR: Late materialization is not allowed' >&2; exit 1"
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    request = request_for(tmp_path, max_running=1)
    request.scan.mkdir(parents=True)
    with pytest.raises(BatchError, match=r"Late materialization is not allowed; .* unset batch\.max_running"):
        HTCondor(request.batch).submit(request)


def test_look_invents_nothing_when_the_queue_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path / "bin", "condor_q", "echo 'Failed to connect to schedd' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(BatchError, match="Failed to connect"):
        HTCondor(BatchOptions()).look({"1.0": "dlscan-0a1b2c3d-4"})


SCHEDD = "-- Schedd: head.uni.de : <10.0.0.1:9618?... @ 11/29/26 05:00:00"


@pytest.mark.parametrize(
    ("queue", "message"),
    [
        ("exit 0", "`condor_q` gave an unexpected answer: nothing"),
        ("echo 'Welcome to this site'", "not JSON"),
        ("echo 5", "not a list of jobs"),
        ("""echo '[{"JobStatus": 1}]'""", "not a list of jobs"),
        (f"case $* in *totals) echo '{SCHEDD}';; esac", ""),
    ],
)
def test_jobs_are_gone_only_if_a_schedd_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, queue: str, message: str
) -> None:
    stand_in(tmp_path / "bin", "condor_q", queue)
    stand_in(tmp_path / "bin", "condor_history", "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    request = request_for(tmp_path)
    if message:
        for ask in (
            lambda: HTCondor(BatchOptions()).look({"1.0": request.tag}),
            lambda: HTCondor(BatchOptions()).find(request),
        ):
            with pytest.raises(BatchError, match=message):
                ask()
    else:
        assert HTCondor(BatchOptions()).look({"1.0": request.tag}) == {}
        assert HTCondor(BatchOptions()).find(request) == []
        assert HTCondor(BatchOptions()).cluster() == "head.uni.de"


def test_id_of_another_system_is_an_error() -> None:
    with pytest.raises(BatchError, match="'12_1' is not an HTCondor job id"):
        HTCondor(BatchOptions()).look({"12_1": "dlscan-0a1b2c3d-4"})


def test_a_point_in_a_sandbox_reads_its_dataset_there_and_goes_home_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_points(tmp_path, Path("/home/of/lcd"))
    point = tmp_path / "points" / "0002-width=2"
    config = (point / "config.yaml").read_text()
    monkeypatch.chdir(tmp_path)
    for _ in range(2):  # a job that was killed in between does it again
        assert sandbox(["there", "lcd", str(point)]) == 0
        there = yaml.safe_load((tmp_path / "scan" / "points" / point.name / "config.yaml").read_text())
        assert there["data"]["prepared"] == str(tmp_path / "lcd")
    (point / "record.json").write_text(
        json.dumps({"dataset": {"path": str(tmp_path / "lcd"), "config_hash": "x"}})
    )
    assert sandbox(["home", str(point)]) == 0
    assert (point / "config.yaml").read_text() == config
    assert json.loads((point / "record.json").read_text())["dataset"] == {
        "path": "/home/of/lcd",
        "config_hash": "x",
    }
    assert sorted(file.name for file in point.iterdir()) == ["config.yaml", "record.json"]


def test_a_template_without_options_is_an_error(tmp_path: Path) -> None:
    template = tmp_path / "mine.sh"
    template.write_text("#!/bin/bash\n@train@\n")
    with pytest.raises(BatchError, match=r"mine\.sh: has no line @options@"):
        script_of(request_for(tmp_path, template=str(template)))
