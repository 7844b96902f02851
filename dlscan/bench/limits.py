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
    command = [sys.executable, "-P", "-m", "dlscan.bench.spin", kind, str(size)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    spinners = [subprocess.Popen(command, text=True, **pipes) for _ in range(processes)]  # type: ignore[call-overload]
    try:
        for spinner in spinners:
            spinner.stdout.readline()
        for spinner in spinners:
            spinner.stdin.write("\n")
            spinner.stdin.flush()
        started = time.perf_counter()
        time.sleep(seconds)
        for spinner in spinners:
            spinner.stdin.close()
        written = sum(int(spinner.stdout.read()) for spinner in spinners)
        return float(written / (time.perf_counter() - started))
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()
            spinner.stdout.close()
