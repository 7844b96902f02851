"""What this process may use of the machine it runs on."""

import os
from pathlib import Path


def usable_cpus() -> int:
    """CPUs that this process may run on: its affinity, and the quota of its control group, rounded up."""
    cpus = len(os.sched_getaffinity(0))
    for place in _groups("cpu"):
        try:
            quota, period = (place / "cpu.max").read_text().split()
            cpus = min(cpus, -(-int(quota) // int(period)))
        except (OSError, ValueError):  # "max", or not this kind of group
            continue
    return max(cpus, 1)


def free_memory() -> int:
    """Bytes of memory that this process may still take, by the machine and by its control group."""
    free = _meminfo("MemAvailable")
    limits = (("memory.current", "memory.max"), ("memory.usage_in_bytes", "memory.limit_in_bytes"))
    for place in _groups("memory"):
        for used, limit in limits:
            try:
                free = min(free, int((place / limit).read_text()) - int((place / used).read_text()))
            except (OSError, ValueError):
                continue
    return max(free, 0)


def _meminfo(key: str) -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:"))


def _groups(controller: str) -> list[Path]:
    """The directories of this process's control group and of those around it (version 2, then version 1)."""
    places: list[Path] = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root = Path("/sys/fs/cgroup")
        elif controller in controllers.split(","):
            root = Path("/sys/fs/cgroup") / controller
        else:
            continue
        own = root / path.lstrip("/")
        places += [place for place in (own, *own.parents) if place.is_relative_to(root)]
    return places
