"""Run tasks with dask: in this process, in local processes, or on a running cluster."""

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from dlscan.errors import DataError, UsageError

Task = TypeVar("Task")
Result = TypeVar("Result")
RunTasks = Callable[..., list[Any]]

# glibc gives large blocks back to the kernel and asks for them again: a fifth of the work. A process keeps
# what it needed at most, which is bounded.
_NO_TRIMMING = {
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 2**30,
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 2**32,
}

# a scheduler may take as long to answer
_SECONDS = 10


@contextlib.contextmanager
def workers(count: int, scheduler: str | None) -> Iterator[RunTasks]:
    """Give a function `run(function, tasks, done)` that maps tasks to results, in order.

    `done` is called with each result as it comes, for progress.

    Parameters
    ----------
    count : int
        Local processes; with 1 everything happens in this one.
    scheduler : str or None
        Address of a running dask scheduler, such as `tcp://node:8786`, to use instead.

    Raises
    ------
    UsageError
        If there is no scheduler at that address.
    DataError
        If a worker process dies again and again.
    """
    if scheduler is None and count == 1:
        yield _run_here
        return
    import dask
    from distributed import Client, LocalCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            # our own buffers are bounded; dask's limit would kill a worker for page cache it did not ask for
            with _deaf_to_interrupts(), dask.config.set(_NO_TRIMMING):
                cluster = LocalCluster(
                    n_workers=count,
                    threads_per_worker=1,
                    memory_limit=0,
                    dashboard_address=":0",
                    silence_logs=logging.CRITICAL,
                )
            stack.enter_context(cluster)
            client = Client(cluster)
        else:
            try:
                client = Client(scheduler, timeout=_SECONDS)
            except (OSError, ValueError) as error:
                raise UsageError(f"--scheduler {scheduler}: no dask scheduler answers ({error})") from None
        stack.enter_context(client)

        def run(
            function: Callable[[Task], Result], tasks: Sequence[Task], done: Callable[[Result], None]
        ) -> list[Result]:
            return _run_with(client, function, tasks, done)

        yield run


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C; a process that is started meanwhile does so for good, and leaves it to its parent."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _run_here(
    function: Callable[[Task], Result], tasks: Sequence[Task], done: Callable[[Result], None]
) -> list[Result]:
    results = []
    for task in tasks:
        results.append(function(task))
        done(results[-1])
    return results


def _run_with(
    client: Any, function: Callable[[Task], Result], tasks: Sequence[Task], done: Callable[[Result], None]
) -> list[Result]:
    from distributed import KilledWorker, as_completed

    # without pure=False a task that ran in an earlier call would give the results of then
    futures = client.map(function, tasks, pure=False)
    places = {future.key: place for place, future in enumerate(futures)}
    results: dict[int, Result] = {}
    try:
        for future in as_completed(futures):
            results[places[future.key]] = future.result()
            done(results[places[future.key]])
    except KilledWorker:
        raise DataError(
            "a worker process died several times on the same task (out of memory?); run again with fewer "
            "--workers"
        ) from None
    finally:
        client.cancel(futures, force=True)
    return [results[place] for place in range(len(tasks))]
