"""A process that writes memory as fast as it can, for a while.

A plain command: `python -m dlscan.bench.memory_writer set|copy BYTES`. It says that it is ready, starts at
the first line that it reads, and ends at the end of its input with the number of bytes that it has written.
"""

import select
import sys

import numpy as np


def main() -> None:
    """Serve whoever started this process."""
    kind, size = sys.argv[1], int(sys.argv[2])
    target = np.ones(size, np.uint8)
    source = np.ones(size if kind == "copy" else 0, np.uint8)
    print("ready", flush=True)
    sys.stdin.readline()
    rounds = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        if kind == "copy":
            np.copyto(target, source)
        else:
            target.fill(0)
        rounds += 1
    print(rounds * size, flush=True)


if __name__ == "__main__":
    main()
