"""`python -m benchmarks.prepare_scale`: does `prepare` of ten times the data take ten times the time?"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import h5py
import numpy as np

from benchmarks.machine import describe
from benchmarks.report import made_with, save

FEATURES = 100
_ROWS_OF_A_FILE = 50_000
HERE = Path(__file__).parent


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--sizes", default="1,10", show_default=True, help="Multiples of --events, with commas between."
)
@click.option("--events", default=100_000, show_default=True, help="Events of 400 bytes.")
@click.option("--processes", default=1, show_default=True, help="Of prepare.")
@click.option("--cluster", default=0, help="Worker processes of a dask cluster instead; 0 is no cluster.")
@click.option("--shard-kb", default=0, help="Size of a shard: small ones imitate larger data.")
@click.option("--run-kb", default=0, help="Size of a run, likewise.")
@click.option(
    "--place", type=click.Path(path_type=Path), help="A directory with room.  [default: a temporary one]"
)
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
@click.option("--child", hidden=True, help="Prepare, and print what it took.")
def main(
    sizes: str,
    events: int,
    processes: int,
    cluster: int,
    shard_kb: int,
    run_kb: int,
    place: Path | None,
    out: Path,
    child: str | None,
) -> None:
    """Prepare generated tables of several sizes, and print events a second of each pass and the peak memory.

    With a shard of 32 MB and runs of 1 GB, a terabyte has 31,000 shards and 1,000 runs. So have 4 GB with
    --shard-kb 128 --run-kb 4096: the second pass does as for a terabyte, with a 250th of the bytes.
    """
    if child is not None:
        print(json.dumps(measure(Path(child), processes, cluster, shard_kb * 1024, run_kb * 1024)))
        return
    by = f"a dask cluster of {cluster} worker processes" if cluster else f"prepare with {processes} process"
    about = [
        "# How prepare grows",
        "",
        *made_with(describe(frozenset(os.sched_getaffinity(0)))),
        f"By {by}. The memory is that of the largest process.",
        "",
        "| events | dense | runs | shards | first pass | second pass | events/s | peak memory |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    print("\n".join(about), flush=True)
    lines = []
    with tempfile.TemporaryDirectory(dir=place) as directory:
        for size in map(int, sizes.split(",")):
            home = Path(directory) / str(size)
            generate(home / "raw", size * events)
            options = ["--processes", processes, "--cluster", cluster]
            options += ["--shard-kb", shard_kb, "--run-kb", run_kb]
            command = [sys.executable, "-m", "benchmarks.prepare_scale", "--child", home, *options]
            answer = subprocess.run(
                list(map(str, command)), capture_output=True, text=True, check=True
            ).stdout
            row = json.loads(answer.splitlines()[-1])
            cells = [
                f"{size * events:,}",
                f"{size * events * 4 * FEATURES / 1e9:.3g} GB",
                f"{row['runs']:,}",
                f"{row['shards']:,}",
                f"{row['reading']:.1f} s",
                f"{row['mixing']:.1f} s",
                f"{size * events / (row['reading'] + row['mixing']):,.0f}",
                f"{row['peak'] / 1e6:,.0f} MB",
            ]
            lines.append(f"| {' | '.join(cells)} |")
            print(lines[-1], flush=True)
            shutil.rmtree(home)
    name = "prepare_scale_cluster" if cluster else "prepare_scale"
    save(out, name, "\n".join([*about, *lines, ""]))


def generate(raw: Path, events: int) -> None:
    """Write two classes of normally distributed rows."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(_ROWS_OF_A_FILE, FEATURES)).astype(np.float32)
    for label in ("a", "b"):
        (raw / label).mkdir(parents=True)
        for number, start in enumerate(range(0, events // 2, _ROWS_OF_A_FILE)):
            with h5py.File(raw / label / f"{number}.h5", "w") as handle:
                handle["x"] = rows[: min(_ROWS_OF_A_FILE, events // 2 - start)]


def measure(home: Path, processes: int, cluster: int, shard: int, run: int) -> dict[str, Any]:
    """Prepare what lies in `home`: seconds of each pass, runs, shards, and the peak memory of a process."""
    if cluster:
        from distributed import LocalCluster

        with LocalCluster(n_workers=cluster, threads_per_worker=1, dashboard_address=None) as running:
            row = _measure(home, running.scheduler_address, None, shard, run)
    else:
        row = _measure(home, None, processes, shard, run)
    # workers have ended: the largest process of all
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {**row, "peak": 1024 * peak}


def _measure(
    home: Path, scheduler: str | None, processes: int | None, shard: int, run: int
) -> dict[str, Any]:
    from dlscan.config import load
    from dlscan.prepare import layout, prepare, tasks

    if shard:
        layout.SHARD_BYTES = shard
    if run:
        tasks._LEAST_RUN = tasks._LONGEST_RUN = run
    (home / "scale.yaml").write_text("name: scale\ndata: {raw: raw, inputs: [x]}\n", encoding="utf-8")
    experiment = load(home / "scale.yaml")
    seen: dict[str, float] = {}
    runs = 0

    def progress(what: str, done: int, total: int) -> None:
        nonlocal runs
        if what not in seen:
            seen[what] = time.monotonic()
            runs = max(runs, len(list(home.glob("prepared/*/spill/run-*.h5"))))

    outcome = prepare(experiment, scheduler=scheduler, processes=processes, progress=progress)
    end = time.monotonic()
    shards = sum(len(split.shards) for split in outcome.manifest.splits.values())
    reading, mixing = seen["mixing"] - seen["reading"], end - seen["mixing"]
    return {"reading": reading, "mixing": mixing, "runs": runs, "shards": shards}


if __name__ == "__main__":
    main()
