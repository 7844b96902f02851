"""Exported models in C++ against the models themselves, on 1,000 events.

The program is that of `docs/export.md`.


    python -m benchmarks.cpp ONNXRUNTIME SCAN:N ...

ONNXRUNTIME is an unpacked release of onnxruntime, with `include/` and `lib/`.
"""

import argparse
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.analysis.points.done import DonePoint, point_of
from dlscan.export.export import _model, export
from dlscan.notebook import load
from dlscan.stream import Batches

PAGE = Path(__file__).parents[1] / "docs" / "export.md"


def compiled(runtime: Path, place: Path) -> Path:
    """The program, built as the page says."""
    (text,) = re.findall(r"```cpp\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (place / "score.cpp").write_text(text, encoding="utf-8")
    where = [f"-I{runtime}/include", f"-L{runtime}/lib", "-lonnxruntime"]
    subprocess.run(["g++", "-std=c++17", place / "score.cpp", *where, "-o", place / "score"], check=True)
    return place / "score"


def inputs_of(point: DonePoint) -> dict[str, NDArray[Any]]:
    """Raw inputs of 1,000 training events: not every dataset has so many for the test."""
    dataset = point.record.dataset["path"]
    with Batches(dataset, split="train", batch_size=1000, workers=0, shuffle=False) as batches:
        batch = next(iter(batches.epoch(0)))
        return {name: np.array(values) for name, values in batch.by_network_name().items()}


def main() -> None:
    """Print for each point the largest difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runtime", type=Path)
    parser.add_argument("points", nargs="+", metavar="SCAN:N")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        program = compiled(arguments.runtime, place)
        environment = {**os.environ, "LD_LIBRARY_PATH": f"{arguments.runtime}/lib"}
        for number, text in enumerate(arguments.points):
            scan, _, wanted = text.rpartition(":")
            point = point_of(load(scan).points, wanted, "N")
            file = place / f"{number}.onnx"
            made = export(point, "onnx", file)
            events = inputs_of(point)
            words = []
            for own, kind in made.dtypes.items():
                events[own].astype(np.bool_ if kind == "bool" else np.float32).tofile(place / own)
                words.append(f"{own}={place / own}")
            count = len(next(iter(events.values())))
            done = subprocess.run(
                [program, file, str(count), *words],
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            )
            found = np.array([line.split() for line in done.stdout.splitlines()], np.float64)
            (right,) = _model(point, False)(events).values()
            family = point.record.params.get("model.family", "dense")
            inputs = ", ".join(f"{own} {shape}" for own, shape in made.inputs.items())
            print(
                f"{family:<10} {count} events  C++ {np.abs(found - right).max():.1e}  "
                f"Python {made.difference:.1e}  {inputs}",
                flush=True,
            )


if __name__ == "__main__":
    main()
