"""The state of a point: every combination of what is on disk and what the batch system says."""

import dataclasses
import itertools

import pytest

from dlscan.attempts import OUTCOMES, Attempt
from dlscan.batch.system import JobState
from dlscan.config import BatchOptions
from dlscan.point_state import CRASHED, STATES
from dlscan.scan.space import Point
from dlscan.scan.states import Evidence, crashes, judge
from dlscan.scan.status import PointStatus
from dlscan.scan.work import to_submit

QUEUED, RUNNING = JobState("queued", words="PENDING"), JobState("running", words="RUNNING")
ENDS = ("", "done", "failed", "oom", "timeout", "preempted", "cancelled", "node", "refused")
# what a system may say of a job, and that it does not answer
WORDS = {"queued": QUEUED, "running": RUNNING, "silent": None, "unanswered": None} | {
    f"ended {reason}".strip(): JobState("ended", reason, "ITS WORDS") for reason in ENDS
}


def attempt(outcome, **fields):
    return Attempt(1, "node7", 1, "11", "2026-01-01T00:00:00+00:00", outcome=outcome, **fields)


def seen(word, outcome="none", own=False, **fields):
    """The state when the system says `word` and the last attempt, if any, ended in `outcome`."""
    last = None if outcome == "none" else attempt(None if outcome == "open" else outcome)
    answered = word != "unanswered"
    return judge(Evidence(False, last, False, True, own, WORDS[word], answered, **fields))


AFTER = {
    "none": "pending", "open": "failed", "done": "pending", "preempted": "preempted", "timeout": "timeout",
    "failed": "failed", "diverged": "diverged", "oom": "oom", "lost": "preempted", "paused": "paused",
}  # fmt: skip
# while a job runs, or may, with other points of its pack: by how its own last attempt ended
DURING = {
    "open": "running", "done": "pending", "preempted": "queued", "timeout": "queued", "lost": "queued",
    "failed": "failed", "diverged": "diverged", "oom": "oom", "paused": "paused",
}  # fmt: skip
DIED = {
    "": "failed", "done": "failed", "failed": "failed", "oom": "oom", "timeout": "timeout",
    "preempted": "preempted", "cancelled": "preempted", "node": "preempted", "refused": "failed",
}  # fmt: skip


def test_the_tables_below_leave_nothing_out():
    assert set(AFTER) == {"none", "open", *OUTCOMES}
    assert set(DURING) == set(AFTER) - {"none"}
    assert set(DIED) == set(ENDS)


@pytest.mark.parametrize(("outcome", "state"), AFTER.items())
def test_without_a_job_the_last_attempt_decides(outcome, state):
    last = None if outcome == "none" else attempt(None if outcome == "open" else outcome)
    assert judge(Evidence(attempt=last)).state == state


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("own", [True, False])
def test_a_record_is_the_end_whatever_else_is_said(word, own):
    for outcome in (None, *OUTCOMES):
        for alive in (True, False):
            known = Evidence(True, attempt(outcome), alive, True, own, WORDS[word], word != "unanswered")
            assert judge(known).state == "done"


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("own", [True, False])
def test_a_living_attempt_runs_whatever_the_system_says(word, own):
    known = Evidence(False, attempt(None), True, True, own, WORDS[word], word != "unanswered")
    assert judge(known) == dataclasses.replace(judge(known), state="running", silent=False)


@pytest.mark.parametrize("outcome", AFTER)
@pytest.mark.parametrize("own", [True, False])
def test_a_queued_job_is_queued_whatever_was_before(outcome, own):
    assert seen("queued", outcome, own and outcome != "none").state == "queued"


@pytest.mark.parametrize("outcome", AFTER)
@pytest.mark.parametrize("word", ["running", "unanswered"])
def test_a_job_that_has_not_begun_is_queued_even_if_nobody_answers(outcome, word):
    assert seen(word, outcome).state == "queued"


@pytest.mark.parametrize(("outcome", "state"), DURING.items())
def test_a_system_that_does_not_answer_changes_no_state(outcome, state):
    """As if the job still ran: a point that was queued or running must not be submitted again."""
    for word in ("running", "unanswered"):
        verdict = seen(word, outcome, own=True, goes_on=True)
        assert verdict.state == state
        assert verdict.silent == (outcome == "open")


@pytest.mark.parametrize("outcome", DURING)
@pytest.mark.parametrize(("word", "fresh"), [("running", False), ("running", True), ("unanswered", True)])
def test_beside_a_job_that_is_about_to_end_no_second_one_is_submitted(word, fresh, outcome):
    assert seen(word, outcome, own=True, fresh=fresh).state == ("running" if outcome == "open" else "queued")


@pytest.mark.parametrize(("outcome", "state"), DURING.items())
def test_a_crash_of_some_time_ago_shows_though_the_system_does_not_answer(outcome, state):
    assert seen("unanswered", outcome, own=True).state == state


@pytest.mark.parametrize(("reason", "state"), DIED.items())
def test_a_silent_attempt_of_a_job_that_ended_is_what_the_system_says(reason, state):
    verdict = seen(f"ended {reason}".strip(), "open", own=True)
    assert (verdict.state, verdict.unwritten) == (state, "attempt")
    assert verdict.error == "ended without a message on node7: ITS WORDS"


@pytest.mark.parametrize("reason", ENDS)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_what_an_attempt_wrote_down_stands_against_the_systems_reason(reason, outcome):
    assert seen(f"ended {reason}".strip(), outcome, own=True).state == AFTER[outcome]


@pytest.mark.parametrize("outcome", AFTER)
@pytest.mark.parametrize("reason", ENDS)
def test_a_job_that_ended_before_it_began(reason, outcome):
    verdict = seen(f"ended {reason}".strip(), outcome)
    if reason == "cancelled" or (reason in ("", "done") and outcome != "none"):
        assert verdict.state == AFTER[outcome]
    else:
        assert verdict.state == DIED[reason]
        assert verdict.unwritten == "job"
        begin = "the job never ran" if reason == "refused" else "the job ended before training started"
        assert verdict.error == f"{begin}: ITS WORDS"


@pytest.mark.parametrize("outcome", AFTER)
@pytest.mark.parametrize("own", [True, False])
def test_of_a_job_that_the_system_forgot_the_last_attempt_decides(outcome, own):
    assert seen("silent", outcome, own and outcome != "none").state == AFTER[outcome]


def test_a_job_that_the_system_does_not_list_yet_is_queued():
    assert seen("silent", recent=True).state == "queued"
    assert seen("silent", "failed", recent=True).state == "queued"
    assert seen("silent", "open", own=True, recent=True).state == "failed"


def test_every_state_is_known_and_reached():
    reached = {
        seen(word, outcome, own, recent=recent, goes_on=goes_on).state
        for word, outcome, own, recent, goes_on in itertools.product(
            WORDS, AFTER, (True, False), (True, False), (True, False)
        )
    }
    # only the plan as a whole tells that a point is pruned
    assert reached == set(STATES) - {"done", "pruned"}


def test_errors_of_attempts_are_kept():
    assert judge(Evidence(attempt=attempt("failed", error="no memory"))).error == "no memory"
    assert judge(Evidence(attempt=attempt("lost", error="node gone"))).error == "node gone"


@pytest.mark.parametrize(
    ("tries", "epochs", "count"),
    [
        ([], 0, 0),
        ([("failed", 0)], 0, 1),
        ([("failed", None), (None, None)], 0, 2),
        ([("failed", 0), ("oom", 0), ("failed", 0)], 0, 3),
        # preemption costs nothing
        ([("failed", 0), ("preempted", 0), ("timeout", 0), ("lost", 0), ("failed", 0)], 0, 2),
        # the second finished epochs 1 to 4 before it crashed
        ([("failed", 0), ("failed", 0), ("failed", 4)], 4, 2),
        # so did the last
        ([("failed", 0), ("failed", 0), ("failed", 0)], 4, 1),
        ([("failed", 0), ("preempted", 0), ("failed", 3), ("failed", None)], 3, 2),
        # one that diverges does so again from wherever it begins
        ([("diverged", 0), ("diverged", 0), ("diverged", 0)], 5, 3),
    ],
)
def test_crashes_count_since_an_epoch_was_finished(tries, epochs, count):
    attempts = [attempt(outcome, resumed_after=after) for outcome, after in tries]
    assert crashes(attempts, epochs) == count


def status(state, count=0):
    return PointStatus(Point(1, state, {}), state, 0, 1, None, "", crashes=count)


@pytest.mark.parametrize("state", STATES)
def test_to_submit_is_what_is_not_done_under_way_or_waiting(state):
    submitted = to_submit([status(state)], BatchOptions(retries=0))
    assert bool(submitted) == (state not in ("done", "queued", "running", "paused", "pruned"))


@pytest.mark.parametrize("state", CRASHED)
def test_a_point_that_crashed_too_often_is_left_out_unless_asked_for(state):
    batch = BatchOptions(retries=2)
    tired = status(state, 3)
    assert to_submit([status(state, 2), tired], batch) == [status(state, 2)]
    assert to_submit([tired], batch, [state]) == [tired]
    assert to_submit([tired], batch, ["timeout"]) == []


def test_retry_leaves_nothing_out_and_submits_nothing_twice():
    everything = [status(state) for state in STATES]
    assert to_submit(everything, BatchOptions(), ["failed"]) == to_submit(everything, BatchOptions())
    assert to_submit([status("running"), status("done")], BatchOptions(), STATES) == []
