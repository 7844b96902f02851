"""Local slots, with real processes."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from dlscan.batch import Ended, Job, LocalSlots
from dlscan.config import Batch
from dlscan.errors import BatchError
from dlscan.gpus import visible_gpus


def job(tmp_path: Path, name: str, code: str) -> Job:
    return Job(name, (sys.executable, "-c", code), tmp_path / f"{name} $(x) 'ü'.txt")


@pytest.fixture(autouse=True)
def _no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def test_jobs_run_in_order_and_never_more_than_there_are_slots(tmp_path: Path) -> None:
    jobs = [job(tmp_path, str(n), f"import time, sys; time.sleep(0.2); sys.exit({n})") for n in range(4)]
    running, most, codes, started = 0, 0, {}, []
    slots = LocalSlots(Batch(max_running=1))
    assert len(slots.slots) == 1
    for event in slots.run(jobs):
        if isinstance(event, Ended):
            running -= 1
            codes[event.job.name] = event.code
        else:
            running += 1
            started.append(event.name)
        most = max(most, running)
    assert most == 1
    assert started == ["0", "1", "2", "3"]
    assert codes == {"0": 0, "1": 1, "2": 2, "3": 3}


def test_output_is_appended_to_the_log(tmp_path: Path) -> None:
    one = job(tmp_path, "a", "import sys; print('out', flush=True); print('err', file=sys.stderr)")
    for _ in range(2):
        list(LocalSlots(Batch()).run([one]))
    assert one.log.read_text() == "out\nerr\nout\nerr\n"


def test_each_slot_has_its_own_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7,9")
    assert visible_gpus() == ["4", "5", "6", "7", "9"]
    code = "import os, time; print(os.environ['CUDA_VISIBLE_DEVICES']); time.sleep(0.5)"
    jobs = [job(tmp_path, str(n), code) for n in range(2)]
    slots = LocalSlots(Batch(gpus=2))
    assert len(slots.slots) == 2
    list(slots.run(jobs))
    assert {one.log.read_text() for one in jobs} == {"4,5\n", "6,7\n"}


def test_more_gpus_than_there_are_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(BatchError, match=r"batch\.gpus is 2, but there are 1"):
        LocalSlots(Batch(gpus=2))


def test_a_job_knows_its_share_of_the_cpus(tmp_path: Path) -> None:
    one = job(tmp_path, "a", "from dlscan.machine import usable_cpus; print(usable_cpus())")
    list(LocalSlots(Batch(cpus=1)).run([one]))
    assert one.log.read_text() == "1\n"


def test_without_gpus_cpus_are_shared_out(tmp_path: Path) -> None:
    slots = LocalSlots(Batch(cpus=1))
    assert len(slots.slots) == len(os.sched_getaffinity(0))
    one = job(tmp_path, "a", "import os; print(os.environ['OMP_NUM_THREADS'])")
    list(slots.run([one]))
    assert one.log.read_text() == "1\n"
    assert len(LocalSlots(Batch(cpus=1000)).slots) == 1


def test_a_killed_job_ends_with_its_signal(tmp_path: Path) -> None:
    one = job(tmp_path, "a", "import os; os.kill(os.getpid(), 9)")
    events = list(LocalSlots(Batch()).run([one]))
    assert events == [one, Ended(one, -signal.SIGKILL)]


def test_leaving_early_interrupts_what_runs(tmp_path: Path) -> None:
    code = (
        "import time\ntry:\n    print('up', flush=True); time.sleep(60)\n"
        "except KeyboardInterrupt:\n    print('interrupted', flush=True)"
    )
    one = job(tmp_path, "a", code)
    begin = time.monotonic()
    for _ in LocalSlots(Batch()).run([one]):
        while not (one.log.exists() and "up" in one.log.read_text()):
            time.sleep(0.02)
        break
    # the generator is closed, and with it the job
    assert one.log.read_text() == "up\ninterrupted\n"
    assert time.monotonic() - begin < 20
