"""Networks that take masks, and those with layers in a file: exported, applied and looked into."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnxruntime
import pytest
from click.testing import CliRunner

import dlscan
from dlscan.cli.main import cli
from dlscan.errors import ScanError
from dlscan.export import export
from dlscan.stream import Batches
from dlscan.training import TrainedPoint

LONGEST = 5
NETS = """
import keras
from keras import layers

@keras.saving.register_keras_serializable()
class Half(layers.Layer):
    def call(self, x):
        return x / 2

def mine(inputs, *, filters: int = 3):
    x = layers.Conv1D(filters, 2, name="first")(Half()(inputs["tracks"]))
    return layers.GlobalMaxPooling1D()(x)
"""


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., TrainedPoint]:
    """Train a network of these keys on events of 0, 2 or 4 tracks."""
    home = tmp_path_factory.mktemp("masked")
    (home / "nets.py").write_text(NETS)
    for label, name in enumerate(("b", "light")):
        (home / "raw" / name).mkdir(parents=True)
        rng = np.random.default_rng(label)
        with h5py.File(home / "raw" / name / "0.h5", "w") as file:
            file["tracks"] = rng.normal(label, 1, (80, LONGEST, 3)).astype(np.float32)
            file["ok"] = np.arange(LONGEST) < (np.arange(80) % 3 * 2)[:, None]

    def train(**model: Any) -> TrainedPoint:
        data = {
            "raw": str(home / "raw"),
            "inputs": {"tracks": {"valid": "ok"}},
            "prepared": str(home / "prepared"),
        }
        content = {"data": data, "model": model, "train": {"epochs": 1}, "stream": {"workers": 0}}
        return dlscan.train(content, home / str(model["family"]).rpartition(":")[2])

    train.home = home  # type: ignore[attr-defined]
    return train


@pytest.mark.parametrize("model", [{"family": "deepsets", "widths": [4]}, {"family": "lstm", "units": 4}])
def test_masks_are_inputs_of_what_is_exported(
    masked: Callable[..., TrainedPoint], model: dict[str, Any], tmp_path: Path
) -> None:
    point, path = masked(**model), tmp_path / "model.onnx"
    done = CliRunner().invoke(cli, ["export", str(point.paths.scan), "1", "-o", str(path)])
    assert done.exit_code == 0, done.exception
    assert done.output.splitlines()[1:3] == [
        "  input   tracks float32 (events, 5, 3)",
        "  input   tracks_mask bool (events, 5)",
    ]
    with Batches(point.record.dataset["path"], split="test", workers=0, shuffle=False) as batches:
        events = next(iter(batches.epoch(0))).by_network_name()
        (found,) = onnxruntime.InferenceSession(path).run(None, events)
    np.testing.assert_allclose(found, point.predictions().scores, atol=1e-5)


def test_files_with_layers_are_run_with_consent(masked: Callable[..., TrainedPoint], tmp_path: Path) -> None:
    home = masked.home  # type: ignore[attr-defined]
    point = masked(family=f"{home / 'nets.py'}:mine")
    scan, raw = str(point.paths.scan), str(home / "raw" / "b" / "0.h5")
    commands = {
        "model.keras": ["export", scan, "1"],
        "scores.h5": ["predict", scan, "1", raw],
        # some of these events have no track
        "saliency.png": ["show", "saliency", scan, "1", "--n", "5"],
        "features.png": ["show", "features", scan, "1"],
    }
    for name, command in commands.items():
        wanted = [*command, "-o", str(tmp_path / name)]
        refused = CliRunner().invoke(cli, wanted)
        assert isinstance(refused.exception, ScanError), name
        assert "use --trust-files" in str(refused.exception)
        done = CliRunner().invoke(cli, [*wanted, "--trust-files"])
        assert done.exit_code == 0, (name, done.exception)
        assert list(tmp_path.glob(f"{Path(name).stem}*")), name
    with h5py.File(tmp_path / "scores.h5") as file:
        assert file["scores"].shape == (80, 2)
    assert export(TrainedPoint.of(point, own=True), "keras", tmp_path / "own.keras").difference == 0
