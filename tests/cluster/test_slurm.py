"""Slurm behind the Protocol, against a real one; shell scripts stand in for training."""

import contextlib
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from dlscan.batch import JobState, Request, slurm_queries, system
from dlscan.batch.slurm import Slurm
from dlscan.config import BatchOptions
from dlscan.errors import BatchError
from tests.slow import takes

from .slurm import SlurmCluster, wait_for

HOSTILE = "scan 'a' \"b\" $(touch x) `touch y` ü粒\n%a \\n ; #"
SMALL = {"gpus": 0, "cpus": 1, "memory": 200 * 2**20}


class Named(Slurm):
    """Slurm that is asked by the ids alone of jobs that were submitted here: it remembers their names."""

    names: ClassVar[dict[str, str]] = {}

    def submit(self, request: Request) -> list[str]:
        ids = super().submit(request)
        self.names.update(dict.fromkeys(ids, request.tag))
        return ids

    def look(self, jobs: Collection[str]) -> dict[str, JobState]:
        return super().look({job: self.names.get(job, "dlscan-00000000-1") for job in jobs})


class Scans:
    """Makes scans whose training is a shell script of the test's, and submits them."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self._monkeypatch = monkeypatch
        self._number = 0

    def request(self, training: str, jobs: int | tuple[tuple[int, ...], ...] = 1, **batch: object) -> Request:
        """Jobs that run `training`, in which $1 is the scan's directory and $2... are the points."""
        self._number += 1
        scan = self.home / HOSTILE
        grouped = tuple((number,) for number in range(1, jobs + 1)) if isinstance(jobs, int) else jobs
        for number in (number for job in grouped for number in job):
            (scan / "points" / f"{number:04d}-width={number}").mkdir(parents=True, exist_ok=True)
        # called as `python -P -m dlscan train SCAN --point 1 2 --stopped-exit-code 85`
        stand_in = self.home / f"python {self._number}"
        stand_in.write_text(
            "#!/usr/bin/env -S --default-signal bash\n"
            '[ "$1 $2 $3 $4 $6" = "-P -m dlscan train --point" ] || exit 99\n'
            '[ "${*: -2}" = "--stopped-exit-code 85" ] || exit 98\n'
            f'set -- "$5" "${{@:7:$#-8}}"\n{training}\n'
        )
        stand_in.chmod(0o755)
        self._monkeypatch.setattr(sys, "executable", str(stand_in))
        directory = scan / "submissions" / f"{self._number:04d}"
        tag = f"dlscan-{secrets.token_hex(4)}-{self._number}"
        return Request(tag, scan, directory, grouped, BatchOptions(**{**SMALL, **batch}))

    def log(self, request: Request, point: int = 1) -> str:
        log = request.scan / "points" / f"{point:04d}-width={point}" / "log.txt"
        return log.read_text() if log.exists() else ""


@pytest.fixture
def scans(cluster: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scans:
    return Scans(tmp_path, monkeypatch)


def wait_state(
    system: "Named", job: str, wanted: Callable[[JobState], bool], seconds: float = 60
) -> JobState:
    seen: dict[str, JobState] = {}

    def look() -> bool:
        seen.clear()
        seen.update(system.look([job]))
        return job in seen and wanted(seen[job])

    try:
        wait_for(f"job {job}", look, seconds)
    except TimeoutError as error:
        raise AssertionError(f"{error}: {seen}") from None
    return seen[job]


def ended(job_state: JobState) -> bool:
    return job_state.phase == "ended"


def running(job_state: JobState) -> bool:
    return job_state.phase == "running"


def test_jobs_train_their_points_under_a_hostile_name(scans: Scans, cluster: SlurmCluster) -> None:
    training = 'echo "$DLSCAN_JOB|$DLSCAN_CPUS|$CUDA_VISIBLE_DEVICES|${*:2}"; cd "$1" && pwd -P'
    request = scans.request(training, jobs=((1, 2), (3,)), gpus=2)
    system = Named(request.batch)
    system.check(request.batch)
    jobs = system.submit(request)
    assert [job.partition("_")[2] for job in jobs] == ["1", "2"]
    for job in jobs:
        job_state = wait_state(system, job, ended)
        assert (job_state.reason, job_state.words, job_state.host in cluster.nodes) == (
            "done",
            "COMPLETED",
            True,
        )
    assert scans.log(request, 1) == f"{jobs[0]}|1|0,1|1 2\n{request.scan}\n"
    assert scans.log(request, 3) == f"{jobs[1]}|1|0,1|3\n{request.scan}\n"
    assert "points 1 2, GPU 0,1" in (request.directory / "1.log").read_text()
    assert (request.directory / "jobs.txt").read_text() == "1 2\n3\n"
    assert not list(scans.home.rglob("x")) + list(scans.home.rglob("y"))


def test_script_can_be_run_again_by_hand(scans: Scans, cluster: SlurmCluster) -> None:
    request = scans.request('echo "${*:2}"', jobs=2)
    system = Named(request.batch)
    system.submit(request)
    again = cluster.run(
        "sbatch", "--parsable", f"--chdir={request.directory}", "--array=2", request.directory / "slurm.sh"
    ).strip()
    system.names[f"{again}_2"] = request.tag
    wait_state(system, f"{again}_2", ended)
    wait_for("both", lambda: scans.log(request, 2) == "2\n2\n")


def test_submission_is_found_by_its_name(scans: Scans) -> None:
    request = scans.request("sleep 60", jobs=3, max_running=1)
    system = Named(request.batch)
    assert system.find(request) == []
    jobs = system.submit(request)
    assert system.find(request) == jobs
    wait_state(system, jobs[0], running)
    assert [system.look(jobs)[job].phase for job in jobs] == ["running", "queued", "queued"]
    assert system.look(jobs)[jobs[2]].words == "PENDING (JobArrayTaskLimit)"
    system.cancel(jobs)
    for job in jobs:
        assert wait_state(system, job, ended).reason == "cancelled"
    system.cancel(jobs)
    assert system.find(request) == jobs


def test_jobs_that_no_node_can_run_are_refused_and_not_found(scans: Scans) -> None:
    system = Named(BatchOptions())
    request = scans.request("true", 2, memory=900 * 2**30)
    with pytest.raises(BatchError, match=r"not available; no node here has what a job asks for"):
        system.submit(request)
    assert system.find(request) == []


def test_crashed_and_killed_jobs_tell_how(scans: Scans, cluster: SlurmCluster) -> None:
    request = scans.request("[ $2 = 1 ] && exit 3; kill -9 $$", jobs=2)
    system = Named(request.batch)
    jobs = system.submit(request)
    assert wait_state(system, jobs[0], ended) == JobState("ended", "failed", "FAILED (exit code 3)", "node1")
    assert wait_state(system, jobs[1], ended).words == "FAILED (killed by signal 9; out of memory?)"
    assert "exit code 137" in (request.directory / "2.log").read_text()


def test_job_that_takes_too_much_memory_is_killed(scans: Scans) -> None:
    # without control groups Slurm does not call it OUT_OF_MEMORY, but says so in the job's output
    request = scans.request("{ head -c 300M /dev/zero; sleep 60; } | tail", memory=100 * 2**20)
    system = Named(request.batch)
    [job] = system.submit(request)
    assert wait_state(system, job, ended).words == "FAILED (killed by signal 9; out of memory?)"


# A training that stops when it is told to. Slurm kills a job in its first moments without a word, so it is a
# second old when it begins.
STOPPABLE = (
    "trap 'echo stopped $DLSCAN_JOB by USR1; exit 85' USR1; "
    "trap 'echo stopped $DLSCAN_JOB by TERM; exit 85' TERM; "
    "sleep 1; echo begin; for i in $(seq 600); do sleep 0.1; done; echo end"
)


def test_signal_to_the_shell_brings_training_back(scans: Scans, cluster: SlurmCluster) -> None:
    once = '[ $(grep -c begin "$1"/points/*/log.txt) = 1 ] || exit 0'
    request = scans.request(STOPPABLE.replace("for i", f"{once}; for i"))
    system = Named(request.batch)
    [job] = system.submit(request)
    wait_for("begin", lambda: "begin" in scans.log(request))
    # to the shell alone, as `--signal=B:USR1` does
    cluster.run("scancel", "--batch", "--signal=USR1", job)
    assert wait_state(system, job, ended).reason == "done"
    assert f"stopped {job} by USR1" in scans.log(request)
    assert scans.log(request).count("begin") == 2
    assert "exit code 85, before the time limit" in (request.directory / "1.log").read_text()


@takes("40 s")
def test_time_limit_is_announced_and_kept(scans: Scans, cluster: SlurmCluster) -> None:
    # two at once, because Slurm looks at the clock every half minute only
    stubborn = scans.request("trap '' TERM USR1; echo begin; sleep 60")
    system = Named(stubborn.batch)
    [killed] = system.submit(stubborn)
    wait_for("begin", lambda: "begin" in scans.log(stubborn))
    cluster.run("scontrol", "update", f"job={killed}", "endtime=now+1")

    once = '[ $(grep -c begin "$1"/points/0002*/log.txt) = 1 ] || exit 0'
    training = STOPPABLE.replace("for i", f"{once}; for i")
    request = scans.request(training, ((2,),), options={"signal": "B:USR1@55"}, time=60.0)
    [job] = system.submit(request)
    assert wait_state(system, job, ended).reason == "done"
    assert scans.log(request, 2).count("begin") == 2
    assert f"stopped {job} by USR1" in scans.log(request, 2)
    assert "exit code 85, before the time limit" in (request.directory / "1.log").read_text()
    assert wait_state(system, killed, ended).reason == "timeout"


def test_requeued_jobs_stop_and_go_on(scans: Scans, cluster: SlurmCluster) -> None:
    request = scans.request(STOPPABLE, jobs=2)
    system = Named(request.batch)
    jobs = system.submit(request)
    for point in (1, 2):
        wait_for("begin", lambda point=point: "begin" in scans.log(request, point))
    cluster.requeue(jobs[0])
    node = cluster.node_of(jobs[1])
    cluster.down(node)
    for point in (1, 2):
        wait_for("second begin", lambda point=point: scans.log(request, point).count("begin") == 2)
    for job in jobs:
        assert wait_state(system, job, running).host != node
    assert f"stopped {jobs[0]} by TERM" in scans.log(request, 1)


def test_cancelled_job_does_not_come_back(scans: Scans, cluster: SlurmCluster) -> None:
    request = scans.request(STOPPABLE)
    system = Named(request.batch)
    [job] = system.submit(request)
    wait_for("begin", lambda: "begin" in scans.log(request))
    cluster.scancel(job)
    assert wait_state(system, job, ended).reason == "cancelled"
    wait_for("word of the script", lambda: "told to end" in (request.directory / "1.log").read_text())
    assert system.look([job])[job].reason == "cancelled"


def test_preempted_jobs_wait_or_end(scans: Scans, cluster: SlurmCluster) -> None:
    system = Named(BatchOptions())
    requests = [
        scans.request(STOPPABLE, ((n,),), options={"partition": p}) for n, p in ((1, "main"), (2, "kill"))
    ]
    (waits,), (ends,) = jobs = [system.submit(request) for request in requests]
    for request, (point,) in zip(requests, ((1,), (2,)), strict=True):
        wait_for("begin", lambda request=request, point=point: "begin" in scans.log(request, point))
    urgent = cluster.preempt(60)
    assert wait_state(system, waits, lambda job_state: job_state.phase == "queued").reason == ""
    assert wait_state(system, ends, ended).reason == "preempted"
    for (job,), request, point in zip(jobs, requests, (1, 2), strict=True):
        assert f"stopped {job} by TERM" in scans.log(request, point)
    cluster.scancel(urgent)


def test_killed_slurmd_does_not_lose_the_job(scans: Scans, cluster: SlurmCluster) -> None:
    request = scans.request("sleep 1; echo begin; sleep 3; echo end")
    system = Named(request.batch)
    [job] = system.submit(request)
    wait_for("begin", lambda: "begin" in scans.log(request))
    node = cluster.node_of(job)
    cluster.kill_node(node)
    assert system.look([job])[job].phase == "running"
    cluster.start_node(node)
    assert wait_state(system, job, ended).reason == "done"


def test_more_jobs_than_the_site_takes_are_refused(scans: Scans) -> None:
    system = Named(BatchOptions())
    most = system.most_jobs()
    assert most == 1000
    request = scans.request("true", jobs=1, options={"hold": True})
    many = Request(request.tag, request.scan, request.directory, ((1,),) * (most + 1), request.batch)
    with pytest.raises(BatchError, match="Invalid job array specification"):
        system.submit(many)
    fits = Request(request.tag, request.scan, request.directory, ((1,),) * most, request.batch)
    jobs = system.submit(fits)
    assert len(system.look(jobs)) == most
    assert system.look(jobs[-1:])[jobs[-1]].phase == "queued"
    system.cancel(jobs)
    assert {job_state.reason for job_state in system.look(jobs).values()} == {"cancelled"}


def test_unknown_jobs_are_left_out(scans: Scans) -> None:
    system = Named(BatchOptions())
    assert system.look([]) == {}
    assert system.look(["999999_1"]) == {}
    assert system.look(["999999_1", "999998_1"]) == {}
    system.cancel(["999999_1"])


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"options": {"partitoin": "main"}}, "no option --partitoin here; did you mean 'partition'"),
        ({"options": {"partition": "mian"}}, "there is no partition 'mian' here; did you mean 'main'"),
        (
            {"options": {"partition": "main,gpu"}},
            "there is no partition 'gpu' here; valid: kill, main, short",
        ),
        ({"options": {"partition": "short"}, "time": 3600.0}, "partition 'short' allows at most 00:02:00"),
        ({"options": {"p": "main"}}, "-p is short for 'partition'; write the long name"),
        ({"template": "slrum"}, "no template 'slrum'"),
    ],
)
def test_bad_options_are_found_before_anything_is_written(
    cluster: SlurmCluster, batch: dict, message: str
) -> None:
    with pytest.raises(BatchError, match=message):
        Named(BatchOptions()).check(BatchOptions(**batch))


def test_controller_that_does_not_answer_is_an_error(
    scans: Scans, cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = scans.request("sleep 60")
    system = Named(request.batch)
    [job] = system.submit(request)
    cluster.stop_controller()
    monkeypatch.setattr(slurm_queries, "TRIES", 1)
    with pytest.raises(BatchError):
        system.look([job])
    cluster.start_controller()
    assert system.look([job])[job].phase in ("queued", "running")


@contextlib.contextmanager
def another_cluster(name: str, first: int) -> Iterator[SlurmCluster]:
    """A second Slurm, whose commands answer inside of this."""
    home = Path(tempfile.mkdtemp(prefix="dlscan-slurm-"))
    home.chmod(0o755)
    other = SlurmCluster(home, nodes=1, name=name, first=first)
    try:
        other.start()
        yield other
    finally:
        other.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.parametrize("name", ["elsewhere", "dlscantest"])
def test_another_cluster_with_a_job_of_the_same_number_is_no_answer(scans: Scans, name: str) -> None:
    """Whether it has another name, or began its numbers anew under the same one."""
    request = scans.request("sleep 60", options={"hold": True})
    here = Slurm(request.batch)
    [job] = here.submit(request)
    cluster, number = here.cluster(), int(job.partition("_")[0])
    assert cluster == "dlscantest"
    with another_cluster(name, number) as other:
        theirs = other.run("sbatch", "--parsable", "--array=1", "-o", "/dev/null", "--wrap", "exit 3").strip()
        assert int(theirs) == number
        other.wait_state(job, "FAILED")
        with pytest.raises(BatchError, match=f"job {number} is called 'wrap' here, not '{request.tag}'"):
            Slurm(request.batch).look({job: request.tag})
        assert Slurm(request.batch).find(request) == []
        if name != cluster:
            with pytest.raises(
                BatchError, match="on cluster dlscantest, but this machine uses cluster elsewhere"
            ):
                system(BatchOptions(system="slurm"), cluster)
    assert Slurm(request.batch).look({job: request.tag})[job].phase == "queued"
