"""What Slurm's commands print, as they printed it, and what is made of it."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from dlscan.batch.slurm_states import from_sacct, from_scontrol, from_squeue, job_state
from dlscan.batch.system import JobState


@pytest.mark.parametrize(
    ("state", "phase", "reason"),
    [
        ("PENDING", "queued", ""),
        ("CONFIGURING", "queued", ""),
        ("REQUEUED", "queued", ""),
        ("REQUEUE_HOLD", "queued", ""),
        ("SPECIAL_EXIT", "queued", ""),
        ("SUSPENDED", "queued", ""),
        ("RESIZING", "queued", ""),
        ("A_WORD_OF_TOMORROW", "queued", ""),
        ("RUNNING", "running", ""),
        ("COMPLETING", "running", ""),
        ("COMPLETED", "ended", "done"),
        ("FAILED", "ended", "failed"),
        ("OUT_OF_MEMORY", "ended", "oom"),
        ("TIMEOUT", "ended", "timeout"),
        ("DEADLINE", "ended", "timeout"),
        ("PREEMPTED", "ended", "preempted"),
        ("NODE_FAIL", "ended", "node"),
        ("BOOT_FAIL", "ended", "node"),
        ("CANCELLED", "ended", "cancelled"),
        ("CANCELLED by 1000", "ended", "cancelled"),
        ("CANCELLED+", "ended", "cancelled"),
    ],
)
def test_state_means(state: str, phase: str, reason: str) -> None:
    seen = job_state(state)
    assert (seen.phase, seen.reason) == (phase, reason)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("1:0", "FAILED (exit code 1)"),
        ("137:0", "FAILED (killed by signal 9; out of memory?)"),
        ("0:9", "FAILED (killed by signal 9; out of memory?)"),
        ("0:11", "FAILED (killed by signal 11)"),
        ("", "FAILED (NonZeroExitCode)"),
    ],
)
def test_failure_tells_how(code: str, words: str) -> None:
    assert job_state("FAILED", "NonZeroExitCode", "node1", code) == JobState(
        "ended", "failed", words, "node1"
    )


@pytest.mark.parametrize(
    ("text", "read", "words"),
    [
        ("12|1|FAILED|n/a|x|BadConstraints", from_squeue, "FAILED (BadConstraints)"),
        (
            "JobId=13 ArrayJobId=12 ArrayTaskId=1 JobName=x JobState=FAILED Reason=BadConstraints "
            "ExitCode=0:1 NodeList= NumNodes=1",
            from_scontrol,
            "FAILED (BadConstraints)",
        ),
        ("12_1|FAILED|0:1|None assigned|x", from_sacct, "FAILED"),
    ],
)
def test_a_job_that_no_node_can_run_was_killed_by_no_signal(
    text: str, read: Callable[[str], Iterable[object]], words: str
) -> None:
    assert list(read(text)) == [(("12", 1), "x", JobState("ended", "refused", words))]


def test_squeue_is_read() -> None:
    text = (
        "12|1|RUNNING|node1|dlscan-x-1|None\n"
        "12|2|PENDING|n/a|dlscan-x-1|JobArrayTaskLimit\n"
        "13|N/A|CANCELLED|n/a|a|b|c\n"
        "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n"
        "\n"
    )
    assert list(from_squeue(text)) == [
        (("12", 1), "dlscan-x-1", JobState("running", "", "RUNNING", "node1")),
        (("12", 2), "dlscan-x-1", JobState("queued", "", "PENDING (JobArrayTaskLimit)", "")),
        (("13", None), "a", JobState("ended", "cancelled", "CANCELLED (b|c)", "")),
    ]


def test_scontrol_is_read() -> None:
    text = (
        "JobId=7 ArrayJobId=6 ArrayTaskId=1 JobName=x UserId=root(0) JobState=FAILED Reason=NonZeroExitCode "
        "Dependency=(null) ExitCode=3:0 NodeList=node2 BatchHost=node2\n"
        "JobId=6 ArrayJobId=6 ArrayTaskId=2,4-8:2%3 JobName=x JobState=PENDING Reason=JobHeldUser\n"
        "JobId=9 JobName=alone JobState=RUNNING Reason=None BatchHost=node1 Comment=is JobState=FAILED\n"
        "No jobs in the system\n"
    )
    failed = JobState("ended", "failed", "FAILED (exit code 3)", "node2")
    held = JobState("queued", "", "PENDING (JobHeldUser)", "")
    found = list(from_scontrol(text))
    assert found[:5] == [
        (("6", 1), "x", failed),
        *((("6", index), "x", held) for index in (2, 4, 6, 8)),
    ]
    assert found[5] == (("9", None), "alone", JobState("running", "", "RUNNING", "node1"))


def test_shortened_list_of_indices_stands_for_the_whole_array() -> None:
    text = "JobId=6 ArrayJobId=6 ArrayTaskId=1-3,7,... JobName=x JobState=PENDING Reason=Priority"
    assert [key for key, _, _ in from_scontrol(text)] == [("6", None)]


def test_sacct_is_believed_of_what_has_ended_only() -> None:
    text = (
        "12_1|OUT_OF_MEMORY|0:125|gpu07|dlscan-x-1\n"
        "12_2|RUNNING|0:0|gpu08|dlscan-x-1\n"
        "12_3|CANCELLED by 1000|0:0|None assigned|dlscan-x-1\n"
        "12_[4-5%2]|PENDING|0:0|None assigned|dlscan-x-1\n"
        "12_[6-7]|CANCELLED by 1000|0:0|None assigned|dlscan-x-1\n"
        "99|COMPLETED|0:0|gpu09|dlscan-x-1\n"
        "sacct: error: slurm_persist_conn_open_without_init: failed\n"
    )
    assert {key: job_state for key, name, job_state in from_sacct(text) if name == "dlscan-x-1"} == {
        ("12", 1): JobState("ended", "oom", "OUT_OF_MEMORY", "gpu07"),
        ("12", 3): JobState("ended", "cancelled", "CANCELLED", ""),
        ("12", 6): JobState("ended", "cancelled", "CANCELLED", ""),
        ("12", 7): JobState("ended", "cancelled", "CANCELLED", ""),
    }


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("slurmstepd: error: StepId=6.batch exceeded memory limit (2 > 1), being killed", "oom"),
        ("point 1: epoch 3 is done", "failed"),
        (None, "failed"),
    ],
)
def test_killed_job_ran_out_of_memory_where_slurm_says_so_in_its_output(
    tmp_path: Path, output: str | None, expected: str
) -> None:
    log = tmp_path / "a 'place' $(x)" / "1.log"
    log.parent.mkdir()
    if output is not None:
        log.write_text("x" * 50_000 + f"\n{output}\nslurmstepd: error: something after\n")
    text = (
        "JobId=7 ArrayJobId=6 ArrayTaskId=1 JobName=x JobState=FAILED Reason=NonZeroExitCode ExitCode=0:9 "
        f"BatchHost=node2 WorkDir=/ StdErr={log} StdIn=/dev/null StdOut={log} Power="
    )
    ((_, _, job_state),) = from_scontrol(text)
    assert job_state.reason == expected
