"""The cluster of the tests itself."""

import os
from pathlib import Path

from .slurm import SlurmCluster, wait_for


def submit(cluster: SlurmCluster, place: Path, command: str, *options: str) -> str:
    return cluster.run(
        "sbatch", "--parsable", "-o", place / "out", "-D", place, *options, "--wrap", command
    ).strip()


def test_three_nodes_with_gpus_run_a_job(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = submit(cluster, tmp_path, "echo GPU $CUDA_VISIBLE_DEVICES", "--gres=gpu:2")
    cluster.wait_state(job, "COMPLETED")
    assert (tmp_path / "out").read_text() == "GPU 0,1\n"


def test_nodes_and_jobs_can_be_broken_and_mended(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = submit(cluster, tmp_path, "touch begun; sleep 600", "-w", "node2")
    wait_for("begin", (tmp_path / "begun").exists)
    assert len(cluster.strays()) >= 2
    cluster.kill_job(job)
    cluster.wait_state(job, "FAILED")
    cluster.kill_node("node1")
    cluster.down("node3")
    assert not cluster.all_up()
    cluster.mend()
    assert cluster.all_up()
    assert cluster.strays() == []


def test_stopping_leaves_no_process_and_no_trace(cluster: SlurmCluster, tmp_path: Path) -> None:
    own = tmp_path / "c"
    own.mkdir()
    before = dict(os.environ)
    second = SlurmCluster(own, nodes=1)
    second.start()
    job = submit(second, tmp_path, "touch begun; trap '' TERM; sleep 600")
    wait_for("begin", (tmp_path / "begun").exists)
    assert second.states() == {job: "RUNNING"}
    second.stop()
    assert second.strays() == []
    assert dict(os.environ) == before
    assert cluster.all_up()
