"""The cluster of the tests itself."""

from .slurm import SlurmCluster


def test_three_nodes_with_gpus_run_a_job(cluster: SlurmCluster, tmp_path) -> None:
    job = cluster.run(
        "sbatch",
        "--parsable",
        "--gres=gpu:2",
        "-o",
        tmp_path / "out",
        "-D",
        tmp_path,
        "--wrap",
        "echo GPU $CUDA_VISIBLE_DEVICES",
    ).strip()
    cluster.wait_state(job, "COMPLETED")
    assert (tmp_path / "out").read_text() == "GPU 0,1\n"
