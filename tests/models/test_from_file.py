"""Networks whose family is a function in a file of a user."""

import random
from pathlib import Path

import numpy as np
import pytest

from dlscan.config import Model
from dlscan.config.source import InFile, read_source
from dlscan.errors import ConfigError, ScanError
from dlscan.models import build, keras
from dlscan.models.from_file import registered
from dlscan.models.saved import layers_of, read_network

NETS = '''
import keras
from keras import layers, ops

@keras.saving.register_keras_serializable()
class Scale(layers.Layer):
    def __init__(self, factor, **more):
        super().__init__(**more)
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}

class Bare(layers.Layer):
    def call(self, x):
        return x + 1

@keras.saving.register_keras_serializable()
class Forgetful(layers.Layer):
    def __init__(self, factor, **more):
        super().__init__(**more)

    def call(self, x):
        return x + 1

    def get_config(self):
        return {"name": self.name}

def flat(inputs, *, width: int = 6, drop: float = 0.5):
    """Begins with operations, has layers without seeds."""
    sizes = {"ECAL": 32, "HCAL": 45}
    x = ops.concatenate([ops.reshape(x, (-1, sizes[name])) for name, x in inputs.items()], axis=1)
    x = layers.Dense(width, activation="relu")(ops.tanh(x))
    return layers.Dropout(drop)(x)

def scaled(inputs, *, factor: float = 2.0):
    return Scale(factor)(layers.Flatten()(inputs["ECAL"]))

def seeded(inputs, *, seed=None):
    start = keras.initializers.HeNormal(seed)
    return layers.Dense(3, kernel_initializer=start)(layers.Flatten()(inputs["HCAL"]))

def hungry(inputs): raise RuntimeError("CUDA out of memory")
def image(inputs): return inputs["ECAL"]
def listed(inputs): return [1]
def typo(inputs): return inputs["ECLA"]
def fails(inputs):
    x = layers.Flatten()(inputs["ECAL"])
    return layers.Dense(-1)(x)
def raw_numbers(inputs): return layers.Dense(3)(keras.Input((3,)))
def hidden_code(inputs): return layers.Lambda(lambda x: x)(layers.Flatten()(inputs["ECAL"]))
def bare(inputs): return Bare()(layers.Flatten()(inputs["ECAL"]))
def forgetful(inputs): return Forgetful(2)(layers.Flatten()(inputs["ECAL"]))
def taken(inputs): return layers.Flatten(name="HCAL")(inputs["ECAL"])
def leaves(inputs): raise SystemExit(3)
'''


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    path = tmp_path / "nets.py"
    path.write_text(NETS)
    return path


def model(nets: Path, function: str, **parameters: object) -> Model:
    return Model.parse({"family": f"{nets}:{function}", **parameters}, "model")


def events(manifest):
    rng = np.random.default_rng(1)
    return {
        name: rng.normal(size=(5, *column.shape)).astype(np.float32)
        for name, column in manifest.inputs.items()
    }


def values(network):
    return [keras.ops.convert_to_numpy(variable) for variable in network.variables]


@pytest.mark.parametrize("function", ["flat", "scaled", "seeded"])
def test_a_function_makes_a_network_that_gives_a_probability_per_class(function, nets, manifest):
    network = build(model(nets, function), manifest, {})
    scores = network.predict_on_batch(events(manifest))
    assert scores.shape == (5, 3)
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    assert network.name == function


@pytest.mark.parametrize("function", ["flat", "seeded"])
def test_the_same_seed_gives_the_same_network_whatever_was_built_before(function, nets, manifest):
    own = model(nets, function)
    random.seed(5)
    state, numbers = random.getstate(), np.random.get_state()[1].tolist()
    first, again, other = (values(build(own, manifest, {}, seed)) for seed in (3, 3, 4))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not all(np.array_equal(one, two) for one, two in zip(first, other, strict=True))
    # and nobody else's numbers change with it
    assert random.getstate() == state
    assert np.random.get_state()[1].tolist() == numbers


def test_parameters_reach_the_function(nets, manifest):
    network = build(model(nets, "flat", width=9, drop=0.25), manifest, {})
    (hidden, dropout) = [layer for layer in network.layers if layer.name.startswith(("dense", "dropout"))]
    assert (hidden.units, dropout.rate) == (9, 0.25)


def test_memory_that_runs_out_is_no_fault_of_the_file(nets, manifest):
    own = model(nets, "hungry")
    with pytest.raises(RuntimeError, match=r"^CUDA out of memory$"):
        build(own, manifest, {})


def test_hidden_layers_compute_in_less_precision(nets, manifest):
    network = build(model(nets, "flat"), manifest, {}, precision="mixed_bfloat16")
    assert {layer.compute_dtype for layer in network.layers if "dense" in layer.name} == {"bfloat16"}
    assert network.get_layer("net-output").compute_dtype == "float32"


@pytest.mark.parametrize(
    ("function", "line", "message"),
    [
        (
            "image",
            "def image",
            "image must return features of shape (B, F), got (B, 4, 4, 2); end with keras",
        ),
        ("listed", "def listed", "listed must return a tensor of Keras, got list"),
        ("typo", "def typo", "KeyError: 'ECLA'; the inputs are ECAL, HCAL"),
        ("fails", "Dense(-1)", "ValueError: Received an invalid value for `units`"),
        ("raw_numbers", "def raw_numbers", "not connected to `inputs`"),
        ("hidden_code", "def hidden_code", "hidden_code uses a Lambda layer"),
        ("bare", "def bare", "bare uses Bare, without which the saved network cannot be loaded; put @keras"),
        ("forgetful", "def forgetful", "forgetful makes a network that cannot be loaded again: "),
        ("taken", "def taken", "taken has a layer named HCAL; dlscan has that name, choose another one"),
        ("leaves", "SystemExit", "SystemExit: 3"),
    ],
)
def test_what_a_function_does_wrong_is_one_line_with_its_place(function, line, message, nets, manifest):
    with pytest.raises(ConfigError) as caught:
        build(model(nets, function), manifest, {})
    number = next(n for n, text in enumerate(NETS.splitlines(), start=1) if line in text)
    assert str(caught.value).startswith(f"{nets}:{number}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_run_is_one_line(nets, manifest):
    nets.write_text("import keras\nimport helper_beside\ndef mine(inputs): ...\n")
    with pytest.raises(
        ConfigError, match=r"nets\.py:2: ModuleNotFoundError: No module named .* files beside it"
    ):
        build(model(nets, "mine"), manifest, {})


def test_what_is_built_is_the_text_that_was_read_and_not_what_the_file_says_now(nets, manifest):
    own = model(nets, "flat", width=7)
    nets.write_text("raise ValueError")
    assert [layer.units for layer in build(own, manifest, {}).layers if layer.name.startswith("dense")] == [7]


def test_names_that_files_register_do_not_meet(nets, manifest, tmp_path):
    """Two versions of a layer in one process: each network gets its own."""
    known = dict(keras.saving.get_custom_objects())
    other = tmp_path / "other.py"
    other.write_text(NETS.replace("x * self.factor", "x - self.factor"))
    first, second = (build(model(path, "scaled"), manifest, {}) for path in (nets, other))
    assert keras.saving.get_custom_objects() == known
    given = events(manifest)
    assert not np.allclose(first.predict_on_batch(given), second.predict_on_batch(given))
    for path, network in ((nets, first), (other, second)):
        network.save(tmp_path / "best.keras")
        loaded = read_network(tmp_path / "best.keras", {"model.family": read_source(path, "").plain()}, True)
        np.testing.assert_allclose(loaded.predict_on_batch(given), network.predict_on_batch(given), rtol=1e-6)
    assert keras.saving.get_custom_objects() == known


def test_a_network_of_keras_own_layers_is_loaded_without_the_file(nets, manifest, tmp_path):
    network = build(model(nets, "flat"), manifest, {})
    network.save(tmp_path / "best.keras")
    source = read_source(nets, "").plain()
    nets.write_text("raise SystemExit('never run')")
    assert layers_of(read_network(tmp_path / "best.keras", {"model.family": source})) == layers_of(network)


def test_a_layer_of_the_file_is_loaded_from_it_only_if_it_has_not_changed(nets, manifest, tmp_path):
    path = tmp_path / "best.keras"
    build(model(nets, "scaled"), manifest, {}).save(path)
    recorded = {"model.family": read_source(nets, "").plain()}
    assert "Scale" in [layer.kind for layer in layers_of(read_network(path, recorded, True))]
    with pytest.raises(ScanError, match="cannot read a network"):
        read_network(path)
    marker = tmp_path / "was run"
    nets.write_text(NETS + f"\nopen({str(marker)!r}, 'w')\n")
    # its text is that of the record, and nobody has said that it may be run
    with pytest.raises(
        ScanError, match=r"nets\.py has to be run, as its record says; if you trust that file"
    ):
        read_network(path, {"model.family": read_source(nets, "").plain()})
    assert not marker.exists()
    nets.write_text(NETS)
    nets.write_text(NETS + f"\nopen({str(marker)!r}, 'w')\n")
    with pytest.raises(
        ScanError, match=r"best\.keras: needs the layers that .*nets\.py defines, which has changed"
    ):
        read_network(path, recorded, True)
    nets.unlink()
    with pytest.raises(ScanError, match=r"needs the file with its layers: .*nets\.py: no such file"):
        read_network(path, recorded, True)
    assert not marker.exists()


def test_a_class_of_the_file_may_be_a_dataclass(nets):
    text = "from __future__ import annotations\nimport dataclasses\ndef mine(inputs): ...\n"
    nets.write_text(f"{text}@dataclasses.dataclass\nclass A:\n    a: int = 1\n")
    function = model(nets, "mine").family
    assert isinstance(function, InFile)
    with registered(function.source) as module:
        assert module.A().a == 1


def test_the_example_of_the_documents_is_a_network(nets, manifest):
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
    nets.write_text(page.split("```python\n")[1].split("```")[0])
    network = build(model(nets, "mine", blocks=1, pool="max"), manifest, {})
    assert [layer.filters for layer in network.layers if "conv" in layer.name] == [16]
