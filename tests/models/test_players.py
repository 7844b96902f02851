"""What a generator makes, how its scaling is undone, and what is looked at in events."""

import dataclasses

import numpy as np
import pytest

from dlscan.config import Model, Normalization
from dlscan.dataset import RANKS
from dlscan.errors import ConfigError
from dlscan.models import keras
from dlscan.models.normalize import normalize
from dlscan.models.observables import observables
from dlscan.models.players import players
from dlscan.models.unscale import scaled_zero, unscaled
from dlscan.tasks import Standard

ops = keras.ops
KINDS = ["none", "scale", "standard", "minmax", "log", "tanh-log"]


def number(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("factor", [None, 100.0])
@pytest.mark.parametrize("kind", KINDS)
def test_scaling_is_undone(kind, factor, make_manifest):
    statistics = make_manifest(x=(3,)).statistics["x"]
    raw = np.random.default_rng(1).normal(0, 2, (20, 3)).astype(np.float32)
    how = Normalization(kind, factor)
    scaled = normalize(ops.convert_to_tensor(raw), how, statistics)
    # 1 - |x| has few digits where tanh-log comes near to 1
    loose = 1e-2 if kind == "tanh-log" else 1e-4
    np.testing.assert_allclose(number(unscaled(scaled, how, statistics)), raw, rtol=loose, atol=1e-5)
    zero = normalize(ops.zeros((1, 3)), how, statistics)
    np.testing.assert_allclose(number(zero)[0] - scaled_zero((3,), how, statistics), 0, atol=1e-6)


def test_ranks_are_undone(make_manifest):
    count = len(RANKS)
    # the second feature has a value that many events have
    knots = tuple(np.linspace(0, 1, count) ** 2), (*[0.0] * 10, *np.linspace(0, 5, count - 10))
    statistics = dataclasses.replace(make_manifest(x=(2,)).statistics["x"], quantiles=knots)
    raw = np.random.default_rng(1).uniform(0.05, 0.95, (20, 2)).astype(np.float32)
    how = Normalization("quantile")
    scaled = normalize(ops.convert_to_tensor(raw), how, statistics)
    np.testing.assert_allclose(number(unscaled(scaled, how, statistics)), raw, rtol=1e-3, atol=1e-4)


def test_observables_of_a_shower_by_hand():
    image = np.zeros((2, 5, 5, 3), np.float32)
    image[0, 1, 2, 0], image[0, 3, 2, 2] = 2.0, 2.0
    inputs = keras.Input((5, 5, 3))
    network = keras.Model(inputs, observables({"ECAL": inputs}))
    found = {name: number(own) for name, own in network(image).items()}
    # Keras sorts them on PyTorch
    assert set(found) == {"Energy", "Layers", "Radius", "Depth", "Occupancy"}
    np.testing.assert_allclose(found["Energy"], [[4], [0]])
    np.testing.assert_allclose(found["Layers"], [[2, 0, 2], [0, 0, 0]])
    # one cell from the barycentre at (2, 2), one layer from the middle
    np.testing.assert_allclose(found["Radius"], [[1, 1], [0, 0]], atol=1e-6)
    np.testing.assert_allclose(found["Depth"], [[1, 1], [0, 0]], atol=1e-6)
    np.testing.assert_allclose(found["Occupancy"], [[2 / 75], [0]])


def test_observables_of_vectors_are_their_features_and_bear_names_of_inputs():
    x, image = keras.Input((2,)), keras.Input((4, 4))
    assert list(observables({"x": x})) == ["x_0", "x_1"]
    assert list(observables({"x": x, "a": image}))[1:4] == ["x_1", "a_Energy", "a_Layers"]


SHAPES = {"vector": (3,), "plane": (5, 4), "image": (6, 5, 7), "line": (9, 2)}


@pytest.mark.parametrize("layers", ["dense", "convolutional"])
def test_a_generator_makes_every_input_and_opens_with_keras_alone(layers, make_manifest, tmp_path):
    model = Model.parse({"family": "gan", "layers": layers, "code": 4, "width": 6, "filters": 2}, "model")
    manifest = make_manifest(**SHAPES)
    made = players(model, manifest, {}, 1, ("E", "class"), {"condition": Standard((50.0, 0.0), (10.0, 1.0))})
    noise = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    given = {"noise": noise, "condition": np.array([[40, 0], [50, 1], [60, 2]], np.float32)}
    found = made.generator.model(given)
    assert {name: tuple(own.shape[1:]) for name, own in found.items()} == SHAPES
    made.generator.model.save(tmp_path / "best.keras")
    opened = keras.saving.load_model(tmp_path / "best.keras", compile=False, safe_mode=True)
    for name, own in opened(given).items():
        np.testing.assert_allclose(number(own), number(found[name]), rtol=1e-5, atol=1e-6)
    # what is asked of an event matters
    other = made.generator.model({**given, "condition": given["condition"][::-1]})
    assert not np.allclose(number(other["vector"])[0], number(found["vector"])[0])


def test_the_seed_decides_all_weights_those_of_norms_too(make_manifest):
    model = Model.parse({"family": "gan", "spectral_norm": True, "width": 6, "filters": 2}, "model")
    manifest = make_manifest(image=(6, 5, 7))

    def weights(seed):
        made = players(model, manifest, {}, seed, ())
        return [number(own) for part in (made.generator, made.critic) for own in part.model.variables]

    one, again, other = weights(1), weights(1), weights(2)
    for first, second in zip(one, again, strict=True):
        np.testing.assert_array_equal(first, second)
    different = [not np.array_equal(first, second) for first, second in zip(one, other, strict=True)]
    # biases start at 0 with every seed; norms have vectors of their own
    assert sum(different) == sum(first.any() for first in one)


def test_the_critic_of_normed_weights_has_singular_values_of_at_most_1(make_manifest):
    own = {"spectral_norm": True, "width": 8, "depth": 2, "profiles": False, "activation": "linear"}
    made = players(Model.parse({"family": "gan", **own}, "model"), make_manifest(x=(5,)), {}, 1, ())
    events = np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32)
    for _ in range(30):
        made.critic.model({"x": events}, training=True)
    kernels = [number(weight) for weight in made.critic.model.trainable_weights if len(weight.shape) == 2]
    assert len(kernels) == 3
    for kernel in kernels:
        assert np.linalg.norm(kernel, 2) == pytest.approx(1, abs=0.02)


def test_cells_are_not_negative_where_real_ones_are_not(make_manifest):
    manifest = make_manifest(image=(4, 5))
    positive = dataclasses.replace(manifest.statistics["image"], minimum=(0.0,), maximum=(5.0,))
    manifest = dataclasses.replace(manifest, statistics={"image": positive})
    # wide, so that with any initial weights some cells would be below
    noise = {"noise": np.random.default_rng(1).normal(0, 10, (50, 32)).astype(np.float32)}
    for wanted, least in (("auto", 0.0), (False, -np.inf)):
        model = Model.parse({"family": "gan", "positive": wanted}, "model")
        cells = number(players(model, manifest, {}, 1, ()).generator.model(noise)["image"])
        assert cells.min() == pytest.approx(0, abs=1e-6) if least == 0 else cells.min() < -0.01


def test_what_cannot_be_generated_is_refused(make_manifest):
    deep = make_manifest(x=(2, 2, 2, 2))
    with pytest.raises(ConfigError, match="gan goes over 1 to 3 axes, and x"):
        players(Model.parse({"family": "gan", "layers": "convolutional"}, "model"), deep, {}, 1, ())
    players(Model.parse({"family": "gan"}, "model"), deep, {}, 1, ())
