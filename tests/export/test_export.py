"""`dlscan export`: what is written gives the numbers of the model, and says what it is."""

import errno
import importlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner

from dlscan.cli.main import cli
from dlscan.errors import DataError, ScanError, UsageError
from dlscan.export import Exported, export
from dlscan.models import keras
from dlscan.stream import Batches
from dlscan.training import TrainedPoint

from .conftest import POINTS


def events(point: TrainedPoint) -> dict[str, Any]:
    with Batches(point.record.dataset["path"], split="test", workers=0, shuffle=False) as batches:
        return {name: np.array(values) for name, values in next(iter(batches.epoch(0))).inputs.items()}


@pytest.mark.parametrize("name", POINTS)
def test_onnxruntime_gives_what_the_model_gives(
    name: str, trained: Callable[[str], TrainedPoint], tmp_path: Path
) -> None:
    point, path = trained(name), tmp_path / "model.onnx"
    done = export(point, "onnx", path)
    inputs = events(point)
    assert done == Exported(
        path,
        {"ECAL": (4, 5, 6), "HCAL": (7,)},
        {"ECAL": "float32", "HCAL": "float32"},
        POINTS[name][1],
        len(inputs["HCAL"]),
        done.difference,
    )
    assert 0 <= done.difference < 1e-5
    session = onnxruntime.InferenceSession(path)
    found = dict(zip((each.name for each in session.get_outputs()), session.run(None, inputs), strict=True))
    kept = point.predictions()
    for output, columns in POINTS[name][1].items():
        values = kept.scores if output == "scores" else kept.predictions
        own = found[output][:, : values.shape[1]]
        np.testing.assert_allclose(own, values, atol=1e-5 * max(1, np.abs(values).max()))
        assert found[output].shape[1] == len(columns)
    told = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert json.loads(told["dlscan"])["dataset"] == point.record.dataset
    assert told[f"{output}_columns"] == ",".join(columns)


def test_events_without_a_value_go_the_same_way_in_onnx(
    trained: Callable[[str], TrainedPoint], tmp_path: Path
) -> None:
    point = trained("trees")
    export(point, "onnx", tmp_path / "t.onnx", check=False)
    inputs = events(point)
    inputs["HCAL"][::2, ::3] = np.nan
    (found,) = onnxruntime.InferenceSession(tmp_path / "t.onnx").run(None, inputs)
    np.testing.assert_allclose(found, point.model().scores(inputs), atol=1e-6)


def test_a_keras_file_opens_without_dlscan_and_says_where_it_comes_from(
    trained: Callable[[str], TrainedPoint], tmp_path: Path
) -> None:
    point, path = trained("dense"), tmp_path / "model.keras"
    export(point, "keras", path)
    code = f"""
import sys
sys.modules["dlscan"] = None
import keras, numpy
model = keras.saving.load_model({str(path)!r})
print(model({{"ECAL": numpy.zeros((2, 4, 5, 6)), "HCAL": numpy.zeros((2, 7))}}).shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("(2, 3)")
    with zipfile.ZipFile(path) as archive:
        assert json.loads(json.loads(archive.read("dlscan.json"))["dlscan"])["point"] == 1


def test_a_saved_model_has_named_inputs_and_outputs(
    trained: Callable[[str], TrainedPoint], tmp_path: Path
) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    point, path = trained("heads"), tmp_path / "serving" / "1"
    assert export(point, "saved-model", path).difference < 1e-5
    signature = tensorflow.saved_model.load(str(path)).signatures["serving_default"]
    assert set(signature.structured_input_signature[1]) == {"ECAL", "HCAL"}
    assert set(signature.structured_outputs) == {"scores", "predictions"}
    assert "Energy" in (path / "assets.extra" / "dlscan.json").read_text()


def test_a_server_is_offered_the_signature_of_the_page(
    trained: Callable[[str], TrainedPoint], tmp_path: Path
) -> None:
    pytest.importorskip("tensorflow")
    export(trained("dense"), "saved-model", tmp_path / "1", check=False)
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
    command, shown = page.split("$ saved_model_cli ")[1].split("```")[0].split("\n", 1)
    typed = [str(tmp_path / "1") if word == "serving/lcd/1" else word for word in command.split()]
    program = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli"]
    done = subprocess.run([*program, *typed], capture_output=True, text=True, check=True)
    for here, there in (("25, 25, 25", "4, 5, 6"), ("5, 5, 60", "7"), ("(-1, 4)", "(-1, 3)")):
        shown = shown.replace(here, there)

    def lines(text: str) -> list[str]:
        # TensorFlow numbers its calls, and says something about itself at the end
        text = re.sub(r"StatefulPartitionedCall(_\d+)?", "StatefulPartitionedCall", text)
        return [line.strip() for line in text.splitlines() if line.strip()]

    assert lines(done.stdout)[: len(lines(shown))] == lines(shown)


def test_what_differs_is_not_written(
    trained: Callable[[str], TrainedPoint], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("dlscan.export.export"), "MOST", -1.0)
    with pytest.raises(ScanError, match=r"not written: its numbers differ from those of .*best\.keras"):
        export(trained("dense"), "onnx", tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [OSError, RuntimeError])
def test_a_file_that_cannot_be_written_is_not_called_a_network_that_cannot_be(
    trained: Callable[[str], TrainedPoint],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Exception],
) -> None:
    # TensorFlow raises errors of its own
    full = kind(f"made; {os.strerror(errno.ENOSPC)}")

    def fail(*arguments: object, **options: object) -> None:
        raise full

    monkeypatch.setattr(keras.Model, "export", fail)
    with pytest.raises(OSError, match="No space left on device"):
        export(trained("dense"), "saved-model", tmp_path / "made", check=False)
    assert not list(tmp_path.iterdir())


def test_mistakes_are_one_line(trained: Callable[[str], TrainedPoint], tmp_path: Path) -> None:
    dense, there = trained("dense"), tmp_path / "there.onnx"
    there.touch()
    with pytest.raises(UsageError, match=r"there\.onnx: exists; .*--overwrite"):
        export(dense, "onnx", there)
    with pytest.raises(UsageError, match="boosted trees can only be exported as onnx"):
        export(trained("trees"), "keras", tmp_path / "trees.keras")
    with pytest.raises(UsageError, match=r"reads only files whose name ends in \.keras"):
        export(dense, "keras", tmp_path / "model")
    record = dense.record
    gone = TrainedPoint(
        type(record)(**{**vars(record), "dataset": {"path": str(tmp_path / "no"), "config_hash": "0"}}),
        dense.paths,
        dense.scan,
    )
    with pytest.raises(DataError, match="--no-check exports without comparing"):
        export(gone, "onnx", tmp_path / "model.onnx")
    assert export(gone, "onnx", tmp_path / "model.onnx", check=False).events == 0


def test_the_command_says_what_it_wrote(trained: Callable[[str], TrainedPoint], tmp_path: Path) -> None:
    scan, path = trained("energy").paths.scan, tmp_path / "energy.onnx"
    done = CliRunner().invoke(cli, ["export", str(scan), "1", "-o", str(path)])
    lines = done.output.splitlines()
    assert lines[1:4] == [
        "  input   ECAL float32 (events, 4, 5, 6)",
        "  input   HCAL float32 (events, 7)",
        "  output  predictions float32 (events, 2): Energy, Row",
    ]
    assert lines[4].startswith("  compared with the model on ")
    unknown = CliRunner().invoke(cli, ["export", str(scan), "1", "-o", str(tmp_path / "x.pb")])
    assert "the suffix tells no format" in str(unknown.exception)
