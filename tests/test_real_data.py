"""The main job on real data: the ready configurations reach what is known to be reachable.

One point or two of each scan; the whole grids reach a little more.
"""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.slow import slow

Run = Callable[..., "subprocess.CompletedProcess[str]"]
CONFIGS = Path(__file__).parents[1] / "configs"
COLUMN = "data.split={column: split, train: 0, test: 1, validation: 0.1}"


@slow
@pytest.mark.parametrize(
    ("config", "directory", "overrides", "wanted"),
    [
        # gradient boosting reaches 0.942, a multilayer perceptron 0.940
        ("magic", "magic", ["scan.grid={model.width: [32, 128], model.depth: [3]}"], {"Gamma_AUC": 0.935}),
        ("mnist", "mnist10k", ["scan.grid={model.width: [128]}", "train.epochs=8"], {"Mean_AUC": 0.99}),
        # electrons against photons is the hard part
        (
            "lcd-dense",
            "lcd_g3",
            [COLUMN, "train.batch_size=128", "scan.grid={model.width: [32], model.depth: [2]}"],
            {"ChPi_AUC": 0.99, "Pi0_AUC": 0.92, "Ele_AUC": 0.85, "Gamma_AUC": 0.85},
        ),
        (
            "mnist-cnn",
            "mnist10k",
            ["scan.grid={model: [{family: lenet, batch_norm: true, dropout: 0.4}]}", "train.epochs=8"],
            {"Mean_AUC": 0.9995},
        ),
        # more than half of the way from dense networks to trees on the widths and depths of showers
        (
            "lcd-cnn",
            "lcd_g3",
            [COLUMN, "train.epochs=20", "scan.grid={model.family: [lenet], model.kernel: [3]}"],
            {"ChPi_AUC": 0.99, "Pi0_AUC": 0.97, "Ele_AUC": 0.90, "Gamma_AUC": 0.885},
        ),
    ],
    ids=["magic", "mnist", "lcd", "mnist-cnn", "lcd-cnn"],
)
def test_a_network_reaches_what_is_known(
    dlscan: Run,
    tmp_path: Path,
    real_data: Path,
    config: str,
    directory: str,
    overrides: list[str],
    wanted: dict[str, float],
) -> None:
    places = [f"data.raw={real_data / directory}", f"data.prepared={tmp_path}/prepared", f"output={tmp_path}"]
    experiment = [CONFIGS / f"{config}.yaml", *places, *overrides]
    for command in ("prepare", "scan"):
        done = dlscan(command, *experiment)
        assert done.returncode == 0, done.stderr
    table = dlscan("table", tmp_path / config, "--format", "json", "--columns", ",".join(wanted))
    rows = json.loads(table.stdout)
    for column, least in wanted.items():
        assert max(row[column] for row in rows) >= least
