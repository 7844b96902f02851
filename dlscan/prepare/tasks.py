"""How the passes are cut into tasks: by bytes, by processes and by the memory that is free."""

import dataclasses
import math

from dlscan.machine import free_memory, usable_cpus
from dlscan.raw import FileLayout, RawFile

# Dense bytes of a task: long enough to hide its start, short enough to keep many processes busy and to show
# progress; at most a machine's worth of them is in memory, and of each only blocks and runs.
TASK_BYTES = 128 * 2**20
# What a process takes at most with the least run: Python, numpy and HDF5, a block being encoded, a run or a
# shard being sorted.
_PROCESS_BYTES = 256 * 2**20
_LEAST_RUN, _LONGEST_RUN = 32 * 2**20, 2**30
# What is read of a run at once: long enough to hide the way to it.
_READ_BYTES = 2**20


@dataclasses.dataclass(frozen=True)
class Piece:
    """Rows `start` to `stop` of raw file number `number`."""

    number: int
    file: RawFile
    start: int
    stop: int


def cut_into_tasks(
    files: dict[RawFile, FileLayout], numbers: dict[RawFile, int], workers: int
) -> list[list[Piece]]:
    """Cut the files into tasks of about equal dense bytes; long files into several pieces.

    Parameters
    ----------
    files : dict of RawFile to FileLayout
        What to read.
    numbers : dict of RawFile to int
        The number of each file in the manifest.
    workers : int
        Processes; huge data get longer tasks, so that their number stays within reason.
    """
    layout = next(iter(files.values()))
    event, total = layout.event_bytes, total_bytes(files)
    rows = max(1, int(min(max(TASK_BYTES, total / (workers * 16)), 32 * TASK_BYTES) // event))
    tasks: list[list[Piece]] = [[]]
    room = rows
    for file, layout in files.items():
        start = 0
        while start < layout.events:
            # a file is cut only where it is longer than a task: its chunks are then decoded once
            length = min(rows, layout.events - start)
            if length > room and tasks[-1]:
                tasks.append([])
                room = rows
            tasks[-1].append(Piece(numbers[file], file, start, start + length))
            start, room = start + length, room - length
    return tasks


def local_processes(tasks: int) -> int:
    """As many processes as there are CPUs, memory and tasks for."""
    return max(1, min(usable_cpus(), free_memory() // _PROCESS_BYTES, tasks))


def total_bytes(files: dict[RawFile, FileLayout]) -> int:
    """Dense bytes of the events of all files."""
    layout = next(iter(files.values()))
    return layout.event_bytes * sum(layout.events for layout in files.values())


def run_bytes(processes: int | None, total: int) -> int:
    """Bytes of encoded events that each of so many local processes collects before it writes a run.

    The second pass takes as many bytes of shards at once, and reads their part of each run: with runs as long
    as the root of `total` bytes, a read is as long for any `total`. Longer runs would only take more memory.

    Sorting a run takes them twice more, and the rest of the machine is not ours: an eighth of what is free.
    None stands for processes elsewhere, of whose memory nothing is known.
    """
    room = 4 * _LEAST_RUN if processes is None else free_memory() // (8 * processes)
    return min(max(min(room, math.isqrt(total * _READ_BYTES)), _LEAST_RUN), _LONGEST_RUN)
