"""The states of a scan's points, from real files and the words of batch systems."""

import dataclasses
import datetime
import json
import os
import time

import pytest

from dlscan.attempts import (
    attempt_file,
    create_attempt,
    ended,
    last_number,
    new_attempt,
    resumptions,
    write_attempt,
)
from dlscan.batch.system import JobState
from dlscan.claims import Claim
from dlscan.cli.status_text import table
from dlscan.config import BatchOptions
from dlscan.errors import BatchError, ScanError
from dlscan.heartbeat import beat_file
from dlscan.locks import locked
from dlscan.record import Record
from dlscan.scan import Plan, freeze, point_status, scan_status
from dlscan.scan.advice import what_to_do
from dlscan.scan.point_progress import read_done, read_pace
from dlscan.scan.status import settle
from dlscan.scan.submissions import Submissions
from dlscan.scan.totals import totals

SLURM = BatchOptions(system="slurm")
RECORD = Record(
    1, "width=8", "small", ("model.width",), {"model.width": 8}, ("a", "b"), {"a_AUC": 0.5, "b_AUC": None},
    7, 5, "early", 2.5, 17.5, 1e5, 100, 1, "2026-01-01T00:00:00+00:00", "2026-01-01T01:00:00+00:00", 3,
    "node1", "CPU", "tensorflow", {"dlscan": "1"}, None, {"path": "x", "config_hash": "y"},
)  # fmt: skip
HISTORY = "epoch,loss,seconds,events_per_second\n"


@pytest.fixture
def plan(make_experiment):
    return freeze(
        make_experiment(scan={"grid": {"model.width": [8, 16, 32]}}, train={"epochs": 10, "batch_size": 32})
    )


def submitted(plan, jobs, ids, batch=SLURM, age=3600):
    """Write down a submission made `age` seconds ago."""
    submissions = Submissions(plan.directory)
    submission = submissions.ask(batch, jobs)
    if ids is not None:
        submissions.know(submission, ids)
    file = plan.directory / "submissions.jsonl"
    then = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - age))
    file.write_text(file.read_text().replace(submission.time, then))
    return submission


def says(**job_states):
    """A batch system that knows these jobs, `a1` for `1`, and what it was asked."""
    asked = []

    def look(batch, jobs):
        asked.append((batch.system, sorted(jobs)))
        known = {name[1:]: job_state for name, job_state in job_states.items()}
        return {job: known[job] for job in jobs if job in known}

    look.asked = asked
    return look


def silent(batch, jobs):
    raise BatchError("squeue did not answer")


def tried(plan, number, outcome=None, job=None, elsewhere=True, ago=600, **fields):
    """Write down an attempt that ended some seconds ago, or of a process elsewhere that beat long ago."""
    paths = plan.paths(plan.point(number))
    attempt = new_attempt(last_number(paths) + 1)
    host = {"host": "node7", "process": None, "beat": 10.0} if elsewhere else {}
    attempt = dataclasses.replace(attempt, job=job, **host, **fields)
    if outcome is not None:
        end = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=ago)
        over = ended(attempt, outcome, f"error of {outcome}")
        create_attempt(paths, dataclasses.replace(over, ended=end.isoformat(timespec="seconds")))
    else:
        create_attempt(paths, attempt)
        long_ago = time.time() - 600
        os.utime(attempt_file(paths, attempt.number), (long_ago, long_ago))
    return paths, attempt


def epochs(plan, number, count):
    rows = "".join(f"{n},0.5,{n}.0,1.0\n" for n in range(1, count + 1))
    plan.paths(plan.point(number)).history.write_text(HISTORY + rows)


def states(plan, look=None, **options):
    return [status.state for status in scan_status(plan, look, **options)]


def test_a_fresh_scan_is_pending_and_nobody_is_asked(plan):
    look = says()
    assert states(plan, look) == ["pending"] * 3
    assert look.asked == []


def test_systems_are_asked_once_about_the_latest_jobs_of_points_that_are_not_done(plan):
    submitted(plan, ((1,), (2, 3)), ["1", "2"])
    submitted(plan, ((3,),), ["3"])
    RECORD.write(plan.paths(plan.point(1)).record)
    look = says(a2=JobState("queued", words="PENDING (Priority)"), a3=JobState("running"))
    found = scan_status(plan, look)
    assert [status.state for status in found] == ["done", "queued", "queued"]
    assert look.asked == [("slurm", ["2", "3"])]
    assert (found[1].job, found[1].words, found[1].submission) == ("2", "PENDING (Priority)", "0001")
    assert found[2].submission == "0002"


def test_of_a_scan_that_is_done_nobody_is_asked(plan):
    submitted(plan, ((1, 2, 3),), None)
    for point in plan.points:
        RECORD.write(plan.paths(point).record)
    assert states(plan, silent) == ["done"] * 3
    done = scan_status(plan)[0]
    assert (done.epochs, done.host, done.attempts, done.seconds_per_epoch) == (7, "node1", 3, 2.5)


def test_jobs_that_a_system_never_took_count_for_nothing(plan):
    submitted(plan, ((1,), (2,)), ["1"])
    submitted(plan, ((1,), (3,)), [])
    assert states(plan, says(a1=JobState("queued"))) == ["queued", "pending", "pending"]


def test_a_submission_of_which_nobody_knows_is_not_submitted_again(plan):
    submitted(plan, ((1,),), None)
    assert states(plan, says()) == ["queued", "pending", "pending"]


def test_a_system_that_does_not_answer_is_said_and_changes_no_state(plan):
    submitted(plan, ((1,), (2,), (3,)), ["1", "2", "3"])
    tried(plan, 2, job="2")
    tried(plan, 3, "failed", job="3")
    before = states(plan, says(a1=JobState("queued"), a2=JobState("running"), a3=JobState("ended", "failed")))
    words = []
    assert states(plan, silent, say=words.append) == before == ["queued", "running", "failed"]
    assert len(words) == 1
    assert "slurm did not answer" in words[0]
    assert "squeue did not answer" in words[0]


def test_a_point_whose_job_is_about_to_end_is_not_submitted_beside_it(plan):
    submitted(plan, ((1,), (2,)), ["1", "2"])
    tried(plan, 1, "failed", job="1", ago=1)
    tried(plan, 2, "oom", job="2")
    assert states(plan, says(a1=JobState("running"), a2=JobState("running"))) == [
        "queued",
        "queued",
        "pending",
    ]
    assert states(plan, silent) == ["queued", "oom", "pending"]
    assert states(plan, says(a1=JobState("ended"), a2=JobState("ended"))) == ["failed", "oom", "pending"]


def test_a_pack_goes_on_without_a_point_that_crashed(plan, monkeypatch):
    monkeypatch.setenv("DLSCAN_JOB", "1")
    submitted(plan, ((1, 2), (3,)), ["1", "2"])
    claims = [Claim.take(plan.paths(plan.point(number)), 2) for number in (1, 2)]
    claims[0].end("diverged", "the loss is nan")
    assert states(plan, says(a1=JobState("running"))) == ["diverged", "running", "pending"]
    claims[1].end("preempted")
    assert states(plan, says(a1=JobState("running"))) == ["queued", "queued", "pending"]


def test_a_job_that_was_just_submitted_is_queued_though_the_system_does_not_list_it(plan):
    submitted(plan, ((1,),), ["1"], age=5)
    submitted(plan, ((2,),), ["2"], age=3600)
    assert states(plan, says()) == ["queued", "pending", "pending"]


def test_a_running_job_without_a_sign_of_life_says_since_when(plan):
    submitted(plan, ((1,),), ["1"])
    paths, attempt = tried(plan, 1, job="1")
    beat_file(paths, attempt.number).touch()
    then = 1_700_000_000
    for file in paths.attempts.iterdir():
        os.utime(file, (then, then))
    status = scan_status(plan, says(a1=JobState("running")))[0]
    assert (status.state, status.silent_since) == ("running", "2023-11-14T22:13:20+00:00")
    assert "no heartbeat" in what_to_do(plan.directory, status)
    beat_file(paths, attempt.number).touch()
    status = scan_status(plan, says(a1=JobState("ended", "node")))[0]
    assert (status.state, status.silent_since) == ("running", None)


def test_a_living_process_runs_and_a_dead_one_of_this_machine_is_known_at_once(plan):
    paths = plan.paths(plan.points[0])
    claim = Claim.take(paths)
    assert states(plan)[0] == "running"
    claim.end("preempted")
    attempt = new_attempt(2, beat=10.0)
    gone = attempt.process.rpartition(":")[0] + ":1"  # one that started at another time
    write_attempt(paths, dataclasses.replace(attempt, process=gone, pid=2**22 + 1))
    beat_file(paths, 2).touch()
    assert states(plan)[0] == "failed"


def test_an_attempt_of_an_earlier_job_says_nothing_of_the_next(plan):
    submitted(plan, ((1,),), ["1"], age=7200)
    tried(plan, 1, "failed", job="1")
    submitted(plan, ((1,),), ["2"], age=3600)
    status = scan_status(plan, says(a2=JobState("queued")))[0]
    assert (status.state, status.job, status.attempts) == ("queued", "2", 1)
    assert states(plan, says(a2=JobState("ended", "oom")))[0] == "oom"


def test_a_job_whose_script_does_not_tell_it_its_id_is_known_by_the_time(plan):
    submitted(plan, ((1,),), ["1"], age=3600)
    tried(plan, 1, "diverged", job=None)
    assert states(plan, says(a1=JobState("ended", "oom")))[0] == "diverged"


@pytest.mark.parametrize("reason", ["done", "failed"])
def test_a_job_that_is_done_while_its_system_is_asked_is_done(plan, reason):
    submitted(plan, ((1,), (2,)), ["1", "2"])
    tried(plan, 2, job="2")

    def look(batch, jobs):
        for number in (1, 2):
            RECORD.write(plan.paths(plan.point(number)).record)
        return {job: JobState("ended", reason) for job in jobs}

    assert states(plan, look) == ["done", "done", "pending"]


def test_nobody_is_asked_about_points_that_give_signs_of_life(plan):
    submitted(plan, ((1,), (2,)), ["1", "2"])
    claim = Claim.take(plan.paths(plan.point(1)))
    look = says()
    assert states(plan, look) == ["running", "pending", "pending"]
    claim.end("preempted")
    assert look.asked == [("slurm", ["2"])]


def test_settled_ends_stay_when_the_system_has_forgotten_them(plan):
    submitted(plan, ((1,), (2,), (3,)), ["1", "2", "3"])
    tried(plan, 1, job="1")
    tried(plan, 2, job="2")
    ends = says(
        a1=JobState("ended", "oom", "OUT_OF_MEMORY"),
        a2=JobState("ended", "node"),
        a3=JobState("ended", "failed"),
    )
    before = scan_status(plan, ends)
    assert [status.state for status in before] == ["oom", "preempted", "failed"]
    settle(plan, before)
    after = scan_status(plan, says())
    assert [status.state for status in after] == ["oom", "preempted", "failed"]
    assert [status.error for status in after] == [status.error for status in before]
    assert [status.attempts for status in after] == [1, 1, 1]
    assert [status.crashes for status in after] == [1, 0, 1]
    assert not any(status.unwritten for status in after)


def test_a_lock_that_is_never_given_back_keeps_no_other_point_from_being_settled(plan, monkeypatch):
    submitted(plan, ((1,), (2,)), ["1", "2"])
    held = tried(plan, 1, job="1")[0]
    tried(plan, 2, job="2")
    ends = says(a1=JobState("ended", "node"), a2=JobState("ended", "oom"))
    monkeypatch.setattr("dlscan.claims._PATIENCE", 0.1)
    said = []
    with locked(held.lock, ScanError("busy")):
        settle(plan, scan_status(plan, ends), said.append)
    assert len(said) == 1
    assert str(held.lock) in said[0]
    assert [status.unwritten for status in scan_status(plan, ends)] == ["attempt", "", ""]


def test_crashes_are_counted_over_attempts(plan):
    for _ in range(3):
        tried(plan, 1, "failed", resumed_after=0)
    tried(plan, 2, "failed", resumed_after=0)
    tried(plan, 2, "oom", resumed_after=4)
    epochs(plan, 2, 4)
    assert [status.crashes for status in scan_status(plan)] == [3, 2, 0]


def test_time_left_is_that_of_the_latest_epochs(plan):
    paths = plan.paths(plan.points[0])
    paths.history.write_text(HISTORY)
    assert read_pace(paths.history) == (0, None, None, 0)
    epochs(plan, 1, 50)
    assert read_pace(paths.history)[:2] == (50, 40.5)
    epochs(plan, 1, 4)
    claim = Claim.take(paths)
    status = point_status(plan, plan.points[0])
    claim.end("preempted")
    assert (status.epochs, status.epochs_wanted, status.seconds_left) == (4, 10, 2.5 * 6)


def test_totals_count_what_is_not_known_as_what_is_usual(plan):
    RECORD.write(plan.paths(plan.points[0]).record)
    tried(plan, 2, "preempted")
    epochs(plan, 2, 4)
    whole = totals(scan_status(plan))
    assert whole.counts == {"pending": 1, "preempted": 1, "done": 1}
    assert (whole.epochs, whole.epochs_wanted) == (11, 27)
    assert whole.seconds_left == 6 * 2.5 + 10 * 2.5
    assert totals([]).seconds_left is None


@pytest.mark.parametrize("counted", [True, False], ids=["networks in the history", "of an older version"])
def test_totals_count_the_time_of_a_pack_once(plan, counted):
    """Two points train together, each epoch of 2.5 s is of both, and the third will need as much of a job."""
    claims = [Claim.take(plan.paths(plan.points[number]), 2) for number in (0, 1)]
    for number in (1, 2):
        epochs(plan, number, 4)
        history = plan.paths(plan.points[number - 1]).history
        if counted:
            lines = history.read_text().splitlines()
            history.write_text(
                "\n".join([f"{lines[0]},networks", *(f"{line},2" for line in lines[1:])]) + "\n"
            )
    whole = totals(scan_status(plan))
    for claim in claims:
        claim.end("preempted")
    assert (whole.running, whole.jobs) == (2, 1)
    assert whole.seconds_left == 6 * 2.5 + 10 * 2.5 / 2


def test_totals_tell_events_of_streams_from_events_of_networks(plan):
    """Two points of one job read each event once and train on it twice."""
    claims = [Claim.take(plan.paths(plan.points[number]), pack) for number, pack in ((0, 2), (1, 2), (2, 1))]
    for number in (1, 2, 3):
        epochs(plan, number, 4)
    whole = totals(scan_status(plan))
    for claim in claims:
        claim.end("preempted")
    rate = read_pace(plan.paths(plan.points[0]).history)[2]
    assert rate
    assert (whole.events_per_second, whole.model_events_per_second) == (2 * rate, 3 * rate)
    assert totals(scan_status(plan)).model_events_per_second == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text[:-3],
        lambda text: "",
        lambda text: "\0" * len(text),
        lambda text: text[:100] + "\0" * 50 + text[150:],
        lambda text: text.replace('"epochs": 7', '"epochs": '),
        lambda text: text.replace('"epochs": 7,', ""),
        lambda text: text.replace('"epochs": 7,', '"epochs": ' + 5000 * "7" + ","),
        lambda text: text.replace('"best_epoch": 5,', ""),
        lambda text: text.replace('"metrics"', '"matrices"'),
    ],
)
def test_a_damaged_record_is_noticed(plan, damage):
    file = plan.paths(plan.points[0]).record
    RECORD.write(file)
    file.write_text(damage(file.read_text()))
    status = scan_status(plan)[0]
    assert status.state == "failed"
    assert "record.json: damaged" in status.error
    submitted(plan, ((1,),), ["1"])
    assert states(plan, says(a1=JobState("queued")))[0] == "queued"


def test_a_record_that_was_written_by_something_else_is_read_whole(plan, tmp_path):
    file = tmp_path / "record.json"
    odd = dataclasses.replace(RECORD, host='no"de\\ü', seconds_per_epoch=1e-7, pack=3)
    for record in (RECORD, dataclasses.replace(RECORD, pack=12), odd):
        record.write(file)
        quick = read_done(file)
        file.write_text(json.dumps(json.loads(file.read_text())))
        assert quick == read_done(file)
        assert (quick.host, quick.seconds_per_epoch) == (record.host, record.seconds_per_epoch)
        assert quick.pack == record.pack
    assert read_done(tmp_path / "none.json") is None


def test_a_damaged_attempt_is_said_and_does_not_keep_the_point_from_going_on(plan):
    paths, _ = tried(plan, 1, "failed")
    (paths.attempts / "0001.json").write_text("{")
    status = scan_status(plan)[0]
    assert (status.state, status.crashes) == ("failed", 0)
    assert "0001.json: damaged" in status.error


def test_damaged_submissions_are_an_error(plan):
    (plan.directory / "submissions.jsonl").write_text("{}\n")
    with pytest.raises(ScanError, match="line 1 is damaged"):
        scan_status(plan)


@pytest.mark.parametrize(
    ("outcome", "advice"),
    [
        ("oom", "batch.memory"),
        ("timeout", "run `dlscan scan` again"),
        ("preempted", "run `dlscan scan` again"),
        ("diverged", "train.learning_rate"),
        ("failed", " 2`"),
        ("done", ""),
    ],
)
def test_what_to_do_is_said_by_state(plan, outcome, advice):
    tried(plan, 2, outcome)
    text = what_to_do(plan.directory, scan_status(plan)[1])
    assert advice in text
    assert bool(text) == bool(advice)


def test_a_point_that_is_left_out_is_said_to_be(plan):
    tried(plan, 1, "diverged")
    status = scan_status(plan)[0]
    assert "--retry" not in what_to_do(plan.directory, status)
    assert "with --retry diverged" in what_to_do(plan.directory, status, retries=0)


def test_reading_a_scan_needs_its_directory_alone(plan):
    assert scan_status(Plan.read(plan.directory)) == scan_status(plan)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("started", value) for value in (7, "yesterday", "2026-01-01T00:00:00", "")),
        *(("ended", value) for value in (7, "soon")),
        *(("beat", value) for value in ("10", 0, -1, float("nan"))),
        *(("pack", value) for value in (0, None, "2")),
        *(("host", value) for value in (None, [])),
        *(("pid", value) for value in ("1", 1.5, None)),
        *(("outcome", value) for value in (1, [])),
        *(("process", value) for value in (1, [])),
        *(("error", value) for value in (1, [])),
        *(("resumed_after", value) for value in ("1", [])),
    ],
)
def test_a_wrong_value_in_an_attempt_is_no_traceback(plan, key, value):
    """In the latest it makes the point fail; an earlier one does not matter, and the next goes on."""
    submitted(plan, ((1,),), ["1"])
    paths, attempt = tried(plan, 1, "failed")
    file = attempt_file(paths, attempt.number)
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
    status = scan_status(plan, says())[0]
    assert status.state == "failed"
    assert f"0001.json: damaged ({key} is " in status.error
    table(plan, scan_status(plan, says()))
    resumptions(paths)
    tried(plan, 1, "preempted")
    assert states(plan, says())[0] == "preempted"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", "7"),
        ("seconds_per_epoch", "1"),
        ("host", 7),
        ("metrics", []),
        ("varied", "a"),
        ("pack", []),
        ("pack", 0),
    ],
)
def test_a_wrong_value_in_a_record_is_no_traceback(plan, key, value):
    file = plan.paths(plan.points[0]).record
    RECORD.write(file)
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}, indent=1) + "\n")
    with pytest.raises(ScanError, match=rf"damaged record \({key} is "):
        Record.read(file)
    table(plan, scan_status(plan))


@pytest.mark.parametrize("row", ["1,0.5,nan,1.0", "1,0.5,inf,1.0", "1,0.5,1.0,inf", "1,0.5,x,y", "1"])
def test_a_damaged_history_tells_no_pace(plan, row):
    paths, _ = tried(plan, 1, "preempted")
    paths.history.write_text(f"{HISTORY}{row}\n")
    assert "0/10" in table(plan, scan_status(plan))
