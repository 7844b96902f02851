"""Random faults for a while; `make chaos SECONDS=3600 SEED=7` goes on for longer."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.__main__ import NO_SLURM
from tests.slow import takes

SECONDS, SEED = 20, 4


@takes("two minutes")
def test_random_faults_lose_nothing() -> None:
    # in a process of its own: its cluster must not be taken for that of other tests
    command = [sys.executable, "-m", "tests.chaos", "--seconds", str(SECONDS), "--seed", str(SEED)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=1500, check=False)
    print(done.stdout)
    if done.returncode == NO_SLURM and os.environ.get("DLSCAN_REQUIRE_SLURM") != "1":
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    faults = re.search(r"^(\d+) faults:", done.stdout, re.M)
    assert faults is not None
    assert int(faults[1]) >= 4, "there was nothing to be survived"
