"""Jobs as tasks of a running dask.distributed scheduler."""

import asyncio
import contextlib
import logging
import shlex
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dlscan.batch.dask_job import run_job
from dlscan.batch.local import cpu_share
from dlscan.batch.system import Jobs, JobState, Request
from dlscan.config import BatchOptions
from dlscan.errors import BatchError
from dlscan.files import read_json, write_text

# What `batch.options` may hold; the rest of a worker is decided by whoever starts it.
OPTIONS = ("priority", "resources", "workers")
_SECONDS = 15.0
_PROBE_SECONDS = 5.0


class Dask:
    """A running scheduler.

    It remembers tasks only as long as they wait or run, and only as long as it lives itself: what became of a
    job is written in the directories of its points.

    Parameters
    ----------
    batch : BatchOptions
        `scheduler` is its address, or the path of its file.
    """

    name = "dask"

    def __init__(self, batch: BatchOptions) -> None:
        self._batch = batch

    def cluster(self) -> str:
        """None: `batch.scheduler` says which one it is."""
        return ""

    def check(self, batch: BatchOptions) -> None:
        """Check the options, and that the scheduler answers."""
        _check_options(batch)
        with self._client():
            pass

    def most_jobs(self) -> int | None:
        """Any number."""
        return None

    def script(self, request: Request) -> str:
        """The command of each task, a line each."""
        _check_options(request.batch)
        lines = [
            "#!/bin/sh",
            f"# Submission {request.tag}: tasks of the dask scheduler {request.batch.scheduler}.",
            "# Each line is what a task runs, and can be run by hand as it stands.",
        ]
        for name, points in zip(_keys(request), request.jobs, strict=True):
            numbers = map(str, points)
            command = shlex.join(["dlscan", "train", str(request.scan.absolute()), "--point", *numbers])
            lines += [f"# {name}", command]
        return "\n".join(lines) + "\n"

    def submit(self, request: Request) -> list[str]:
        """Write the commands into the submission's directory, and hand the tasks to the scheduler."""
        script = self.script(request)
        request.directory.mkdir(parents=True, exist_ok=True)
        write_text(request.directory / "dask.sh", script)
        batch, keys = request.batch, _keys(request)
        scan = str(request.scan.absolute())
        with self._client() as client:
            from distributed import fire_and_forget

            count = len(keys)
            futures = client.map(
                run_job,
                *(keys, [scan] * count, list(request.jobs)),
                *(
                    [cpu_share(batch.cpus)] * count,
                    [None if batch.time is None else float(batch.time)] * count,
                ),
                key=keys,
                pure=False,
                **batch.options,
            )
            fire_and_forget(futures)
            # they are on their way: until they are there, the end of this client would be the end of them
            self._wait_for(client, keys)
        return keys

    def find(self, request: Request) -> list[str]:
        """All jobs of a submission if the scheduler has one of them: they come in one message."""
        keys = _keys(request)
        return keys if self._under_way(dict.fromkeys(keys, request.tag)) else []

    def look(self, jobs: Jobs) -> dict[str, JobState]:
        """What the scheduler says; a task that it does not have, or that went with it, has ended."""
        if self._is_gone():
            return dict.fromkeys(jobs, JobState("ended", "cancelled", "the dask scheduler is gone"))
        with self._client() as client:
            said = _told(client, list(jobs))
        # what became of a task that is through, its points say; of one that never began, nobody
        forgotten = JobState("ended", "cancelled", "the scheduler no longer has it")
        return {name: _sight(*said[name]) if name in said else forgotten for name in jobs}

    def cancel(self, jobs: Jobs) -> None:
        """Cancel tasks; their processes are asked to stop."""
        under_way = self._under_way(jobs)
        if under_way:
            with self._client() as client:
                from distributed import Future

                client.cancel([Future(name, client=client) for name in under_way], force=True)

    def _under_way(self, jobs: Jobs) -> list[str]:
        return [name for name, job_state in self.look(jobs).items() if job_state.phase != "ended"]

    def _address(self) -> str:
        where = self._batch.scheduler
        if where is None:
            raise BatchError(
                "batch.scheduler is missing: start `dask scheduler` and some `dask worker ADDRESS`, "
                "then give its address (tcp://HOST:8786) or its file here or with --scheduler"
            )
        if "://" in where or not ("/" in where or where.endswith(".json")):
            return where
        try:
            address = str(read_json(Path(where))["address"])
        except (OSError, KeyError, TypeError) as error:
            raise BatchError(
                f"batch.scheduler: {where} is not the file of a running dask scheduler ({_words(error)})"
            ) from None
        return address

    def _is_gone(self) -> bool:
        """Whether there is certainly no scheduler any more: its machine answers, and says so."""
        where = self._batch.scheduler or ""
        if where.endswith(".json") and not Path(where).exists():
            return Path(where).parent.is_dir()  # a scheduler removes its file when it ends
        host, _, port = self._address().rpartition("://")[2].rpartition(":")
        if not port.isdecimal():
            return False
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_PROBE_SECONDS).close()
        except ConnectionRefusedError:
            return True
        except OSError:
            return False  # perhaps it is the network
        return False

    @contextlib.contextmanager
    def _client(self) -> Iterator[Any]:
        from distributed import Client

        address = self._address()
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        try:
            asyncio.run(_answer(address))
            client = Client(address, timeout=_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise BatchError(
                f"dask: no scheduler answers at {address} ({_words(error)}); start it and its workers, or "
                "give another with --scheduler"
            ) from None
        try:
            with client:
                yield client
        except (OSError, TimeoutError, ImportError) as error:
            raise BatchError(f"dask: the scheduler at {address} failed: {_words(error)}") from None

    def _wait_for(self, client: Any, keys: list[str]) -> None:
        until = time.monotonic() + _SECONDS
        while len(_told(client, keys)) < len(keys):
            if time.monotonic() > until:
                raise BatchError(
                    "dask: the scheduler did not accept the tasks in time; check that it is "
                    "running, then run the same command again"
                )
            time.sleep(0.05)


async def _answer(address: str) -> None:
    """Wait for an answer, for some time: a client waits without an end if the scheduler stands still."""
    from distributed.core import rpc

    scheduler = rpc(address, timeout=_SECONDS)
    try:
        await asyncio.wait_for(scheduler.identity(), _SECONDS)
    finally:
        await scheduler.close_rpc()


def tell(keys: list[str], dask_scheduler: Any = None) -> dict[str, tuple[str, str, str]]:
    """Tell of tasks their state, the worker and the error; runs in the scheduler."""
    tasks = {key: dask_scheduler.tasks[key] for key in keys if key in dask_scheduler.tasks}
    return {
        key: (task.state, task.processing_on.address if task.processing_on else "", task.exception_text or "")
        for key, task in tasks.items()
        if task.run_spec is not None and task.state != "forgotten"
    }


def _told(client: Any, keys: list[str]) -> dict[str, tuple[str, str, str]]:
    # a scheduler that stands still would be waited for without an end
    said: dict[str, tuple[str, str, str]] = client.run_on_scheduler(
        tell, keys=keys, callback_timeout=_SECONDS
    )
    return said


def _sight(state: str, worker: str, error: str) -> JobState:
    host = worker.rpartition("://")[2].rpartition(":")[0]
    if state == "processing":
        return JobState("running", words=f"on {worker}", host=host)
    if state == "memory":
        return JobState("ended", "done", "finished", host)
    if state == "erred":
        return JobState("ended", "node" if "KilledWorker" in error else "failed", error, host)
    return JobState("queued", words="no worker is suitable" if state == "no-worker" else state)


def _keys(request: Request) -> list[str]:
    return [f"{request.tag}-{number}" for number in range(1, len(request.jobs) + 1)]


def _check_options(batch: BatchOptions) -> None:
    for name in batch.options:
        if name not in OPTIONS:
            raise BatchError(f"batch.options.{name}: dask has no such option, only {', '.join(OPTIONS)}")
    if batch.template is not None:
        raise BatchError("batch.template: dask runs no script, so it has no template; remove the key")


def _words(error: BaseException) -> str:
    """Some errors have no text."""
    return str(error) or type(error).__name__
