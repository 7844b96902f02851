"""A real Slurm for all tests here; where none can be had they are skipped, and that is said loudly."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .slurm import NoSlurm, SlurmCluster

_missing: list[str] = []


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[SlurmCluster]:
    """A Slurm of three nodes for the whole session; tests take `cluster`, which is in order for each."""
    # not pytest's own directory: a socket's path may have 107 letters, and the daemons want it to be safe
    home = Path(tempfile.mkdtemp(prefix="dlscan-slurm-"))
    home.chmod(0o755)
    made = SlurmCluster(home)
    try:
        try:
            made.start()
        except NoSlurm as error:
            if os.environ.get("DLSCAN_REQUIRE_SLURM") == "1":
                pytest.fail(f"DLSCAN_REQUIRE_SLURM=1, but there is no Slurm: {error}")
            _missing.append(str(error))
            pytest.skip(f"no Slurm: {error}")
        yield made
    finally:
        made.stop()
        if os.environ.get("DLSCAN_KEEP_SLURM") == "1":
            print(f"Slurm's logs are in {home / 'log'}")
        else:
            shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def cluster(slurm_cluster: SlurmCluster) -> Iterator[SlurmCluster]:
    """A Slurm of three nodes, all up and without jobs, whatever the test before did to it."""
    yield slurm_cluster
    slurm_cluster.mend()


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter") -> None:
    if _missing:
        terminalreporter.section("no Slurm", red=True, bold=True)
        terminalreporter.line(
            f"What only a real Slurm shows was NOT tested: {_missing[0]}. "
            "Run as root where apt works; DLSCAN_REQUIRE_SLURM=1 makes it an error.",
            red=True,
        )
