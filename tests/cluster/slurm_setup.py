"""What a Slurm for tests is made of: packages, configuration, fake GPUs, free ports."""

import contextlib
import os
import shutil
import socket
import subprocess
from pathlib import Path

PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client")
DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "squeue", "scontrol", "scancel", "sinfo")

CONFIGURATION = """\
ClusterName={name}
FirstJobId={first}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
{listen}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# a requeued job may start again only after cred_expire seconds: 120 unless told, 5 is the least
AuthInfo=socket={home}/munge/socket,cred_expire=5
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool/%n
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd-%n.pid
SlurmctldLogFile={home}/log/slurmctld.log
SlurmdLogFile={home}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
# without control groups: who takes more memory than asked for is found by looking, each second
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
MpiDefault=none
MailProg=/bin/true
# the CPUs and the memory written below, not what the machine has: the nodes share it
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=500
GresTypes=gpu
MaxArraySize=1001
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
KillWait=3
MessageTimeout=3
SlurmdTimeout=10
ReturnToService=1
JobRequeue=1
MinJobAge=300
EnforcePartLimits=ALL
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
AccountingStorageType=accounting_storage/none
"""
PARTITIONS = """\
PartitionName=main   Nodes=ALL Default=YES DefaultTime=60 MaxTime=1-0 PriorityTier=1
PartitionName=kill   Nodes=ALL DefaultTime=60 MaxTime=1-0 PriorityTier=1 PreemptMode=CANCEL GraceTime=0
PartitionName=short  Nodes=ALL DefaultTime=1 MaxTime=2 PriorityTier=1
PartitionName=urgent Nodes=ALL DefaultTime=60 MaxTime=1-0 PriorityTier=10 PreemptMode=OFF
"""


class NoSlurm(Exception):
    """No Slurm can be had here, and why."""


def require_packages() -> None:
    """Install Slurm where it is missing.

    Raises
    ------
    NoSlurm
        If that is impossible here.
    """
    if os.geteuid() != 0:
        raise NoSlurm("its daemons run as root only")
    if all(map(which, (*DAEMONS, *COMMANDS))):
        return
    if shutil.which("apt-get") is None:
        raise NoSlurm(f"it is not installed, and there is no apt to install {' '.join(PACKAGES)} with")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (install, ["apt-get", "update", "-qq"], install):
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        if command is install and done.returncode == 0:
            return
    raise NoSlurm(f"apt cannot install {' '.join(PACKAGES)}: {(done.stderr.strip() or '?').splitlines()[-1]}")


def configure(
    home: Path, nodes: tuple[str, ...], cpus: int, memory: int, gpus: int, name: str, first: int
) -> str:
    """Write `slurm.conf` and `gres.conf` into `home`; the name that the daemons' host is to have."""
    ports = _free_ports(1 + len(nodes))
    host, listen = "localhost", "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny"
    if subprocess.run(["unshare", "--uts", "true"], capture_output=True, check=False).returncode != 0:
        # an unprivileged container: the daemons keep the machine's name, and listen on every address
        host, listen = socket.gethostname().split(".")[0], ""
    lines = [
        CONFIGURATION.format(host=host, listen=listen, port=ports[0], home=home, name=name, first=first),
        *(
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} "
            f"RealMemory={memory} Gres=gpu:fake:{gpus}\n"
            for node, port in zip(nodes, ports[1:], strict=True)
        ),
        PARTITIONS,
    ]
    (home / "slurm.conf").write_text("".join(lines))
    devices = [_fake_gpu(home / "dev" / f"gpu{number}", number) for number in range(gpus)]
    names = ",".join(nodes)
    gres = [f"NodeName={names} Name=gpu Type=fake File={device}\n" for device in devices]
    (home / "gres.conf").write_text("AutoDetect=off\n" + "".join(gres))
    return host


def _fake_gpu(device: Path, number: int) -> Path:
    """A character device, which is all that Slurm wants to see."""
    try:
        os.mknod(device, 0o666 | 0o020000, os.makedev(1, 3))
    except OSError:  # an unprivileged container
        return Path(("/dev/null", "/dev/zero", "/dev/full", "/dev/random")[number])
    return device


def which(program: str) -> str | None:
    """Where a program is; daemons are in places that not every PATH has."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
