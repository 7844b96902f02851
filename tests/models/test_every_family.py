"""What every family of networks keeps to, whichever there are."""

import json
import math

import numpy as np
import pytest

from dlscan.analysis.networks import drawing_of
from dlscan.analysis.networks.stages import Frame, Tangle, Ways
from dlscan.analysis.networks.text import network_text
from dlscan.config import Model
from dlscan.config.models import FAMILIES, trainer_of
from dlscan.dataset import taken
from dlscan.models import construct, keras
from dlscan.models.flops import flops
from dlscan.models.saved import read_network
from dlscan.models.size import size_of

# those that tell classes apart
NETWORKS = [
    name
    for name, rule in FAMILIES.items()
    if trainer_of(name) == "networks" and "classify" in getattr(rule, "tasks", ("classify",))
]
# What a family is built of where its defaults and an image beside a vector will not do.
IMAGE = {"x-ray": (6, 5), "v": (3,)}
KEYS = {
    "branches": {"branches": {"x-ray": {"family": "lenet"}, "w": {"depth": 1}}, "merge": "attention"},
    "siamese": {"body": {"family": "lenet"}},
}
SHAPES = {"branches": {**IMAGE, "w": (6, 5)}, "siamese": {"a": (6, 5), "b": (6, 5)}}
# drawn from what they are given, or always the same
CONSTANT = ("Zeros", "Ones", "Constant", "Identity")

of_each = pytest.mark.parametrize("family", NETWORKS)


BUILT = {}


@pytest.fixture
def made(make_manifest):
    """The network of a family from its defaults, but with dropout where it has that: `made("lenet", 2)`.

    It is built once, as most tests only look at it.
    """

    def make(family, seed=1, anew=False):
        if anew or (family, seed) not in BUILT:
            has_dropout = hasattr(FAMILIES[family](), "dropout")
            own = {"dropout": 0.1} if has_dropout else {}
            model = Model.parse({"family": family, **own, **KEYS.get(family, {})}, "model")
            manifest = make_manifest(**SHAPES.get(family, IMAGE))
            BUILT[family, seed] = model, manifest, construct(model, manifest, {}, seed)
        return BUILT[family, seed]

    return make


def events(manifest, number=3):
    rng = np.random.default_rng(1)
    return {
        name.replace("-", "_"): rng.normal(2, 1, (number, *column.shape)).astype(np.float32)
        for name, column in manifest.inputs.items()
    }


def scores_of(network, raw):
    return keras.ops.convert_to_numpy(network(raw, training=False))


def weights_of(network):
    return [keras.ops.convert_to_numpy(weight) for weight in network.weights]


def layers_within(network):
    """Every layer, those of networks within the network too."""
    for layer in network.layers:
        if hasattr(layer, "layers"):
            yield from layers_within(layer)
        yield layer


def configs_within(value):
    """Every mapping in the configuration of a layer."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from configs_within(item)


def drawn_parameters(chain):
    """Of all boxes of a drawing, those of a stage that is framed as `3 times` three times."""
    found = 0
    for part in chain:
        match part:
            case Frame(title, inside):
                number, _, word = title.partition(" ")
                found += drawn_parameters(inside) * (int(number) if word == "times" else 1)
            case Ways(ways):
                found += sum(drawn_parameters(way) for way in ways)
            case Tangle(boxes):
                found += sum(box.parameters for box in boxes)
            case box:
                found += box.parameters
    return found


@of_each
def test_it_is_built_from_its_defaults_saved_and_opened_in_safe_mode(made, family, tmp_path):
    _, manifest, network = made(family)
    raw = events(manifest)
    scores = scores_of(network.model, raw)
    assert scores.shape == (3, 3)
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    network.model.save(tmp_path / "best.keras")
    opened = read_network(tmp_path / "best.keras")
    np.testing.assert_allclose(scores_of(opened, raw), scores, rtol=1e-5, atol=1e-6)
    # and drawn: each weight once, repeated stages in a frame that says how often
    chain = drawing_of(tmp_path / "best.keras")
    assert drawn_parameters(chain) == network.model.count_params()
    assert "softmax" in network_text(chain)


@of_each
def test_the_seed_decides_its_weights(made, family):
    one, other = weights_of(made(family, 1)[2].model), weights_of(made(family, 2)[2].model)
    # whatever was built between
    again = weights_of(made(family, 1, anew=True)[2].model)
    for first, second in zip(one, again, strict=True):
        np.testing.assert_array_equal(first, second)
    # the bias of a gru has two axes, and starts at zero
    drawn = [
        (first, second) for first, second in zip(one, other, strict=True) if first.ndim > 1 and first.any()
    ]
    assert drawn
    assert not any(np.array_equal(first, second) for first, second in drawn)


@of_each
def test_every_random_layer_has_a_seed_of_its_own(made, family):
    network = made(family)[2].model
    seeds = []
    for layer in layers_within(network):
        for config in [] if hasattr(layer, "layers") else configs_within(layer.get_config()):
            kind, own = config.get("class_name"), config.get("config", {})
            if config.get("module") == "keras.initializers" and kind not in CONSTANT:
                assert isinstance(own["seed"], int), (layer.name, kind)
                seeds.append(own["seed"])
        if "Dropout" in type(layer).__name__:
            assert isinstance(layer.seed, int), layer.name
            seeds.append(layer.seed)
    assert len(set(seeds)) == len(seeds)


@of_each
def test_names_of_layers_begin_with_that_of_an_input_or_net(made, family):
    _, _, network = made(family)
    inputs = set(network.model.input)
    for layer in network.model.layers:
        start, hyphen, rest = layer.name.partition("-")
        assert layer.name in inputs or (hyphen and rest and start in {*inputs, "net"}), layer.name


@of_each
def test_its_size_is_that_of_its_weights(made, family):
    model, manifest, network = made(family)
    outputs = len(manifest.classes)
    features = keras.Model(network.scaled, network.raw["scores"]._keras_history.operation.input)
    measured = size_of(features, outputs)
    trained = sum(math.prod(weight.shape) for weight in network.model.trainable_weights)
    assert measured.weights == trained
    assert measured.multiplications > 0
    formula = model.size([shaped.shape for shaped in taken(model, manifest.inputs).values()], outputs)
    assert formula is None or formula.weights == trained


@of_each
def test_its_operations_can_be_counted(made, family):
    count, reason = flops(made(family)[2].model)
    assert count, reason


@pytest.mark.parametrize("family", FAMILIES)
def test_its_parameters_are_read_back_as_they_were(family):
    model = Model.parse({"family": family, **KEYS.get(family, {})}, "model")
    text = json.dumps(model.plain())
    again = Model.parse(json.loads(text), "model")
    assert again == model
    assert hash(again) == hash(model)


@of_each
def test_what_it_cannot_take_is_said_in_one_line(family):
    model = Model.parse({"family": family, **KEYS.get(family, {})}, "model")
    for shapes in ({}, {"x": ()}, {"x": (4,)}, {"x": (4, 4)}, {"x": (2,) * 6}, {"x": (4, 4), "y": (3, 3, 3)}):
        reason = model.why_not_inputs(shapes)
        assert reason is None or (reason.startswith(family) and "\n" not in reason)
