"""The layers of a network, read from its file."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from dlscan.analysis.networks import drawing_of
from dlscan.analysis.networks.read import read_layers
from dlscan.analysis.networks.stages import boxes_in
from dlscan.errors import ScanError
from dlscan.models import keras
from dlscan.models.saved import layers_of


@pytest.fixture(scope="module")
def network():
    """Shared and nested layers, operations, a wrapper, a dropout, a mask, two ends."""
    layers = keras.layers
    a, b = keras.Input((7, 3), name="a"), keras.Input((7, 3), name="b")
    mask = keras.Input((7,), dtype="bool", name="a_mask")
    one = keras.Input((7, 3), name="pair")
    body = keras.Model(
        {"pair": one}, layers.LSTM(4, name="steps")(layers.Dense(5, name="each")(one)), name="net-body"
    )
    left, right = body({"pair": (a - 1.0) * 2.0}), body({"pair": b})
    kept = layers.Multiply()(
        [layers.Dense(4, name="a-points")(a), keras.ops.cast(mask, "float32")[..., None]]
    )
    both = layers.Bidirectional(layers.GRU(3), name="both")(kept)
    x = layers.Concatenate(name="net-joined")([keras.ops.abs(left - right), both])
    x = layers.Dropout(0.5, seed=1)(layers.BatchNormalization(name="net-norm")(x))
    ends = {"one": layers.Dense(2, name="net-one")(x), "two": layers.Dense(3, name="net-two")(x)}
    return keras.Model({"a": a, "a_mask": mask, "b": b}, ends)


@pytest.fixture(scope="module")
def file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("networks") / "best.keras"
    network.save(path)
    return path


def test_names_kinds_shapes_and_weights_are_those_of_keras(network, file):
    found = {use.name: use for use in read_layers(file)}
    for layer in layers_of(network):
        use = found[layer.name]
        assert (use.kind, use.parameters) == (layer.kind, layer.parameters), layer.name
        assert use.shape == layer.shape, layer.name


def test_no_weight_is_drawn_twice_or_not_at_all(network, file):
    drawn = sum(box.parameters for box in boxes_in(drawing_of(file)))
    assert drawn == network.count_params()


def test_reading_loads_no_keras(file):
    code = (
        "import sys; from pathlib import Path; from dlscan.analysis.networks import drawing_of;"
        "drawing_of(Path(sys.argv[1])); assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(file)], check=True, timeout=60)


def _damaged(file, tmp_path, damage):
    path = tmp_path / "best.keras"
    with zipfile.ZipFile(file) as before, zipfile.ZipFile(path, "w") as after:
        for name in before.namelist():
            if name != damage:
                content = before.read(name)
                after.writestr(name, b"{}" if damage == f"{name} empty" else content)
    if damage == "cut":
        path.write_bytes(file.read_bytes()[:-100])
    if damage == "missing":
        path.unlink()
    if damage == "cycle":
        config = json.loads(zipfile.ZipFile(file).read("config.json"))
        first = next(layer for layer in config["config"]["layers"] if layer["inbound_nodes"])
        taken = first["inbound_nodes"][0]["args"][0]
        taken = taken.get("pair", taken)
        taken["config"]["keras_history"][0] = first["name"]
        with zipfile.ZipFile(path, "w") as after:
            after.writestr("config.json", json.dumps(config))
            after.writestr("model.weights.h5", zipfile.ZipFile(file).read("model.weights.h5"))
    return path


@pytest.mark.parametrize(
    "damage", ["missing", "cut", "config.json", "model.weights.h5", "config.json empty", "cycle"]
)
def test_a_damaged_file_is_refused_in_one_line(file, tmp_path, damage):
    path = _damaged(file, tmp_path, damage)
    with pytest.raises(ScanError, match="cannot read") as caught:
        read_layers(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_sequential_network_is_a_chain(tmp_path):
    layers = keras.layers
    keras.Sequential([keras.Input((4,)), layers.Dense(3, name="one"), layers.Dense(2, name="two")]).save(
        tmp_path / "s.keras"
    )
    boxes = boxes_in(drawing_of(tmp_path / "s.keras"))
    assert [(box.title, box.parameters) for box in boxes][-2:] == [("Dense 3", 15), ("Dense 2", 8)]
    assert np.prod(boxes[-1].shape) == 2
