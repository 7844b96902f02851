"""What this process finds around it: CPUs and memory that it may use, the commit of a directory."""

import os
import re
import subprocess
from pathlib import Path

# How many CPUs a job is to use, for jobs that share a machine without a batch system between them.
CPUS_VARIABLE = "DLSCAN_CPUS"


def usable_cpus() -> int:
    """CPUs for this process, by its affinity, its share (`CPUS_VARIABLE`) and its control group's quota."""
    cpus = len(os.sched_getaffinity(0))
    share = os.environ.get(CPUS_VARIABLE, "")
    if share.isdecimal():
        cpus = min(cpus, int(share))
    for place in _groups("cpu"):
        for files in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
            try:
                quota, period = " ".join((place / file).read_text() for file in files).split()
            except (OSError, ValueError):  # not this kind of group
                continue
            if quota not in ("max", "-1"):
                cpus = min(cpus, -(-int(quota) // int(period)))
    return max(cpus, 1)


def free_memory() -> int:
    """Bytes of memory that this process may still take, by the machine and by its control group."""
    free = _meminfo("MemAvailable")
    kinds = (
        ("memory.current", "memory.max", "inactive_file"),
        ("memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file"),
    )
    for place in _groups("memory"):
        for used, limit, cache in kinds:
            try:
                room = int((place / limit).read_text()) - int((place / used).read_text())
                # pages of files that were read count as used, but the kernel takes them back when it must
                room += int(re.findall(rf"^{cache} (\d+)$", (place / "memory.stat").read_text(), re.M)[0])
                free = min(free, room)
            except (OSError, ValueError, IndexError):  # "max", or not this kind of group
                continue
    return max(free, 0)


def processor() -> str:
    """The processor as a device: `CPU (Intel(R) Xeon(R) Platinum 8480+)`."""
    name = processor_name()
    return f"CPU ({name})" if name else "CPU"


def git_commit(directory: Path) -> str | None:
    """The commit that is checked out around `directory`; None if there is no git or no repository."""
    command = ["git", "-C", str(directory), "rev-parse", "--verify", "--quiet", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def processor_name() -> str | None:
    """What the processor calls itself; None where nobody says."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


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
