"""Local slots, with real processes."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dlscan.batch import Ended, Job, LocalSlots, local
from dlscan.config import BatchOptions
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
    slots = LocalSlots(BatchOptions(max_running=1))
    assert slots.slots == 1
    for event in slots.run(jobs):
        if isinstance(event, Ended):
            running -= 1
            codes[event.job.name] = event.code
        elif event is not None:
            running += 1
            started.append(event.name)
        most = max(most, running)
    assert most == 1
    assert started == ["0", "1", "2", "3"]
    assert codes == {"0": 0, "1": 1, "2": 2, "3": 3}


def test_output_is_appended_to_the_log(tmp_path: Path) -> None:
    one = job(tmp_path, "a", "import sys; print('out', flush=True); print('err', file=sys.stderr)")
    for _ in range(2):
        list(LocalSlots(BatchOptions()).run([one]))
    assert one.log.read_text() == "out\nerr\nout\nerr\n"


def test_each_slot_has_its_own_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7,9")
    assert visible_gpus() == ["4", "5", "6", "7", "9"]
    code = "import os, time; print(os.environ['CUDA_VISIBLE_DEVICES']); time.sleep(0.5)"
    jobs = [job(tmp_path, str(n), code) for n in range(2)]
    slots = LocalSlots(BatchOptions(gpus=2))
    assert slots.slots == 2
    list(slots.run(jobs))
    assert {one.log.read_text() for one in jobs} == {"4,5\n", "6,7\n"}


def test_more_gpus_than_there_are_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(BatchError, match=r"batch\.gpus is 2, but there are 1"):
        LocalSlots(BatchOptions(gpus=2))


def test_a_job_knows_its_share_of_the_cpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "usable_cpus", lambda: 6)
    code = "import os; from dlscan.machine import usable_cpus; print(usable_cpus(), os.environ['{}'])"

    def shares(count: int, variable: str, **batch: Any) -> list[str]:
        jobs = [job(tmp_path, f"{count}-{number}", code.format(variable)) for number in range(count)]
        for one in jobs:
            one.log.unlink(missing_ok=True)
        list(LocalSlots(BatchOptions(**batch)).run(jobs))
        return [one.log.read_text() for one in jobs]

    cpus = min(6, len(os.sched_getaffinity(0)))
    # usable CPUs are never more than there are
    assert shares(6, "OMP_NUM_THREADS", cpus=1, gpus=0) == ["1 1\n"] * 6
    assert shares(1, "OMP_NUM_THREADS", cpus=1, gpus=0) == [f"{cpus} 6\n"]
    assert shares(2, "OMP_NUM_THREADS", cpus=2, gpus=0) == [f"{min(3, cpus)} 3\n"] * 2
    # a limit leaves the other CPUs alone
    assert shares(6, "OMP_NUM_THREADS", cpus=1, gpus=0, max_running=2) == ["1 1\n"] * 6
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    assert shares(1, "CUDA_VISIBLE_DEVICES", cpus=1) == [f"{cpus} 0\n"]
    assert shares(3, "CUDA_VISIBLE_DEVICES", cpus=1) == [f"{min(2, cpus)} {n}\n" for n in range(3)]


def test_there_is_a_slot_for_each_share_of_the_cpus() -> None:
    assert LocalSlots(BatchOptions(cpus=1)).slots == len(os.sched_getaffinity(0))
    assert LocalSlots(BatchOptions(cpus=1000)).slots == 1


def test_a_killed_job_ends_with_its_signal(tmp_path: Path) -> None:
    one = job(tmp_path, "a", "import os; os.kill(os.getpid(), 9)")
    events = [event for event in LocalSlots(BatchOptions()).run([one]) if event is not None]
    assert events == [one, Ended(one, -signal.SIGKILL)]


def test_leaving_early_interrupts_what_runs(tmp_path: Path) -> None:
    code = (
        "import time\ntry:\n    print('up', flush=True); time.sleep(1000)\n"
        "except KeyboardInterrupt:\n    print('interrupted', flush=True)"
    )
    one = job(tmp_path, "a", code)
    for _ in LocalSlots(BatchOptions()).run([one]):
        while not (one.log.exists() and "up" in one.log.read_text()):
            time.sleep(0.02)
        break
    # the generator is closed, and with it the job
    assert one.log.read_text() == "up\ninterrupted\n"


def test_what_others_take_is_not_given_to_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two others at first; then one; then none: so many jobs begin."""
    monkeypatch.setattr(local, "usable_cpus", lambda: 2)
    go = tmp_path / "go"
    code = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.02)"
    jobs = [job(tmp_path, str(n), code) for n in range(2)]
    others = ["", ""]
    started: list[str] = []
    looks = 0
    for event in LocalSlots(BatchOptions(cpus=1, gpus=0)).run(jobs, lambda: others):
        if isinstance(event, Job):
            started.append(event.name)
        looks += event is None
        if looks in (3, 6) and event is None:
            assert len(started) == 2 - len(others)
            others.pop()
        if len(started) == 2:
            go.touch()
    assert started == ["0", "1"]


def test_gpus_that_others_use_are_left_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    code = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])"
    jobs = [job(tmp_path, str(n), code) for n in range(2)]
    list(LocalSlots(BatchOptions(gpus=1)).run(jobs, lambda: ["4", "6,7"]))
    assert [one.log.read_text() for one in jobs] == ["5\n", "5\n"]
