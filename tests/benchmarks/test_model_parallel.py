"""Each device holds its share of a divided network, and XLA plans steps that need no more of it."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="divides networks with JAX")


def test_memory_of_each_device_is_its_share():
    command = [
        sys.executable,
        "-m",
        "benchmarks.model_parallel",
        "--json",
        "--width",
        "256",
        "--events",
        "16",
    ]
    command += ["--cells", "512", "--depth", "3", *(part for count in "124" for part in ("--devices", count))]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = {int(count): row for count, row in json.loads(done.stdout).items()}
    # Adam remembers two numbers of each weight
    assert rows[1]["trained"] == pytest.approx(3 * 4 * rows[1]["parameters"], rel=1e-4)
    for count, row in rows.items():
        for when in ("made", "trained", "settled"):
            # biases are copied
            assert row[when] == pytest.approx(rows[1][when] / count, rel=0.02)
        assert (
            row["arguments"] + row["temporary"] < 1.3 * (rows[1]["arguments"] + rows[1]["temporary"]) / count
        )
        assert row["losses"] == pytest.approx(rows[1]["losses"], rel=1e-5)
