"""What this machine's memory allows, whatever a stream does."""

import subprocess
import sys
import time
from typing import Literal


def memory_rate(kind: Literal["set", "copy"], processes: int, size: int, seconds: float) -> float:
    """Bytes per second that processes write together, each its own memory.

    Parameters
    ----------
    kind : {"set", "copy"}
        Whether they write zeros, or what they read elsewhere.
    processes : int
        How many.
    size : int
        Bytes that each writes over and over.
    seconds : float
        How long.
    """
    command = [sys.executable, "-P", "-m", "dlscan.bench.memory_writer", kind, str(size)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    writers = [subprocess.Popen(command, text=True, **pipes) for _ in range(processes)]  # type: ignore[call-overload]
    try:
        for writer in writers:
            writer.stdout.readline()
        for writer in writers:
            writer.stdin.write("\n")
            writer.stdin.flush()
        started = time.perf_counter()
        time.sleep(seconds)
        for writer in writers:
            writer.stdin.close()
        written = sum(int(writer.stdout.read()) for writer in writers)
        return float(written / (time.perf_counter() - started))
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
            writer.stdout.close()
