"""One owner at a time: of real processes, which are killed, stopped and continued."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from dlscan import claims, heartbeat, owner
from dlscan.attempts import last_attempt
from dlscan.claims import Claim, alive, note_end
from dlscan.errors import ConfigError, FencedError, HeldError, ScanError
from dlscan.files import server_time
from dlscan.locks import is_locked, locked
from dlscan.record import PointPaths

BEAT = 0.25
STALE = heartbeat.STALE_BEATS * BEAT

# does what the lines of its standard input say, and answers each with a line
WORKER = """
import os, sys
from pathlib import Path
from dlscan.claims import Claim
from dlscan.record import PointPaths
paths, claim = PointPaths(Path(sys.argv[1])), None
print("ready", flush=True)
for line in sys.stdin:
    verb, *rest = line.split()
    try:
        if verb == "take":
            claim = Claim.take(paths)
            print("took", claim.attempt.number, flush=True)
        elif verb == "write":
            with claim.writing():
                (paths.directory / rest[0]).write_text(rest[1])
            print("wrote", flush=True)
        elif verb == "hang":
            with claim.writing():
                print("inside", flush=True)
                sys.stdin.readline()
            print("outside", flush=True)
        elif verb == "resumed":
            claim.resumed(int(rest[0]))
            print("resumed", flush=True)
        elif verb == "end":
            claim.end(rest[0])
            print("ended", flush=True)
        elif verb == "nobody":
            os.seteuid(65534)
            print("nobody", flush=True)
        elif verb == "full":
            import resource
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
            print("full", flush=True)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
"""


class Worker:
    """A process that takes a point and writes to it."""

    def __init__(self, paths):
        command = [sys.executable, "-c", WORKER, str(paths.directory)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.hear() == "ready"

    def say(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def hear(self):
        return self.process.stdout.readline().strip()

    def __call__(self, line):
        self.say(line)
        return self.hear()

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait()
        if number == signal.SIGSTOP:
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)


@pytest.fixture
def paths(tmp_path, monkeypatch):
    monkeypatch.setenv(heartbeat.VARIABLE, str(BEAT))
    point = PointPaths(tmp_path / "points $(x) 'é'" / "0001-width=8")
    point.directory.mkdir(parents=True)
    return point


@pytest.fixture
def worker(paths):
    with contextlib.ExitStack() as stack:

        def start(at=paths):
            worker = Worker(at)
            stack.enter_context(worker.process)
            stack.callback(worker.process.kill)
            return worker

        yield start


def file(paths, number):
    return paths.attempts / f"{number:04}.json"


def move(paths, number, **other):
    """Let an attempt seem to run on another machine."""
    content = json.loads(file(paths, number).read_text())
    _, rest = content["process"].split(":", 1)
    file(paths, number).write_text(json.dumps(content | {"process": f"another-boot:{rest}"} | other))


def last_sign(paths, number):
    return max(path.stat().st_mtime for path in paths.attempts.glob(f"{number:04}.*"))


def age(paths, number, seconds):
    """Let all heartbeats of an attempt be older, by the file server's clock."""
    then = server_time(paths.attempts) - seconds
    for path in paths.attempts.glob(f"{number:04}.*"):
        os.utime(path, (then, then))


def test_of_processes_that_take_a_point_at_once_one_gets_it(paths, worker):
    workers = [worker() for _ in range(4)]
    for each in workers:
        each.say("take")
    answers = sorted(each.hear() for each in workers)
    assert answers[-1] == "took 1"
    assert all(answer.startswith("HeldError") for answer in answers[:-1])
    assert file(paths, 1).exists()
    assert last_attempt(paths).number == 1


def test_who_looked_before_another_began_does_not_begin_too(paths, worker, monkeypatch):
    def look(at, at_least):
        return None if not looks.append(at_least) and len(looks) == 1 else last_owner(at, at_least)

    looks, last_owner = [], owner.last_owner
    monkeypatch.setattr(owner, "last_owner", look)
    worker()("take")
    paths.lock.write_text("")
    # without locks a look can be as old as this
    with pytest.raises(HeldError, match="attempt 1"):
        Claim.take(paths)
    assert looks == [0, 0]
    assert not file(paths, 2).exists()


def test_a_held_point_names_its_owner(paths, worker):
    first = worker()
    first("take")
    with pytest.raises(HeldError) as raised:
        Claim.take(paths)
    assert f"process {first.process.pid}" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert alive(paths, last_attempt(paths))


def test_a_process_killed_on_this_machine_is_replaced_at_once(paths, worker, caplog):
    caplog.set_level("INFO", "dlscan")
    first = worker()
    first("take")
    first.kill()
    assert not alive(paths, last_attempt(paths))
    claim = Claim.take(paths, pack=3)
    assert (claim.attempt.number, claim.attempt.pid, claim.attempt.pack) == (2, os.getpid(), 3)
    assert claim.attempt == last_attempt(paths)
    assert not caplog.records
    claim.end("done")


def test_a_silent_owner_elsewhere_is_replaced_once_it_is_stale_and_not_before(paths, worker, caplog):
    caplog.set_level("INFO", "dlscan")
    first = worker()
    first("take")
    first.kill()
    move(paths, 1, host="farm07")
    sign = last_sign(paths, 1)
    assert alive(paths, last_attempt(paths), now=sign + STALE - 0.01)
    assert not alive(paths, last_attempt(paths), now=sign + STALE)
    claim = Claim.take(paths)
    assert file(paths, 2).stat().st_mtime >= sign + STALE
    (record,) = caplog.records
    assert "waiting up to" in record.message
    assert "attempt 1 on farm07" in record.message
    claim.end("done")


def test_an_owner_elsewhere_that_was_silent_for_long_is_replaced_at_once(paths, worker, caplog):
    caplog.set_level("INFO", "dlscan")
    first = worker()
    first("take")
    first.kill()
    move(paths, 1)
    age(paths, 1, STALE)
    Claim.take(paths).end("done")
    assert not caplog.records


@pytest.fixture
def patient(monkeypatch):
    """Beats so far apart that a busy machine cannot delay one until it is stale."""
    monkeypatch.setenv(heartbeat.VARIABLE, "2")


def test_an_owner_elsewhere_that_gives_a_sign_of_life_keeps_the_point(paths, patient, worker):
    first = worker()
    first("take")
    move(paths, 1)
    with pytest.raises(HeldError, match="attempt 1"):
        Claim.take(paths)
    assert first("write kept yes") == "wrote"
    assert not file(paths, 2).exists()


def test_an_owner_that_was_stopped_and_replaced_writes_nothing_more(paths, worker):
    first = worker()
    first("take")
    move(paths, 1)
    assert first("write result old") == "wrote"
    first.kill(signal.SIGSTOP)
    successor = Claim.take(paths)
    with successor.writing():
        (paths.directory / "result").write_text("new")
    attempts = {number: file(paths, number).read_bytes() for number in (1, 2)}

    first.kill(signal.SIGCONT)
    answer = first("write result old")
    assert answer.startswith("FencedError")
    assert "attempt 2 took over this point because attempt 1 had no heartbeat" in answer
    assert first("resumed 3").startswith("FencedError")
    assert first("end failed") == "ended"

    assert (paths.directory / "result").read_text() == "new"
    assert {number: file(paths, number).read_bytes() for number in (1, 2)} == attempts
    successor.resumed(5)
    successor.end("done")
    assert last_attempt(paths).resumed_after == 5


def test_nobody_takes_a_point_whose_owner_was_stopped_while_it_writes(paths, worker, monkeypatch):
    monkeypatch.setattr(claims, "_PATIENCE", 0.1)
    first = worker()
    first("take")
    assert first("hang") == "inside"
    first.kill(signal.SIGSTOP)
    with pytest.raises(ScanError, match=r"locked for .* by a process that hangs"):
        Claim.take(paths)
    assert not file(paths, 2).exists()
    first.kill(signal.SIGCONT)
    assert first("") == "outside"


def test_the_number_of_an_owner_is_known_where_its_file_is_not_seen_yet(paths, monkeypatch):
    monkeypatch.setattr(owner, "BEAT", 0.05)
    first = Claim.take(paths)
    assert paths.lock.read_text() == "1\n"
    paths.lock.write_text("2\n")
    with pytest.raises(FencedError, match="attempt 2"), first.writing():
        pass
    first.end("done")
    assert last_attempt(paths).outcome is None
    second = Claim.take(paths)
    assert second.attempt.number == 3
    second.end("done")


def test_writing_may_be_nested_and_holds_the_point_meanwhile(paths):
    claim = Claim.take(paths)
    with claim.writing():
        with claim.writing():
            claim.resumed(2)
        assert is_locked(paths.lock)
    assert not is_locked(paths.lock)
    claim.end("done")
    assert last_attempt(paths).resumed_after == 2


def test_an_end_is_written_once_and_gives_the_point_free(paths):
    claim = Claim.take(paths)
    claim.end("failed", "no memory")
    claim.end("done")
    attempt = last_attempt(paths)
    assert (attempt.outcome, attempt.error, claim.attempt) == ("failed", "no memory", attempt)
    assert not alive(paths, attempt)
    assert sorted(path.name for path in paths.attempts.iterdir()) == ["0001.json"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("heart")]
    second = Claim.take(paths)
    assert second.attempt.number == 2
    second.end("done")


def test_a_claim_that_could_not_write_its_end_is_not_taken_for_alive(paths, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device", "0001.json")

    claim = Claim.take(paths)
    with monkeypatch.context() as patch:
        patch.setattr("dlscan.attempts.write_attempt", full)
        with pytest.raises(ScanError, match=r"0001\.json: cannot be written \(No space left on device\)"):
            claim.end("failed")
    assert not alive(paths, last_attempt(paths))
    Claim.take(paths).end("done")


def test_a_heart_does_not_hold_up_the_end_of_its_process(paths, worker):
    first = worker()
    first("take")
    first.process.stdin.close()
    assert first.process.wait(timeout=60) == 0
    assert not alive(paths, last_attempt(paths))


def wait_for(path):
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_sign_of_life_that_vanished_comes_back(paths, patient, worker):
    first = worker()
    first("take")
    move(paths, 1)
    beat = paths.attempts / "0001.beat"
    beat.unlink()
    assert alive(paths, last_attempt(paths))
    with pytest.raises(HeldError):
        Claim.take(paths)
    wait_for(beat)


def test_an_owner_whose_sign_of_life_vanished_is_waited_for(paths, worker):
    first = worker()
    first("take")
    first.kill()
    move(paths, 1)
    (paths.attempts / "0001.beat").unlink()
    age(paths, 1, 3600)
    start = server_time(paths.attempts)
    Claim.take(paths).end("done")
    assert file(paths, 2).stat().st_mtime >= start + STALE - 0.01


@pytest.mark.parametrize("offset", [-3600, 0, 3600])
def test_clocks_of_nodes_do_not_matter(paths, worker, monkeypatch, offset):
    first = worker()
    first("take")
    first.kill()
    move(paths, 1)
    now = server_time(paths.attempts)
    monkeypatch.setattr(time, "time", lambda: now + offset)
    attempt = last_attempt(paths)
    assert alive(paths, attempt, now=last_sign(paths, 1) + STALE - 0.01)
    age(paths, 1, STALE)
    assert not alive(paths, attempt)
    Claim.take(paths).end("done")


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "ten", ""])
def test_a_heartbeat_that_is_no_number_of_seconds_is_refused(paths, monkeypatch, text):
    monkeypatch.setenv("DLSCAN_HEARTBEAT", text)
    with pytest.raises(ConfigError, match=r"DLSCAN_HEARTBEAT=.* must be a number of seconds above 0"):
        Claim.take(paths)
    assert not paths.attempts.exists()


def test_an_attempt_says_how_often_its_heart_beats(paths, monkeypatch):
    claim = Claim.take(paths)
    assert json.loads(file(paths, 1).read_text())["beat"] == BEAT
    claim.end("done")
    monkeypatch.delenv("DLSCAN_HEARTBEAT")
    claim = Claim.take(paths)
    assert claim.attempt.beat == 10
    claim.end("done")


def test_a_directory_that_cannot_be_written_is_said_in_a_line(paths, worker):
    if os.geteuid() == 0:
        # root may write everywhere
        paths.directory.chmod(0o755)
        first = worker()
        assert first("nobody") == "nobody"
    else:
        paths.directory.chmod(0o555)
        first = worker()
    answer = first("take")
    assert answer.startswith("ScanError")
    assert "cannot be written (Permission denied)" in answer


def test_a_full_disk_is_said_in_a_line_and_the_point_goes_on_afterwards(paths, worker):
    first = worker()
    assert first("full") == "full"
    answer = first("take")
    assert answer.startswith("ScanError")
    assert "cannot be written (File too large)" in answer
    assert not list(paths.attempts.iterdir())
    second = worker()
    assert second("take") == "took 1"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"number": 1}', "\udcff"])
def test_a_damaged_attempt_does_not_make_a_point_unusable(paths, monkeypatch, content):
    monkeypatch.setattr(owner, "BEAT", 0.05)
    paths.attempts.mkdir()
    file(paths, 1).write_text(content, errors="surrogateescape")
    written = last_sign(paths, 1)
    claim = Claim.take(paths)
    assert claim.attempt.number == 2
    # it may have been alive
    # but for a tick of the file system's clock
    assert file(paths, 2).stat().st_mtime >= written + heartbeat.STALE_BEATS * 0.05 - 0.01
    claim.end("done")


OLD = {
    "number": 1,
    "host": "farm01",
    "pid": 7,
    "job": None,
    "started": "2026-01-01T00:00:00+00:00",
    "ended": None,
    "outcome": None,
    "error": None,
}


def test_an_attempt_of_an_older_version_lives_as_long_as_it_locks_the_point(paths):
    paths.attempts.mkdir()
    file(paths, 1).write_text(json.dumps(OLD))
    attempt = last_attempt(paths)
    with locked(paths.lock, ScanError("taken")):
        assert alive(paths, attempt)
    assert not alive(paths, attempt)
    claim = Claim.take(paths)
    assert claim.attempt.number == 2
    claim.end("done")


def test_what_killed_processes_left_is_removed(paths):
    paths.attempts.mkdir()
    for name in (".0001-77-abc.json", ".clock-77-abc", "0000.beat", ".0001-78-abc.json"):
        (paths.attempts / name).touch()
        if "-77-" in name:
            os.utime(paths.attempts / name, (0, 0))
    Claim.take(paths).end("done")
    # one that is written just now may be that of somebody who does not see our lock
    assert {path.name for path in paths.attempts.iterdir()} == {"0001.json", ".0001-78-abc.json"}


@pytest.mark.parametrize(
    ("variables", "job"),
    [
        ({"DLSCAN_JOB": "12_3", "SLURM_JOB_ID": "15"}, "12_3"),
        ({"SLURM_JOB_ID": "15"}, "15"),
        ({"DLSCAN_JOB": "", "PBS_JOBID": "8.server"}, "8.server"),
        ({}, None),
    ],
)
def test_an_attempt_has_the_job_that_was_submitted(paths, monkeypatch, variables, job):
    for name in ("DLSCAN_JOB", "SLURM_JOB_ID", "PBS_JOBID", "CONDOR_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    claim = Claim.take(paths)
    assert claim.attempt.job == job
    claim.end("done")


def test_the_end_of_a_job_that_died_is_noted_in_its_attempt(paths, worker, monkeypatch):
    monkeypatch.setenv("DLSCAN_JOB", "5")
    first = worker()
    first("take")
    assert not note_end(paths, "oom", "killed", "5")
    first.kill()
    assert note_end(paths, "oom", "killed", "5")
    attempt = last_attempt(paths)
    assert (attempt.number, attempt.outcome, attempt.error) == (1, "oom", "killed")
    assert attempt.ended is not None


@pytest.mark.parametrize("before", [None, "3"], ids=["first", "after another job"])
def test_the_end_of_a_job_that_never_began_is_an_attempt(paths, monkeypatch, before):
    if before:
        monkeypatch.setenv("DLSCAN_JOB", before)
        Claim.take(paths).end("preempted")
    assert note_end(paths, "failed", "no module named dlscan", "4")
    attempt = last_attempt(paths)
    assert (attempt.number, attempt.job) == (2 if before else 1, "4")
    assert (attempt.outcome, attempt.error) == ("failed", "no module named dlscan")
    assert not alive(paths, attempt)


def test_the_end_of_an_attempt_of_an_older_version_is_noted(paths):
    paths.attempts.mkdir()
    file(paths, 1).write_text(json.dumps(OLD))
    assert note_end(paths, "lost", "the node is gone")
    assert last_attempt(paths).outcome == "lost"
