"""A network from somebody else runs no code and reads no file of this machine when it is opened."""

import base64
import contextlib
import io
import json
import marshal
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dlscan.config import Model
from dlscan.errors import ScanError
from dlscan.models import build
from dlscan.models.saved import layers_of, read_network

# Keras says of some parts that it passes them over, and goes on
pytestmark = pytest.mark.filterwarnings("ignore:Skipping")

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def network(make_manifest, tmp_path):
    """A network as dlscan leaves it."""
    path = tmp_path / "best.keras"
    build(Model.parse({"width": 4, "depth": 1}, "model"), make_manifest(x=(3,)), {}).save(path)
    return path


def forged(path: Path, change: Change | None = None, weights: Callable[[Path], object] | None = None) -> Path:
    """Change what a network is made of, or its weights."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    if change is not None:
        config = json.loads(parts["config.json"])
        change(config)
        parts["config.json"] = json.dumps(config).encode()
    if weights is not None:
        file = path.with_name("weights.h5")
        file.write_bytes(parts["model.weights.h5"])
        weights(file)
        parts["model.weights.h5"] = file.read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def call(module: str, function: str, *arguments: Any) -> dict[str, Any]:
    """A "layer" that is a function, called while the network is put together."""
    return {
        "name": function,
        "module": module,
        "class_name": "function",
        "config": function,
        "registered_name": function,
        "inbound_nodes": [{"args": list(arguments), "kwargs": {}}],
    }


def layer(kind: str, config: dict[str, Any], module: str = "keras.layers") -> dict[str, Any]:
    """A layer behind the input."""
    tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None, 3], "dtype": "float32"}}
    tensor["config"]["keras_history"] = ["x", 0, 0]
    return {
        "name": "evil",
        "module": module,
        "class_name": kind,
        "config": {"name": "evil", **config},
        "registered_name": None,
        "inbound_nodes": [{"args": [tensor], "kwargs": {}}],
    }


def lambda_layer(marker: Path) -> dict[str, Any]:
    """A Lambda layer whose code makes a file."""
    code = compile(f"lambda x: (open({str(marker)!r}, 'w').close(), x)[1]", "evil", "eval").co_consts[0]
    bytecode = base64.b64encode(marshal.dumps(code)).decode()
    value = {"class_name": "__lambda__", "config": {"code": bytecode, "defaults": None, "closure": None}}
    return layer("Lambda", {"function": value, "output_shape": [3], "arguments": {}})


# what each adds to the layers, given a file that must not be there and one that must not be read
ATTACKS = {
    "any function": lambda marker, secret: [call("os", "system", f"touch '{marker}'")],
    "any function, as a class": lambda marker, secret: [
        {**call("os", "system", f"touch '{marker}'"), "class_name": "system", "config": {}}
    ],
    "a lambda": lambda marker, secret: [lambda_layer(marker)],
    "a lambda, once safety is off": lambda marker, secret: [
        call("keras.config", "enable_unsafe_deserialization"),
        lambda_layer(marker),
    ],
    "a lambda, once safety is off from within": lambda marker, secret: [
        call("keras.src.saving.serialization_lib", "enable_unsafe_deserialization"),
        lambda_layer(marker),
    ],
    "a function of Keras that reads files": lambda marker, secret: [
        call("keras.src.utils.file_utils", "get_file", str(marker), f"file://{secret}")
    ],
    "a function of Keras that writes files": lambda marker, secret: [
        call("keras.utils", "get_file", str(marker), f"file://{secret}")
    ],
    "NumPy, as an operation": lambda marker, secret: [call("numpy", "save", str(marker), [1])],
    "a graph of TensorFlow": lambda marker, secret: [
        layer("TFSMLayer", {"filepath": str(secret.parent), "call_endpoint": "serve"})
    ],
    "a vocabulary that is a file": lambda marker, secret: [
        layer("StringLookup", {"vocabulary": str(secret), "dtype": "string"})
    ],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_no_layer_of_a_network_is_refused_and_does_nothing(attack, network, tmp_path):
    marker, secret = tmp_path / "was here", tmp_path / "secret.txt"
    secret.write_text("alibaba\nsesame\n")
    layers = ATTACKS[attack](marker, secret)

    with pytest.raises(ScanError, match=r"best\.keras: cannot read a network") as caught:
        read_network(forged(network, lambda config: config["config"]["layers"].extend(layers)))
    assert len(str(caught.value).splitlines()) == 1
    assert "sesame" not in str(caught.value)
    assert not list(tmp_path.glob("was here*"))
    # nor has it switched off what keeps the next one from it
    with pytest.raises(ScanError):
        read_network(forged(network, lambda config: config["config"]["layers"].append(lambda_layer(marker))))
    assert not marker.exists()


def elsewhere(how: str, secret: Path) -> Callable[[Path], None]:
    """Let the first weights be what another file holds."""

    def change(file: Path) -> None:
        names: list[str] = []
        with h5py.File(file, "r+") as handle:
            handle.visititems(
                lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
            )
            shape = handle[names[0]].shape
            del handle[names[0]]
            if how == "link":
                handle[names[0]] = h5py.ExternalLink(str(secret), "x")
            elif how == "storage":
                size = int(np.prod(shape)) * 4
                handle.create_dataset(names[0], shape, "f4", external=[(str(secret), 0, size)])
            else:
                layout = h5py.VirtualLayout(shape, "f4")
                layout[...] = h5py.VirtualSource(str(secret), "x", shape)
                handle.create_virtual_dataset(names[0], layout)

    return change


@pytest.mark.parametrize("how", ["link", "storage", "virtual"])
def test_weights_that_lie_in_other_files_are_refused(how, network, tmp_path):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = np.full((3, 4), 7.0, "f4")
    with pytest.raises(ScanError, match=r"best\.keras: cannot read a network"):
        read_network(forged(network, weights=elsewhere(how, secret)))


def test_parts_with_names_that_lead_elsewhere_are_not_written(network, tmp_path):
    with zipfile.ZipFile(network, "a") as archive:
        archive.writestr("../was here", b"x")
        archive.writestr("assets/../../was here", b"x")
    with contextlib.suppress(ScanError):
        read_network(network)
    assert not list(tmp_path.parent.glob("was here*")) + list(tmp_path.glob("was here*"))


def test_an_old_kind_of_file_under_the_new_name_is_refused(network):
    """It has no safe mode in older versions."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["model_config"] = "{}"
    network.write_bytes(content.getvalue())
    with pytest.raises(ScanError, match="cannot read a network"):
        read_network(network)


def test_a_network_that_nobody_changed_is_read(network):
    assert layers_of(read_network(forged(network)))
