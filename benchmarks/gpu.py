"""`python -m benchmarks.gpu`: how busy a GPU is, for networks narrow and wide, alone and in packs.

`benchmarks/gpu.sh` starts it on a machine where packages are missing.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import yaml

from benchmarks.cases import GZIP_32, Case, lcd
from benchmarks.datasets import SPLIT
from benchmarks.generate import generate
from benchmarks.machine import describe
from benchmarks.report import made_with, save

HERE = Path(__file__).parent
# JAX, which has to compile, gets what PyTorch leaves of the time.
BACKENDS = ("torch", "jax")
EIGHT = "scan.grid={model.width: [W32, W64], model.depth: [1, 2, 3, 4]}"
TWENTY = "scan.grid={model.width: [W32, W64, W128, W256, W512], model.depth: [1, 2, 3, 4]}"
CNN = "model={family: lenet, filters: FILTERS}"
# The most telling first, one of each kind: what the time does not suffice for is at the end.
CASES: dict[str, tuple[str, ...]] = {
    "dense 32x1": ("model={width: W32, depth: 1}",),
    "dense 512x4": ("model={width: W512, depth: 4}",),
    "CNN": (CNN,),
    "pack of 8": (EIGHT, "batch.models_per_job=8"),
    "dense 512x4, 16 bits": ("model={width: W512, depth: 4}", "train.precision=mixed_bfloat16"),
    "dense 32x1, dense transport": ("model={width: W32, depth: 1}", "stream.transport=dense"),
    "pack of 20": (TWENTY, "batch.models_per_job=20"),
    "CNN, 16 bits": (CNN, "train.precision=mixed_bfloat16"),
    "pack of 8, dense transport": (EIGHT, "batch.models_per_job=8", "stream.transport=dense"),
    "dense 128x2": ("model={width: W128, depth: 2}",),
    "dense 512x4, dense transport": ("model={width: W512, depth: 4}", "stream.transport=dense"),
}


@dataclasses.dataclass(frozen=True)
class How:
    """What a run takes.

    Attributes
    ----------
    minutes : float
        For everything.
    seconds : float
        Of each measurement of a case.
    most : int
        Seconds of a case, above which a slow one gives way to the others.
    events, batch_size : int
        Of each of eight files; of a batch.
    narrower : int
        What the widths of cases are divided by.
    filters : int
        Of the first layer of the CNN.
    """

    minutes: float = 8.0
    seconds: float = 4.5
    most: int = 90
    events: int = 2500
    batch_size: int = 1024
    narrower: int = 1
    filters: int = 16

    def keys(self, overrides: tuple[str, ...]) -> list[str]:
        """The keys of a case."""
        whole = [each.replace("FILTERS", str(self.filters)) for each in overrides]
        return [re.sub(r"W(\d+)", lambda width: str(int(width[1]) // self.narrower), each) for each in whole]


# Every case once on a processor: JAX compiles for most of the time there.
REHEARSAL = How(60.0, 0.3, 900, 40, 32, 16, 2)


def prepare(home: Path, how: How) -> Path:
    """Generate events shaped like those of a calorimeter, and prepare them; the experiment file."""
    case = Case("lcd-gz32", lcd(files=2, events=how.events), GZIP_32)
    generate(home, [case], len(os.sched_getaffinity(0)))
    content = {
        "name": "gpu",
        "data": {
            "raw": str(home / case.sample.name / case.layout.name),
            "classes": {label: label for label in case.sample.labels},
            "inputs": list(case.sample.inputs),
            "split": SPLIT,
            "normalize": {name: {"tanh-log": 100} for name in case.sample.inputs},
        },
        "train": {"batch_size": how.batch_size},
        # a batch comes as its entries unless a case says otherwise
        "stream": {"transport": "sparse"},
        "batch": {"gpus": 1},
    }
    file = home / "gpu.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    subprocess.run([sys.executable, "-m", "dlscan", "prepare", str(file)], check=True, stdout=sys.stderr)
    return file


def measure(file: Path, how: How, deadline: float) -> None:
    """Measure the cases on the back end of this process; a line of JSON for each."""
    signal.signal(signal.SIGALRM, _too_long)
    from dlscan.bench.run import bench
    from dlscan.config import load
    from dlscan.errors import DlscanError

    for name, overrides in CASES.items():
        row: dict[str, Any] = {"case": name}
        start = time.time()
        if start > deadline:
            row["error"] = "no time was left"
        else:
            try:
                signal.alarm(how.most)
                experiment = load(file, how.keys(overrides))
                row |= dataclasses.asdict(bench(experiment, "train", how.seconds))
            except DlscanError as error:
                row["error"] = str(error)
            except Exception as error:
                # the other cases are worth having
                row["error"] = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
            finally:
                signal.alarm(0)
        row["took"] = time.time() - start
        print(json.dumps(row), flush=True)


def _too_long(*_: object) -> None:
    raise TimeoutError("took too long, and gave way to the others")


def child(backend: str, file: Path, how: How, deadline: float) -> list[dict[str, Any]]:
    """The rows of a back end, measured in a process of its own, which ends soon after the deadline."""
    command = [sys.executable, "-m", "benchmarks.gpu", "--child", str(file), "--deadline", str(deadline)]
    command += ["--how", json.dumps(dataclasses.asdict(how))]
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(
            command,
            env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
            cwd=HERE.parent,
            stdout=printed,
        )
        try:
            why = f"the process ended with {process.wait(max(deadline - time.time(), 0) + 20)}"
        except subprocess.TimeoutExpired:
            # an alarm cannot end what is in a compiler
            process.kill()
            process.wait()
            why = "no time was left: the process was ended"
        printed.seek(0)
        rows = [json.loads(line) for line in printed.read().splitlines() if line.startswith('{"case"')]
    missing = [name for name in CASES if name not in {row["case"] for row in rows}]
    return [*rows, *({"case": name, "error": why, "took": 0.0} for name in missing)]


def page(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    how = How(**result["how"])
    rehearsed = []
    if how.narrower > 1:
        rehearsed = [
            "",
            f"A rehearsal: networks are {how.narrower} times narrower than their names say, and the figures",
            "say no more than that each case works.",
        ]
    lines = [
        "# How busy the GPU is",
        "",
        *made_with(result),
        f"Batches of {how.batch_size:,} events of 68.5 kB, 4 % of the cells not zero.",
        *rehearsed,
        "",
        "Busy: share of the time in which a kernel ran, by `nvidia-smi`, while training on the stream and on",
        "batches in the memory of the GPU. Ratio: events per second on the stream to those in memory.",
        "Waited: share of the time in which training waited for the stream. Empty without a GPU.",
    ]
    for backend, rows in result["backends"].items():
        device = next((row["device"] for row in rows if "device" in row), "nothing")
        lines += ["", f"## {backend} on {device}", ""]
        lines += [
            "| case | transport | events/s | in memory | ratio | waited | busy | busy, in memory | took s |"
        ]
        lines += ["|---|---|---:|---:|---:|---:|---:|---:|---:|"]
        for row in rows:
            if "error" in row:
                lines.append(f"| {row['case']} | {row['error']} | | | | | | | {row['took']:.0f} |")
                continue
            busy = ["" if row[key] is None else f"{row[key]:.0%}" for key in ("gpu_both", "gpu_training")]
            lines.append(
                f"| {row['case']} | {row['transport']} | {row['both']:,.0f} | {row['training']:,.0f} | "
                f"{row['both'] / row['training']:.2f} | {row['waited']:.0%} | {' | '.join(busy)} | "
                f"{row['took']:.0f} |"
            )
    return "\n".join(lines) + "\n"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rehearse", is_flag=True, help="On the processor, with small networks: that it works.")
@click.option("--minutes", type=float, help="For everything; what is left over is said.")
@click.option("--seconds", type=float, help="Of each measurement of a case.")
@click.option("--events", type=int, help="Of each of eight files.")
@click.option("--batch-size", type=int)
@click.option("--backend", "backends", multiple=True, type=click.Choice(BACKENDS), help="Only this one.")
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
@click.option("--child", "file", type=click.Path(path_type=Path), hidden=True)
@click.option("--deadline", default=0.0, hidden=True)
@click.option("--how", "asked", hidden=True)
def main(
    rehearse: bool,
    backends: tuple[str, ...],
    out: Path,
    file: Path | None,
    deadline: float,
    asked: str | None,
    **given: float | None,
) -> None:
    """Measure how busy the GPU is in 8 minutes, and write `gpu.md` and `gpu.json`."""
    if file is not None:
        measure(file, How(**json.loads(asked or "{}")), deadline)
        return
    start = time.time()
    own: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    how = dataclasses.replace(REHEARSAL if rehearse else How(), **own)
    if rehearse:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    result = describe(frozenset(os.sched_getaffinity(0))) | {"how": dataclasses.asdict(how), "backends": {}}
    wanted = [name for name in backends or BACKENDS if importlib.util.find_spec(name)]
    with tempfile.TemporaryDirectory() as place:
        experiment = prepare(Path(place), how)
        for number, backend in enumerate(wanted):
            left = (start + 60 * how.minutes - time.time()) / (len(wanted) - number)
            result["backends"][backend] = child(backend, experiment, how, time.time() + 0.85 * left)
    text = page(result)
    save(out, "gpu", text, result)
    click.echo(text)


if __name__ == "__main__":
    main()
