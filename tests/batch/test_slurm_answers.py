"""Slurm's commands when they lie, refuse, or do not answer: scripts of their names, run for real."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dlscan.batch import Request, slurm_queries, system
from dlscan.batch.call import CallError
from dlscan.batch.call import call as real_call
from dlscan.batch.slurm import Slurm
from dlscan.config import BatchOptions
from dlscan.errors import BatchError

Commands = Callable[..., Path]

CONFIG = (
    "echo 'ClusterName = linz'; echo 'MaxArraySize = 1001'; "
    "echo 'AccountingStorageType = accounting_storage/{}'; echo 'GresTypes = {}'"
)
RUNNING = "echo 'JobId=13 ArrayJobId=12 ArrayTaskId=1 JobName=dlscan-x-1 JobState=RUNNING BatchHost=node1'"
INVALID = "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1"
DEAD = "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1"


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Make commands that run a line of shell and note that they were called; `scontrol` as for `jobs`."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    monkeypatch.setenv("PATH", f"{bin_}:/usr/bin:/bin")
    monkeypatch.setattr(
        slurm_queries, "call", lambda command, **options: real_call(command, **{**options, "wait": 0.01})
    )

    def make(accounting: str = "none", gres: str = "gpu", jobs: str = "false", **lines: str) -> Path:
        scontrol = f'case "$2" in config) {CONFIG.format(accounting, gres)};; *) {jobs};; esac'
        for name, line in {"scontrol": scontrol, **lines}.items():
            file = bin_ / name
            file.write_text(f'#!/bin/bash\necho "{name} $*" >> {tmp_path}/calls\n{line}\n')
            file.chmod(0o755)
        return tmp_path / "calls"

    return make


def named(*jobs: str) -> dict[str, str]:
    """Jobs as they are asked about: each with the name of its submission."""
    return dict.fromkeys(jobs, "dlscan-x-1")


def request(tmp_path: Path, jobs: int = 2, **batch: object) -> Request:
    return Request(
        "dlscan-x-1", tmp_path, tmp_path / "submissions/0001", ((1,),) * jobs, BatchOptions(**batch)
    )


def test_empty_answer_is_not_believed_if_the_controller_knows_the_job(commands: Commands) -> None:
    commands(squeue="exit 0", jobs=RUNNING)
    assert Slurm(BatchOptions()).look(named("12_1"))["12_1"].phase == "running"


def test_failing_squeue_is_asked_again_and_replaced(commands: Commands) -> None:
    calls = commands(squeue=DEAD, jobs=RUNNING)
    assert Slurm(BatchOptions()).look(named("12_1"))["12_1"].phase == "running"
    assert calls.read_text().count("squeue") == 2


def test_squeue_that_answers_in_the_end_is_enough(commands: Commands, tmp_path: Path) -> None:
    once = f"[ -e {tmp_path}/once ] || {{ touch {tmp_path}/once; {DEAD}; }}"
    calls = commands(squeue=f"{once}; echo '12|1|RUNNING|node1|dlscan-x-1|None'")
    assert Slurm(BatchOptions()).look(named("12_1"))["12_1"].host == "node1"
    assert "scontrol" not in calls.read_text()


def test_job_is_gone_only_if_the_controller_says_so(commands: Commands) -> None:
    commands(squeue=INVALID, jobs=INVALID)
    assert Slurm(BatchOptions()).look(named("12_1")) == {}


@pytest.mark.parametrize("squeue", [DEAD, "exit 0", INVALID, "echo garbage", "echo '12|1'"])
def test_controller_that_cannot_confirm_is_an_error(commands: Commands, squeue: str) -> None:
    commands(squeue=squeue, jobs=DEAD)
    with pytest.raises(BatchError, match="Unable to contact slurm controller"):
        Slurm(BatchOptions()).look(named("12_1"))


def test_hanging_squeue_is_killed(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        slurm_queries,
        "call",
        lambda command, **options: real_call(command, **{**options, "seconds": 0.5, "wait": 0}),
    )
    commands(squeue="sleep 1000", jobs=RUNNING)
    assert Slurm(BatchOptions()).look(named("12_1"))["12_1"].phase == "running"


def test_accounting_tells_of_jobs_that_the_controller_forgot(commands: Commands) -> None:
    sacct = "echo '12_1|OUT_OF_MEMORY|0:125|node1|dlscan-x-1'; echo '12_2|RUNNING|0:0|node1|dlscan-x-1'"
    commands(accounting="slurmdbd", squeue=INVALID, sacct=sacct, jobs=INVALID)
    seen = Slurm(BatchOptions()).look(named("12_1", "12_2"))
    assert {job: job_state.reason for job, job_state in seen.items()} == {"12_1": "oom"}


def test_controller_is_believed_before_the_accounting_where_squeue_failed(commands: Commands) -> None:
    commands(
        accounting="slurmdbd", squeue=DEAD, sacct="echo '12_1|NODE_FAIL|0:0|node1|dlscan-x-1'", jobs=RUNNING
    )
    assert Slurm(BatchOptions()).look(named("12_1"))["12_1"].phase == "running"


def test_failing_accounting_is_no_obstacle(commands: Commands) -> None:
    commands(accounting="slurmdbd", squeue=INVALID, sacct="exit 1", jobs=INVALID)
    assert Slurm(BatchOptions()).look(named("12_1")) == {}


def test_accounting_that_is_off_is_not_asked(commands: Commands) -> None:
    calls = commands(squeue="exit 0", sacct="exit 1", jobs=INVALID)
    assert Slurm(BatchOptions()).look(named("12_1")) == {}
    assert "sacct" not in calls.read_text()


def test_one_question_serves_all_jobs(commands: Commands) -> None:
    calls = commands(squeue='for n in $(seq 3); do echo "$n|1|PENDING||dlscan-x-1|Priority"; done')
    assert len(Slurm(BatchOptions()).look(named("1_1", "2_1", "3_1"))) == 3
    assert calls.read_text().count("\n") == 1


def test_empty_answer_is_confirmed_before_a_submission_counts_as_absent(
    commands: Commands, tmp_path: Path
) -> None:
    commands(squeue="exit 0", jobs=RUNNING)
    assert Slurm(BatchOptions()).find(request(tmp_path)) == ["12_1", "12_2"]
    commands(squeue="exit 0", jobs=DEAD)
    with pytest.raises(BatchError):
        Slurm(BatchOptions()).find(request(tmp_path))
    commands(squeue="exit 0", jobs="echo No jobs in the system")
    assert Slurm(BatchOptions()).find(request(tmp_path)) == []


def test_controller_that_says_nothing_at_all_has_not_answered(commands: Commands, tmp_path: Path) -> None:
    commands(squeue="exit 0", jobs="exit 0")
    with pytest.raises(BatchError, match="`scontrol` gave an unexpected answer: nothing"):
        Slurm(BatchOptions()).look(named("12_1"))
    with pytest.raises(BatchError, match="`scontrol` gave an unexpected answer: nothing"):
        Slurm(BatchOptions()).find(request(tmp_path))


def test_submission_is_tried_once_and_its_answer_read(commands: Commands, tmp_path: Path) -> None:
    calls = commands(sbatch="echo 'Welcome to this site'; echo '12;cluster'")
    assert Slurm(BatchOptions()).submit(request(tmp_path)) == ["12_1", "12_2"]
    calls.unlink()
    commands(sbatch="echo 'Socket timed out on send/recv operation' >&2; exit 1")
    with pytest.raises(CallError, match="timed out") as caught:
        Slurm(BatchOptions()).submit(request(tmp_path))
    assert caught.value.silent
    assert calls.read_text().count("sbatch") == 1


@pytest.mark.parametrize("answer", ["", "Submitted", "12_1"])
def test_submission_without_a_number_is_an_error(commands: Commands, tmp_path: Path, answer: str) -> None:
    commands(sbatch=f"echo '{answer}'")
    with pytest.raises(BatchError, match="did not print a job id"):
        Slurm(BatchOptions()).submit(request(tmp_path))


def test_limit_of_the_site_is_told_with_the_way_out(commands: Commands, tmp_path: Path) -> None:
    words = (
        "sbatch: error: AssocMaxSubmitJobLimit\\nsbatch: error: Batch job submission failed: Job violates "
        "accounting/QOS policy (job submit limit, user's size and/or time limits)"
    )
    commands(sbatch=f'printf "{words}" >&2; exit 1')
    with pytest.raises(
        BatchError, match=r"job submit limit.*.*does not let you submit 2 jobs at once.*models_per_job"
    ):
        Slurm(BatchOptions()).submit(request(tmp_path))


def test_jobs_that_sbatch_refused_are_not_taken_though_slurm_shows_them(
    commands: Commands, tmp_path: Path
) -> None:
    no = "Batch job submission failed: Requested node configuration is not available"
    array = "JobId=12 ArrayJobId=12 ArrayTaskId=1-2 JobName=dlscan-x-1"
    commands(
        accounting="slurmdbd",
        sbatch=f"echo '{no}' >&2; exit 1",
        squeue='for n in 1 2; do echo "12|$n|FAILED|n/a|dlscan-x-1|BadConstraints"; done',
        jobs=f"echo '{array} JobState=FAILED Reason=BadConstraints ExitCode=0:1'",
        sacct="echo '12_1|FAILED|0:1|None assigned|dlscan-x-1'",
    )
    with pytest.raises(CallError, match=r"not available; no node here has .*: change batch.gpus, batch.mem"):
        Slurm(BatchOptions()).submit(request(tmp_path))
    assert Slurm(BatchOptions()).find(request(tmp_path)) == []


def test_variables_do_not_overrule_what_is_written(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("SBATCH_PARTITION", "SBATCH_TIMELIMIT", "SBATCH_ACCOUNT", "SLURM_MEM_PER_CPU", "SQUEUE_FORMAT")
    for name in (*names, "SLURM_CONF", "DLSCAN_JOB"):
        monkeypatch.setenv(name, "x")
    commands(sbatch=f"env > {tmp_path}/env; echo 12")
    Slurm(BatchOptions()).submit(request(tmp_path, options={"partition": "gpu"}, time=60.0))
    left = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert {"SLURM_CONF", "SBATCH_ACCOUNT"} <= left
    assert not left & {
        "SBATCH_PARTITION",
        "SBATCH_TIMELIMIT",
        "SLURM_MEM_PER_CPU",
        "SQUEUE_FORMAT",
        "DLSCAN_JOB",
    }


def test_slurm_without_gpus_is_told_so(commands: Commands) -> None:
    commands(gres="(null)", sbatch="echo '  -p, --partition=x'; echo '      --gres=list'")
    with pytest.raises(BatchError, match=r"this Slurm has no GPUs .*; set it to 0"):
        Slurm(BatchOptions()).check(BatchOptions(gpus=1))
    Slurm(BatchOptions()).check(BatchOptions(gpus=0))
    Slurm(BatchOptions()).check(BatchOptions(gpus=1, options={"gres": "tpu:1"}))


def test_machine_without_slurm_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BatchError, match="`sbatch` cannot be run here"):
        Slurm(BatchOptions()).check(BatchOptions())


@pytest.mark.parametrize(
    ("line", "harmless"),
    [
        ("scancel: error: Kill job error on job id 12_1: Invalid job id specified", True),
        ("scancel: error: Kill job error on job id 12_1: Job/step already completing or completed", True),
        ("scancel: error: Kill job error on job id 12_1: Access/permission denied", False),
    ],
)
def test_jobs_that_have_ended_are_no_error_to_cancel(commands: Commands, line: str, harmless: bool) -> None:
    commands(scancel=f"echo '{line}' >&2; exit 1")
    if harmless:
        Slurm(BatchOptions()).cancel(named("12_1"))
    else:
        with pytest.raises(BatchError, match="Access/permission denied"):
            Slurm(BatchOptions()).cancel(named("12_1"))


def test_id_of_another_system_is_an_error(commands: Commands) -> None:
    commands()
    with pytest.raises(BatchError, match=r"'12\.0' is not the id of a Slurm array job"):
        Slurm(BatchOptions()).look(named("12.0"))


WRAPPER = "echo 'Welcome to the batch system of this site'"


@pytest.mark.parametrize("squeue", ["exit 0", WRAPPER, "printf '\\x00\\xff|||'", "echo '12|1|x'"])
@pytest.mark.parametrize("jobs", [WRAPPER, "echo 'JobId=99 JobState=RUNNING'", "printf '\\xff'", "exit 0"])
def test_a_sentence_is_no_answer(commands: Commands, tmp_path: Path, squeue: str, jobs: str) -> None:
    commands(accounting="slurmdbd", squeue=squeue, sacct=WRAPPER, jobs=jobs)
    with pytest.raises(BatchError, match="`scontrol` gave an unexpected answer"):
        Slurm(BatchOptions()).look(named("12_1"))


@pytest.mark.parametrize("jobs", [WRAPPER, "printf 'a_b|c|\\xff'", "exit 0"])
def test_a_sentence_does_not_say_that_a_submission_is_absent(
    commands: Commands, tmp_path: Path, jobs: str
) -> None:
    commands(accounting="slurmdbd", squeue=jobs, sacct="echo 'no_jobs|here|'", jobs=jobs)
    with pytest.raises(BatchError, match="`scontrol` gave an unexpected answer"):
        Slurm(BatchOptions()).find(request(tmp_path))


def test_accounting_that_says_something_else_finds_nothing(commands: Commands, tmp_path: Path) -> None:
    sacct = "echo 'my_jobs|RUNNING|0:0|n|x'; echo '7_1|COMPLETED|0:0|n|dlscan-x-2'"
    commands(accounting="slurmdbd", squeue="exit 0", sacct=sacct, jobs="echo No jobs in the system")
    assert Slurm(BatchOptions()).find(request(tmp_path)) == []


def test_submission_that_only_the_accounting_remembers_is_found(commands: Commands, tmp_path: Path) -> None:
    sacct = "echo '7_1|COMPLETED|0:0|n|dlscan-x-1'"
    commands(accounting="slurmdbd", squeue="exit 0", sacct=sacct, jobs="echo No jobs in the system")
    assert Slurm(BatchOptions()).find(request(tmp_path)) == ["7_1", "7_2"]


OTHER = "JobId=13 ArrayJobId=12 ArrayTaskId=1 JobName=reco JobState=FAILED ExitCode=3:0"


@pytest.mark.parametrize("squeue", ["echo '12|1|FAILED|node1|reco|None'", "exit 0", DEAD, INVALID])
def test_job_of_the_same_number_and_another_name_is_no_answer(commands: Commands, squeue: str) -> None:
    commands(squeue=squeue, jobs=f"echo '{OTHER}'")
    with pytest.raises(BatchError, match=r"job 12 is called 'reco' here, not 'dlscan-x-1': this is another"):
        Slurm(BatchOptions()).look(named("12_1"))


def test_accounting_does_not_tell_of_another_job_of_the_same_number(commands: Commands) -> None:
    sacct = "echo '12_1|FAILED|3:0|node1|reco'"
    commands(accounting="slurmdbd", squeue=INVALID, sacct=sacct, jobs=INVALID)
    assert Slurm(BatchOptions()).look(named("12_1")) == {}


@pytest.mark.parametrize("line", ["echo 'Welcome to the batch system'", "exit 0", "echo 'ClusterName ='"])
def test_a_controller_that_does_not_name_its_cluster_has_not_answered(commands: Commands, line: str) -> None:
    """Jobs that are submitted to nobody knows whom could be taken for absent by another cluster."""
    file = Path(commands(sbatch="echo 7")).parent / "bin/scontrol"
    file.write_text(f"#!/bin/sh\n{line}\n")
    for ask in (Slurm(BatchOptions()).cluster, Slurm(BatchOptions()).most_jobs):
        with pytest.raises(BatchError, match=r"scontrol show config.* unexpected answer"):
            ask()


def test_cluster_is_called_as_the_controller_says(commands: Commands) -> None:
    commands()
    (Path(commands()).parent / "bin/scontrol").write_text(
        "#!/bin/sh\necho 'ClusterName             = linz'\n"
    )
    assert Slurm(BatchOptions()).cluster() == "linz"
    assert system(BatchOptions(system="slurm"), "linz").name == "slurm"
    with pytest.raises(
        BatchError, match=r"the jobs are on cluster graz, but this machine uses cluster linz; run this"
    ):
        system(BatchOptions(system="slurm"), "graz")


def test_jobs_are_not_sent_to_another_cluster_by_a_variable(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SBATCH_CLUSTERS", "graz")
    commands(sbatch=f"env > {tmp_path}/env; echo 12")
    Slurm(BatchOptions()).submit(request(tmp_path))
    assert "SBATCH_CLUSTERS" not in (tmp_path / "env").read_text()
