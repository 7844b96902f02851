"""A worker process: reads what it is told into slots of shared memory until its owner is gone.

It is started as a plain command, not by `multiprocessing`: it imports nothing of its owner's program, so a
script needs no `if __name__ == "__main__"`, and neither Keras nor the command line is loaded here.
"""

import contextlib
import mmap
import os
import resource
import sys
import traceback
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from dlscan.process import ignore_stops

# How often a worker that waits looks whether its owner is still there. End of file on the connection says so
# at once, unless a fork of the owner keeps the other end open.
_LOOK_SECONDS = 1.0


def main() -> None:
    """Serve the owner at the other end of the connection whose descriptor is the argument."""
    # the owner gets the terminal's and the batch system's signals and decides what to do about them
    ignore_stops()
    owner = os.getppid()
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        _serve(Connection(int(sys.argv[1])), owner)
    # nothing is left to clean up, and a hanging file system must not delay the end
    os._exit(0)


def _serve(owner: "Connection[Any, Any]", owner_pid: int) -> None:
    number, descriptor, slots, source, layout = owner.recv()
    _allow_many_files()
    memory = mmap.mmap(descriptor, 0)
    os.close(descriptor)
    reading = np.ndarray((), np.int64, memory, slots * layout.size + 8 * number)

    def note(file: int) -> None:
        reading[...] = file

    reader = None
    while True:
        while not owner.poll(_LOOK_SECONDS):
            if os.getppid() != owner_pid:
                return
        request, work, places = owner.recv()
        try:
            reader = reader or source.reader(layout.cells(memory, slots), note)
            reader.do(work, places)
        except Exception as error:
            owner.send((request, error, traceback.format_exc()))
        else:
            owner.send((request, None, ""))


def _allow_many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    main()
