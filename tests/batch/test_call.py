"""Commands of batch systems that hang, refuse, or answer in the end."""

import os
import time
from pathlib import Path

import pytest

from dlscan.batch.call import CallError, MissingCommand, call, last_line
from dlscan.errors import BatchError


def sh(script: str) -> list[str]:
    return ["sh", "-c", script]


def test_output_is_stdout_alone():
    assert call(sh("echo out; echo noise >&2")) == "out\n"


def test_arguments_reach_no_shell(tmp_path):
    name = "a 'b' $(touch x) ü\n`y`"
    assert call(["printf", "%s", name], cwd=tmp_path) == name
    assert list(tmp_path.iterdir()) == []


def test_input_is_read_and_nothing_without_one():
    assert call(["cat"], input="ü\n") == "ü\n"
    assert call(["cat"]) == ""


def test_environment_is_what_is_given():
    assert call(["env"], env={"ONLY": "this"}) == "ONLY=this\n"


def test_output_that_is_not_text_is_no_error():
    assert call(sh(r"printf '\377x'")) == "�x"


def test_failure_is_one_line_with_the_last_words():
    with pytest.raises(CallError) as caught:
        call(
            sh("echo fine; echo 'sbatch: error: first' >&2; echo 'sbatch: error: no such queue' >&2; exit 3")
        )
    assert isinstance(caught.value, BatchError)
    assert str(caught.value) == "`sh` failed (exit code 3): sbatch: error: no such queue"
    assert caught.value.code == 3
    assert caught.value.words == "sbatch: error: first\nsbatch: error: no such queue"


def test_failure_without_stderr_quotes_stdout():
    with pytest.raises(CallError, match=r"failed \(exit code 1\): refused$"):
        call(sh("echo refused; exit 1"))


def test_failure_without_a_word_says_so():
    with pytest.raises(CallError, match=r"killed by signal 9\): no message$"):
        call(sh("kill -9 $$"))


def test_missing_command_says_so_and_is_tried_once(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("it is tried again"))
    with pytest.raises(MissingCommand, match="`no-such-sbatch` cannot be run here"):
        call(["no-such-sbatch", "--version"], tries=5, wait=60)
    assert not MissingCommand("").silent


def test_missing_directory_is_not_a_missing_command(tmp_path):
    with pytest.raises(CallError, match="no such directory") as caught:
        call(["true"], cwd=tmp_path / "gone")
    assert not isinstance(caught.value, MissingCommand)


def test_hanging_command_is_killed_with_its_children(tmp_path):
    pids = tmp_path / "pids"
    script = f"sleep 1000 & echo $! $$ > {pids}.new; mv {pids}.new {pids}; wait"
    for seconds in (0.5, 5, 50):
        with pytest.raises(CallError, match=rf"`sh` did not answer within {seconds} s") as caught:
            call(sh(script), seconds=seconds)
        assert caught.value.code is None
        if pids.exists():
            break  # else it had not begun yet
    for pid in pids.read_text().split():
        assert is_gone(int(pid))


def is_gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True  # dead; its reaper is slow
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("script", "seconds", "silent"),
    [
        ("exit 1", 60, False),
        ("echo 'sbatch: error: Invalid partition' >&2; exit 1", 60, False),
        ("echo 'sbatch: error: Socket timed out on send/recv operation' >&2; exit 1", 60, True),
        ("kill -9 $$", 60, True),
        ("sleep 1000", 0.5, True),
    ],
)
def test_whether_a_submission_may_still_be_taken(script, seconds, silent):
    with pytest.raises(CallError) as caught:
        call(sh(script), seconds=seconds)
    assert caught.value.silent == silent


# fails until the third time it is run
THIRD = (
    "n=$(cat n 2>/dev/null || echo 0); echo $((n+1)) > n; "
    "[ $n -ge 2 ] && echo yes || { echo busy >&2; exit 1; }"
)


def test_question_is_asked_again_until_it_is_answered(tmp_path):
    assert call(sh(THIRD), tries=3, wait=0.01, cwd=tmp_path) == "yes\n"


def test_question_is_asked_no_more_often_than_told(tmp_path):
    with pytest.raises(CallError, match="busy"):
        call(sh(THIRD), tries=2, wait=0.01, cwd=tmp_path)
    assert (tmp_path / "n").read_text() == "2\n"


def test_submission_is_tried_once(tmp_path):
    with pytest.raises(CallError):
        call(sh(THIRD), cwd=tmp_path)
    assert (tmp_path / "n").read_text() == "1\n"


def test_hanging_question_is_asked_again(tmp_path):
    script = "[ -e was ] && echo yes && exit; touch was; sleep 1000"
    # more than once: it may be slow
    assert call(sh(script), seconds=0.5, tries=9, wait=0.01, cwd=tmp_path) == "yes\n"


def test_final_words_are_an_answer(tmp_path):
    with pytest.raises(CallError, match="busy"):
        call(sh(THIRD), tries=5, wait=60, final=["busy"], cwd=tmp_path)
    assert (tmp_path / "n").read_text() == "1\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("", ""),
        ("a\n\n b \n\n", "b"),
        (
            "sbatch: unrecognized option '--x'\nTry \"sbatch --help\" for more information",
            "sbatch: unrecognized option '--x'",
        ),
        ("Try this", "Try this"),
    ],
)
def test_last_line_is_the_telling_one(words, line):
    assert last_line(words) == line
