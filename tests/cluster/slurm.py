"""A real Slurm for tests: several nodes on this machine, made in seconds and gone afterwards.

Everything of it (configuration, key, state, logs) is in a directory of its own and listens on free ports of
127.0.0.1, so that clusters of two checkouts, or one that the machine belongs to, do not meet. Commands find
it by `SLURM_CONF`, which is exported while it is up.

Partitions: `main` (default; preempted by `urgent`, which requeues its jobs), `kill` (preempted by `urgent`,
which cancels its jobs), `short` (at most 2 minutes), `urgent`.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .slurm_setup import NoSlurm, configure, require_packages, which

__all__ = ["NoSlurm", "SlurmCluster", "wait_for"]


def wait_for(what: str, condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until `condition()` is true; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.1)


class SlurmCluster:
    """A Slurm of `nodes` nodes with `cpus` CPUs, `memory` MB and `gpus` fake GPUs each.

    Parameters
    ----------
    home : Path
        An empty directory for all of it, with a short path: a socket lies in it.
    name : str
        Of the cluster.
    first : int
        The number of its first job.
    """

    def __init__(
        self,
        home: Path,
        nodes: int = 3,
        cpus: int = 2,
        memory: int = 4000,
        gpus: int = 2,
        name: str = "dlscantest",
        first: int = 1,
    ) -> None:
        self.home, self._name, self._first = home, name, first
        self.nodes = tuple(f"node{number}" for number in range(1, nodes + 1))
        self.conf = home / "slurm.conf"
        self._shape = (cpus, memory, gpus)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._host = "localhost"
        self._before = {name: os.environ.get(name) for name in ("SLURM_CONF", "PATH")}

    def start(self) -> None:
        """Start it, and wait until all nodes are there."""
        require_packages()
        for name in ("munge", "state", "spool", "log", "dev"):
            (self.home / name).mkdir()
        (self.home / "munge").chmod(0o755)
        self._host = configure(self.home, self.nodes, *self._shape, self._name, self._first)
        os.environ["SLURM_CONF"] = str(self.conf)
        os.environ["PATH"] = f"{os.environ['PATH']}:/usr/sbin:/sbin"
        self._start_munge()
        self._start("slurmctld", ["slurmctld", "-D"])
        wait_for("slurmctld", lambda: "is UP" in self.ask("scontrol", "ping"), 30)
        for node in self.nodes:
            self.start_node(node)
        wait_for("nodes", self.all_up, 30)

    def stop(self) -> None:
        """Stop all of it, its jobs first, whatever state it is in."""
        with contextlib.suppress(subprocess.SubprocessError):
            self.cancel_all(seconds=5)
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pid in self.strays():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    # --- questions

    def run(self, *command: object) -> str:
        """Run one of Slurm's commands, and give what it prints; a failure is an error."""
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
        return done.stdout

    def ask(self, *command: object) -> str:
        """Run one of Slurm's commands, and give what it prints; nothing if it fails."""
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            return self.run(*command)
        return ""

    def all_up(self) -> bool:
        """Whether every node takes jobs."""
        states = self.ask("sinfo", "-h", "-N", "-p", "main", "-o", "%T").split()
        return len(states) == len(self.nodes) and not set(states) - {"idle", "mixed", "allocated"}

    def states(self, *job: object) -> dict[str, str]:
        """Slurm's word for the state of each job that it knows, or of the given ones: `12_3: RUNNING`."""
        only = ["-j", ",".join(map(str, job))] if job else []
        lines = self.ask("squeue", "-h", "-r", "-t", "all", "-o", "%i %T", *only).splitlines()
        return {line.split()[0]: line.split()[1] for line in lines}

    def state(self, job: str) -> str:
        """Slurm's word for the state of a job."""
        return self.states(job).get(job, "")

    def wait_state(self, job: str, *states: str, seconds: float = 60.0) -> None:
        """Wait until a job is in one of these states."""
        wait_for(f"job {job} {' or '.join(states)}", lambda: self.state(job) in states, seconds)

    def node_of(self, job: str) -> str:
        """The node that a job runs on."""
        return self.run("squeue", "-h", "-j", job, "-o", "%B").strip()

    def strays(self) -> list[int]:
        """Processes that belong to this cluster and are not its daemons: jobs, and who looks after them."""
        mark = f"SLURM_CONF={self.conf}".encode()
        own = {os.getpid(), *(process.pid for process in self._processes.values() if process.poll() is None)}
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                # only what a job has: this process and its children have the variable, too
                environment = (place / "environ").read_bytes().split(b"\0")
                command = (place / "cmdline").read_bytes()
                job = any(item.startswith(b"SLURM_JOB_ID=") for item in environment)
                if (
                    mark in environment
                    and (job or command.startswith(b"slurmstepd"))
                    and int(place.name) not in own
                ):
                    found.append(int(place.name))
        return found

    # --- faults, and their end

    def start_node(self, node: str) -> None:
        """Start a node's slurmd, or bring it back after `kill_node`."""
        process = self._processes.get(node)
        if process is None or process.poll() is not None:
            self._start(node, ["slurmd", "-D", "-N", node])

    def kill_node(self, node: str) -> None:
        """Kill a node's slurmd. Its jobs live on, as on a real node; Slurm notices after 10 s and more."""
        self._processes[node].kill()
        self._processes[node].wait()

    def down(self, node: str) -> None:
        """Declare a node down: its jobs are killed or requeued at once."""
        self.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")

    def resume(self, node: str) -> None:
        """Bring a node back that is down."""
        # it may have come back by itself, which is an error to Slurm
        self.ask("scontrol", "update", f"nodename={node}", "state=resume")

    def preempt(self, seconds: float = 1.0) -> str:
        """Let an urgent job take all nodes for some seconds; its id."""
        return self.run(
            *("sbatch", "--parsable", "-p", "urgent", "--exclusive", f"-N{len(self.nodes)}"),
            *("-o", "/dev/null", "-D", "/", "--wrap", f"sleep {seconds}"),
        ).strip()

    def requeue(self, job: str) -> None:
        """Requeue a job, as an administrator does."""
        self.run("scontrol", "requeue", job)

    def scancel(self, *jobs: str) -> None:
        """Cancel jobs behind dlscan's back."""
        self.run("scancel", *jobs)

    def kill_job(self, job: str) -> None:
        """Kill all processes of a running job with SIGKILL, as a machine out of memory does."""
        single = self.run("squeue", "-h", "-j", job, "-o", "%A").strip()
        mark = f"SLURM_JOB_ID={single}".encode()
        for pid in self.strays():
            with contextlib.suppress(OSError):
                if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    os.kill(pid, signal.SIGKILL)

    def stop_controller(self) -> None:
        """Stop slurmctld, which saves what it knows: no command is answered until `start_controller`."""
        self._processes["slurmctld"].terminate()
        self._processes["slurmctld"].wait()

    def start_controller(self) -> None:
        """Start slurmctld again; it remembers its jobs."""
        self._start("slurmctld", ["slurmctld", "-D"])
        wait_for("slurmctld", lambda: "is UP" in self.ask("scontrol", "ping"), 30)

    def cancel_all(self, seconds: float = 30.0) -> None:
        """Cancel all jobs, and wait until they are gone."""
        jobs = self.ask("squeue", "-h", "-o", "%A").split()
        if jobs:
            subprocess.run(["scancel", *sorted(set(jobs))], capture_output=True, timeout=20, check=False)
            with contextlib.suppress(TimeoutError):
                wait_for("end of jobs", lambda: not self.ask("squeue", "-h", "-o", "%A").split(), seconds)

    def mend(self) -> None:
        """Bring it back into order: no jobs, all nodes up, a controller that answers."""
        if self._processes["slurmctld"].poll() is not None:
            self.start_controller()
        self.cancel_all()
        for node in self.nodes:
            self.start_node(node)
        if not self.all_up():
            for node in self.nodes:
                self.resume(node)
            wait_for("nodes", self.all_up, 60)
        for pid in self.strays():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # --- how it is made

    def _start_munge(self) -> None:
        place = self.home / "munge"
        (place / "key").write_bytes(os.urandom(128))
        (place / "key").chmod(0o400)
        files = [f"--{name}-file={place / name}" for name in ("key", "pid", "log", "seed")]
        self._start("munged", ["munged", "--foreground", "--force", f"--socket={place / 'socket'}", *files])
        ask = ["munge", "-n", f"--socket={place / 'socket'}"]
        wait_for("munged", lambda: subprocess.run(ask, capture_output=True, check=False).returncode == 0, 10)

    def _start(self, name: str, command: list[str]) -> None:
        # a name of its own for each daemon's host, or what it listens on depends on the machine's; and it
        # dies with this process, whatever kills that
        program = which(command[0])
        assert program is not None
        named = ["unshare", "--uts", "sh", "-c", f'hostname {self._host}; exec "$@"', "sh"]
        prefix = named if self._host == "localhost" else []
        with (self.home / "log" / f"{name}.out").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *prefix, program, *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
