"""PBS without a PBS: whole scripts, run as far as bash goes, and answers as the manuals have them."""

import os
import subprocess
from pathlib import Path

import pytest

from dlscan.batch.pbs import PBS, dialect_of
from dlscan.batch.pbs_states import is_called, job_state, plain_id, read_jobs
from dlscan.batch.system import JobState, Request
from dlscan.config import BatchOptions
from dlscan.config.units import Duration, Size
from dlscan.errors import BatchError

from .scripts import HOSTILE, check_golden, run_script

FULL = {"gpus": 2, "cpus": 8, "memory": Size(32 * 2**30), "time": Duration(36 * 3600), "max_running": 20}


def request_for(home: Path, options: dict[str, object], jobs: int = 3, **batch: object) -> Request:
    scan = home / "scans" / "demo"
    points = tuple((2 * n + 1, 2 * n + 2) for n in range(jobs))
    section = BatchOptions(system="pbs", options=options, **batch)  # type: ignore[arg-type]
    return Request("dlscan-0a1b2c3d-4", scan, scan / "submissions" / "0004", points, section)


def named(*jobs: str) -> dict[str, str]:
    """Jobs as they are asked about: each with the name of its submission."""
    return dict.fromkeys(jobs, "dlscan-0a1b2c3d-4")


@pytest.mark.parametrize("dialect", ["openpbs", "torque"])
def test_script_as_a_whole(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/opt/it's mine/bin/python")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    request = request_for(HOSTILE, {"dialect": dialect, "queue": "gpu", "account": "atlas"}, **FULL)
    check_golden(f"{dialect}.sh", PBS(request.batch).script(request))


@pytest.mark.parametrize(
    ("environment", "job", "points"),
    [
        ({"PBS_JOBID": "77[2].head.uni.de", "PBS_ARRAY_INDEX": "2"}, "77[2]", ["3", "4"]),
        ({"PBS_JOBID": "77[2].head", "PBS_ARRAYID": "2"}, "77[2]", ["3", "4"]),
        ({"PBS_JOBID": "77-2.head", "PBS_ARRAYID": "2"}, "77[2]", ["3", "4"]),
        ({"PBS_JOBID": "77.head"}, "77", ["1", "2"]),
    ],
)
def test_a_job_trains_its_points_and_knows_its_id(
    tmp_path: Path, environment: dict[str, str], job: str, points: list[str]
) -> None:
    home = tmp_path / HOSTILE.relative_to("/")
    ran = run_script(
        home, lambda scan: PBS(scan.batch).script(scan), request_for(home, {"dialect": "torque"}), environment
    )
    assert ran.arguments == ["-P", "-m", "dlscan", "train", str(home / "scans" / "demo"), "--point", *points]
    assert ran.job == job


def test_gpus_that_torque_lists_are_made_visible(tmp_path: Path) -> None:
    listed = tmp_path / "gpus"
    listed.write_text("node1-gpu2\nnode1-gpu3\n")
    request = request_for(tmp_path, {"dialect": "torque"})
    environment = {"PBS_JOBID": "77[1].head", "PBS_ARRAYID": "1", "PBS_GPUFILE": str(listed)}
    ran = run_script(tmp_path, lambda scan: PBS(scan.batch).script(scan), request, environment)
    assert ran.gpus == "2,3"


@pytest.mark.parametrize(
    ("dialect", "options", "expected", "absent"),
    [
        (
            "openpbs",
            {},
            ["-J 1-3", "-l select=1:ncpus=8:ngpus=2:mem=32768mb", "-l walltime=36:00:00"],
            ["-t "],
        ),
        ("torque", {}, ["-t 1-3%20", "-l nodes=1:ppn=8:gpus=2", "-l mem=32768mb"], ["-J ", "select"]),
        (
            "openpbs",
            {"l": ["select=1:ncpus=4:gpu=1"]},
            ["-l select=1:ncpus=4:gpu=1", "-l walltime=36:00:00"],
            ["ngpus"],
        ),
        (
            "openpbs",
            {"resources": "nodes=1:ppn=4,walltime=1:00:00"},
            ["-l nodes=1:ppn=4,walltime=1:00:00"],
            ["select", "36:"],
        ),
        ("torque", {"queue": "gpu7", "V": True, "m": False}, ["-q gpu7", "-V"], ["-m", "True"]),
        ("torque", {"rerun": "n"}, ["-r n"], ["-r y"]),
    ],
)
def test_options_take_the_place_of_what_dlscan_would_ask(
    dialect: str, options: dict[str, object], expected: list[str], absent: list[str]
) -> None:
    request = request_for(Path("/data"), {"dialect": dialect, **options}, **FULL)
    lines = [line.removeprefix("#PBS ") for line in PBS(request.batch).script(request).splitlines()]
    lines = lines[: lines.index("")]
    assert set(expected) <= set(lines)
    assert not [line for line in lines for word in absent if word in line]


def test_one_job_is_no_array() -> None:
    request = request_for(Path("/data"), {"dialect": "openpbs"}, jobs=1)
    script = PBS(request.batch).script(request)
    assert "#PBS -J" not in script


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quue": "gpu"}, "did you mean 'queue'"),
        ({"J": "1-3"}, r"-J is set by dlscan; use batch\.max_running"),
        ({"queue": {"a": 1}}, "must be text, a number"),
        ({"queue": "gpu\n#PBS -q other"}, "must be on one line"),
        ({"dialect": "lsf"}, "must be one of openpbs, torque"),
    ],
)
def test_a_bad_option_is_an_error_before_anything_is_asked(options: dict[str, object], message: str) -> None:
    with pytest.raises(BatchError, match=message):
        PBS(BatchOptions()).check(BatchOptions(options=options))


@pytest.mark.parametrize(
    ("version", "dialect"),
    [
        ("pbs_version = 20.0.1\n", "openpbs"),
        ("pbs_version = PBSPro_13.1.0.160576\n", "openpbs"),
        ("Version: 6.1.2\nCommit: 661e092552de43a785c15d39a3634a541d86898e\n", "torque"),
        ("version: 2.5.13\n", "torque"),
    ],
)
def test_dialect_is_told_by_the_version(version: str, dialect: str) -> None:
    assert dialect_of(version) == dialect


# as `qstat -f` prints them by the manuals of OpenPBS 20 and Torque 6: a long value goes on after a tab
OPENPBS = """Job Id: 1235[1].head
    Job_Name = dlscan-0a1b2c3d-4
    Job_Owner = me@head.uni.de
    job_state = R
    queue = gpu
    exec_host = node3/0*8
    Variable_List = PBS_O_HOME=/home/me,PBS_O_LANG=C,PBS_O_PATH=/usr/local/bin:/usr/
\tbin:/bin,PBS_O_WORKDIR=/,job_state = F
    comment = Job run at Fri Nov 20 at 18:11 on (node3:ncpus=8:ngpus=1)
    run_count = 1

Job Id: 1235[2].head
    Job_Name = dlscan-0a1b2c3d-4
    job_state = X
    exec_host = node4/0*8
    comment = Subjob finished
    Exit_status = 0

Job Id: 1235[3].head
    Job_Name = dlscan-0a1b2c3d-4
    job_state = X
    comment = Job run at Fri Nov 20 at 18:11 on (node3:ncpus=8) and failed
    Exit_status = -29

Job Id: 1235[4].head
    Job_Name = dlscan-0a1b2c3d-4
    job_state = Q
    comment = Not Running: Insufficient amount of resource: ngpus

Job Id: 1235[5].head
    Job_Name = dlscan-0a1b2c3d-4
    job_state = X
    Exit_status = -27

Job Id: 1235[6].head
    Job_Name = dlscan-0a1b2c3d-4
    job_state = F
    Exit_status = 271
"""
TORQUE = """Job Id: 88[1].server.uni.de
    Job_Name = dlscan-0a1b2c3d-4-1
    Job_Owner = me@server.uni.de
    resources_used.walltime = 00:10:33
    job_state = C
    queue = batch
    exec_host = gpu1/0+gpu1/1
    exit_status = 0

Job Id: 88[2].server.uni.de
    Job_Name = dlscan-0a1b2c3d-4-2
    job_state = C
    exec_host = gpu2/0
    exit_status = -11

Job Id: 88[3].server.uni.de
    Job_Name = dlscan-0a1b2c3d-4-3
    job_state = C
    exec_host = gpu2/0
    exit_status = 265

Job Id: 88[4].server.uni.de
    Job_Name = dlscan-0a1b2c3d-4-4
    job_state = H
"""


def test_openpbs_jobs_are_read() -> None:
    seen = {job: job_state(attributes) for job, attributes in read_jobs(OPENPBS)}
    assert seen == {
        "1235[1]": JobState("running", "", "running", "node3"),
        "1235[2]": JobState("ended", "done", "exit code 0", "node4"),
        "1235[3]": JobState(
            "ended",
            "timeout",
            "exceeded its walltime (Job run at Fri Nov 20 at 18:11 on (node3:ncpus=8) and failed)",
        ),
        "1235[4]": JobState("queued", "", "queued (Not Running: Insufficient amount of resource: ngpus)"),
        "1235[5]": JobState("ended", "oom", "exceeded its memory"),
        "1235[6]": JobState("ended", "cancelled", "killed by signal 15"),
    }


def test_torque_jobs_are_read() -> None:
    assert {job: job_state(attributes) for job, attributes in read_jobs(TORQUE)} == {
        "88[1]": JobState("ended", "done", "exit code 0", "gpu1"),
        "88[2]": JobState("ended", "timeout", "exceeded its walltime", "gpu2"),
        "88[3]": JobState("ended", "failed", "killed by signal 9", "gpu2"),
        "88[4]": JobState("queued", "", "held"),
    }


def test_ids_lose_their_server() -> None:
    assert [plain_id(name) for name in ("1[].h.de", "1[7].h", "1-7.h", "12.h")] == [
        "1[]",
        "1[7]",
        "1[7]",
        "12",
    ]


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for stand-ins of PBS's commands, first in the search path."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    return directory


def stand_in(directory: Path, name: str, script: str) -> None:
    (directory / name).write_text(f"#!/bin/bash\n{script}\n")
    (directory / name).chmod(0o755)


def test_submit_hands_the_script_over_and_learns_the_ids(tmp_path: Path, commands: Path) -> None:
    stand_in(commands, "qsub", f"cat >{tmp_path}/got; pwd >{tmp_path}/where; echo '901[].head.uni.de'")
    request = request_for(tmp_path / "a\nb", {"dialect": "torque"})
    request.scan.mkdir(parents=True)
    system = PBS(request.batch)
    assert system.submit(request) == ["901[1]", "901[2]", "901[3]"]
    assert (
        (tmp_path / "got").read_text() == (request.directory / "pbs.sh").read_text() == system.script(request)
    )
    assert (request.directory / "jobs.txt").read_text() == "1 2\n3 4\n5 6\n"
    assert (tmp_path / "where").read_text() == "/\n"


def test_look_asks_array_by_array_and_without_a_history_too(tmp_path: Path, commands: Path) -> None:
    (tmp_path / "said").write_text(OPENPBS)
    stand_in(
        commands,
        "qstat",
        f"""case "$*" in
*-x*) echo 'qstat: PBS is not configured to maintain job history' >&2; exit 1 ;;
*'1235[]') cat {tmp_path}/said ;;
*) echo "qstat: Unknown Job Id ${{@: -1}}" >&2; exit 153 ;;
esac""",
    )
    system = PBS(BatchOptions(options={"dialect": "openpbs"}))
    seen = system.look(named("1235[1]", "1235[2]", "1235[9]", "77"))
    assert {job: one.phase for job, one in seen.items()} == {"1235[1]": "running", "1235[2]": "ended"}


def test_look_invents_nothing_when_pbs_does_not_answer(commands: Path) -> None:
    stand_in(commands, "qstat", "echo 'Connection refused' >&2; exit 15")
    with pytest.raises(BatchError, match="Connection refused"):
        PBS(BatchOptions(options={"dialect": "torque"})).look(named("88[1]"))


def test_cancelling_what_has_ended_is_no_error(tmp_path: Path, commands: Path) -> None:
    stand_in(commands, "qdel", "echo 'qdel: Request invalid for state of job 1235[2]' >&2; exit 1")
    (tmp_path / "said").write_text(OPENPBS)
    stand_in(commands, "qstat", f"cat {tmp_path}/said")
    system = PBS(BatchOptions(options={"dialect": "openpbs"}))
    system.cancel(named("1235[2]", "1235[3]"))
    with pytest.raises(BatchError, match="Request invalid"):
        system.cancel(named("1235[1]", "1235[2]"))


def test_find_reads_the_number_from_any_of_the_jobs(commands: Path) -> None:
    stand_in(commands, "qselect", "[ \"$*\" = '-N dlscan-0a1b2c3d-4' ] && echo '88[1].server'")
    request = request_for(Path("/data"), {"dialect": "torque"})
    assert PBS(request.batch).find(request) == ["88[1]", "88[2]", "88[3]"]


@pytest.mark.parametrize(
    ("said", "most"), [("    max_array_size = 10000", 10000), ("    max_job_array_size = 50", 50), ("", None)]
)
def test_limit_of_an_array_is_the_servers(commands: Path, said: str, most: int | None) -> None:
    stand_in(commands, "qstat", f"echo 'Server: head'; echo '{said}'")
    assert PBS(BatchOptions()).most_jobs() == most


@pytest.mark.parametrize(("queue", "gpu"), [("gpu3", "3"), ("lecture-gpu12", "12")])
def test_variant_with_a_queue_for_each_gpu_takes_the_gpu_of_its_queue(
    tmp_path: Path, queue: str, gpu: str
) -> None:
    template = Path(__file__).parents[2] / "jobs" / "pbs-gpu-queues.pbs"
    options = {"dialect": "torque", "queue": "gpu"}
    request = request_for(tmp_path, options, template=str(template), gpus=0)
    environment = {"PBS_JOBID": "77[1].head", "PBS_ARRAYID": "1", "PBS_QUEUE": queue, "HOME": "/home/me"}
    ran = run_script(tmp_path, lambda scan: PBS(scan.batch).script(scan), request, environment)
    assert ran.gpus == gpu
    assert "#PBS -q gpu\n" in PBS(request.batch).script(request)


def test_a_script_is_bash_that_parses(tmp_path: Path) -> None:
    request = request_for(HOSTILE, {"dialect": "openpbs"})
    script = tmp_path / "script"
    script.write_text(PBS(request.batch).script(request))
    subprocess.run(["bash", "-n", script], check=True)


def test_a_template_without_options_is_an_error(tmp_path: Path) -> None:
    template = tmp_path / "mine.sh"
    template.write_text("#!/bin/bash\n@train@\n")
    with pytest.raises(BatchError, match=r"mine\.sh: has no line @options@"):
        PBS(BatchOptions()).script(request_for(tmp_path, {"dialect": "torque"}, template=str(template)))


@pytest.mark.parametrize("answer", ["exit 0", "echo 'Welcome to this site'", "echo 'Job Id: 99.head'"])
def test_a_sentence_is_no_answer(commands: Path, answer: str) -> None:
    stand_in(commands, "qstat", answer)
    with pytest.raises(BatchError, match="`qstat` gave an unexpected answer"):
        PBS(BatchOptions(options={"dialect": "torque"})).look(named("88[1]"))


@pytest.mark.parametrize("dialect", ["torque", "openpbs"])
def test_job_of_the_same_number_and_another_name_is_no_answer(
    tmp_path: Path, commands: Path, dialect: str
) -> None:
    (tmp_path / "said").write_text("Job Id: 88[1].head\n    Job_Name = reco-1\n    job_state = R\n")
    stand_in(commands, "qstat", f"cat {tmp_path}/said")
    with pytest.raises(BatchError, match=r"job 88\[1\] is called 'reco-1' here"):
        PBS(BatchOptions(options={"dialect": dialect})).look(named("88[1]"))


@pytest.mark.parametrize(
    ("qselect", "qstat", "message"),
    [
        ("exit 0", "echo Server: head.uni.de", ""),
        ("exit 0", "exit 0", "`qstat -B -f` gave an unexpected answer"),
        ("echo 'Welcome to this site'", "echo Server: head.uni.de", "`qselect` gave an unexpected answer"),
    ],
)
def test_submission_is_absent_only_if_the_server_says_so(
    commands: Path, qselect: str, qstat: str, message: str
) -> None:
    stand_in(commands, "qselect", qselect)
    stand_in(commands, "qstat", qstat)
    request = request_for(Path("/data"), {"dialect": "torque"})
    if message:
        with pytest.raises(BatchError, match=message):
            PBS(request.batch).find(request)
    else:
        assert PBS(request.batch).find(request) == []
        assert PBS(request.batch).cluster() == "head.uni.de"


def test_id_of_another_system_is_an_error(commands: Path) -> None:
    with pytest.raises(BatchError, match="'-W' is not a PBS job id"):
        PBS(BatchOptions(options={"dialect": "torque"})).look(named("-W"))


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("dlscan-0a1b2c3d-4", True),
        ("dlscan-0a1b2c3d-4-7", True),
        ("dlscan-0a1b2c3d", True),
        ("dlscan-0a1b2c3e-4", False),
        ("dlscan", False),
        ("", False),
    ],
)
def test_a_job_is_known_by_its_name(name: str, own: bool) -> None:
    assert is_called({"Job_Name": name}, "dlscan-0a1b2c3d-4") == own
