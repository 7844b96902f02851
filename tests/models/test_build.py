import dataclasses
import itertools
import pkgutil
import subprocess
import sys
from typing import get_args, get_type_hints

import numpy as np
import pytest

from dlscan.config import Dense, Model, Normalization, network_name
from dlscan.config.models import FAMILIES as CONFIGURED
from dlscan.config.models import trainer_of
from dlscan.config.normalization import NORMALIZATIONS
from dlscan.dataset import RANKS
from dlscan.models import build, families, keras
from dlscan.models.seeds import layer_seed

NETWORKS = [name for name in CONFIGURED if trainer_of(name) == "networks"]


def weights(network):
    return {v.path: keras.ops.convert_to_numpy(v) for v in network.trainable_variables}


def scores_of(network, raw):
    """As `predict_on_batch`, without compiling anything."""
    return keras.ops.convert_to_numpy(network(raw, training=False))


def events(manifest, number=5):
    rng = np.random.default_rng(1)
    return {
        network_name(name): rng.normal(size=(number, *column.shape)).astype(np.float32)
        for name, column in manifest.inputs.items()
    }


def test_every_family_of_the_configuration_has_a_builder():
    assert {each.name for each in pkgutil.iter_modules(families.__path__)} == set(NETWORKS)


# what is in a network within a network has no default, and a generator has no classes
@pytest.mark.parametrize("family", [name for name in NETWORKS if name not in ("branches", "siamese", "gan")])
def test_family_with_its_defaults_gives_a_probability_per_class(family, manifest):
    network = build(Model(family, CONFIGURED[family]()), manifest, {})

    scores = scores_of(network, events(manifest))

    assert scores.shape == (5, 3)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(("width", "depth"), [(16, 0), (16, 1), (8, 3)])
def test_dense_has_a_branch_of_width_and_depth_for_each_input(width, depth, manifest):
    network = build(Model("dense", Dense(width, depth, merged_depth=0)), manifest, {})

    def branch(size):
        sizes = [size] + [width] * depth
        return sum((a + 1) * b for a, b in itertools.pairwise(sizes)), sizes[-1]

    (ecal, ecal_out), (hcal, hcal_out) = branch(4 * 4 * 2), branch(3 * 3 * 5)
    assert network.count_params() == ecal + hcal + (ecal_out + hcal_out + 1) * 3
    assert {name for name, _ in network.input.items()} == {"ECAL", "HCAL"}


@pytest.mark.parametrize(
    ("parameters", "sizes"),
    [
        # branches of 3 + 1 = 4 and of 2 * 2 values, and what is behind them
        ({}, [[4, 8, 8], [4, 8, 8], [16, 8, 3]]),
        ({"merged_depth": 2, "merged_width": 5}, [[4, 8, 8], [4, 8, 8], [16, 5, 5, 3]]),
        ({"merged_depth": 0}, [[3, 8, 8], [4, 8, 8], [1, 8, 8], [24, 3]]),
        ({"depth": 0}, [[8, 3]]),
        ({"depth": 0, "merged_depth": 1}, [[8, 8, 3]]),
    ],
)
def test_vectors_meet_before_the_first_layer_and_images_behind_theirs(parameters, sizes, make_manifest):
    shapes = {"jet": (3,), "image": (2, 2), "met": ()}
    dense = Dense(**{"width": 8, "depth": 2} | parameters)
    network = build(Model("dense", dense), make_manifest(**shapes), {})

    pairs = [pair for path in sizes for pair in itertools.pairwise(path)]
    kernels = [tuple(weight.shape) for weight in network.trainable_weights if len(weight.shape) == 2]
    assert sorted(kernels) == sorted(pairs)
    assert dense.size(list(shapes.values()), 3).weights == network.count_params()


def test_a_single_input_or_vector_gets_the_layers_that_it_always_had(make_manifest):
    for shapes in ({"x": (3,)}, {"image": (2, 2)}):
        now, then = (
            build(Model("dense", Dense(8, 2, merged_depth=merged)), make_manifest(**shapes), {})
            for merged in ("auto", 0)
        )
        np.testing.assert_equal(weights(now), weights(then))


@pytest.mark.parametrize("shape", [(), (1, 1)], ids=["numbers", "images"])
def test_what_only_two_inputs_together_tell_is_learned(shape, make_manifest):
    """An exclusive-or of two signs: each input alone says nothing."""
    rng = np.random.default_rng(1)
    raw = {name: rng.normal(size=(2000, *shape)).astype(np.float32) for name in ("pt", "eta")}
    labels = (raw["pt"] * raw["eta"] > 0).reshape(2000).astype(int)
    manifest, none = make_manifest("SB", pt=shape, eta=shape), Normalization("none")

    def accuracy(**parameters):
        model = Model("dense", Dense(16, 2, **parameters))
        network = build(model, manifest, {"pt": none, "eta": none})
        network.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
        network.fit(raw, labels, batch_size=200, epochs=10, verbose=0, shuffle=False)
        return (scores_of(network, raw).argmax(axis=1) == labels).mean()

    assert accuracy() > 0.95
    assert accuracy(merged_depth=0) < 0.6


def test_dense_puts_norm_activation_and_dropout_after_each_hidden_layer(make_manifest):
    model = Model("dense", Dense(4, 2, "tanh", dropout=0.5, batch_norm=True))
    network = build(model, make_manifest(x=(3,)), {"x": Normalization("none")})

    kinds = [type(layer).__name__ for layer in network.layers]
    hidden = ["Dense", "BatchNormalization", "Activation", "Dropout"]
    assert kinds == ["InputLayer", "Flatten", *hidden, *hidden, "Dense", "Activation"]


def test_a_number_per_event_is_an_input_too(make_manifest):
    manifest = make_manifest(energy=())

    assert build(Model(), manifest, {}).predict_on_batch(events(manifest)).shape == (5, 3)


def test_an_input_whose_name_keras_refuses_gets_underscores(make_manifest):
    manifest = make_manifest(**{"jets/pt": (3,), "my $data": (2,)})

    network = build(Model(), manifest, {})

    assert set(network.input) == {"jets_pt", "my__data"}
    assert network.predict_on_batch(events(manifest)).shape == (5, 3)


def test_initial_weights_depend_on_the_seed_and_on_nothing_built_before(manifest):
    first = weights(build(Model(), manifest, {}, seed=4))
    again = weights(build(Model(), manifest, {}, seed=4))
    other = weights(build(Model(), manifest, {}, seed=5))

    kernels = [name for name in first if name.endswith("kernel")]
    assert len(kernels) == 6
    for name in kernels:
        np.testing.assert_array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])


def test_initial_weights_do_not_depend_on_dropout(manifest):
    without = weights(build(Model("dense", Dense(dropout=0.0)), manifest, {}))
    dropped = weights(build(Model("dense", Dense(dropout=0.5)), manifest, {}))

    for name in without:
        np.testing.assert_array_equal(without[name], dropped[name])


DRAWN = {
    # variance of a kernel of 200 by 100, and its largest value
    "glorot": (2 / 300, (6 / 300) ** 0.5),
    "glorot_normal": (2 / 300, 2.3 * (2 / 300) ** 0.5),
    "he": (2 / 200, 2.3 * (2 / 200) ** 0.5),
    "he_uniform": (2 / 200, (6 / 200) ** 0.5),
    "lecun": (1 / 200, 2.3 * (1 / 200) ** 0.5),
    "lecun_uniform": (1 / 200, (3 / 200) ** 0.5),
    "orthogonal": (1 / 200, 1.0),
    "normal": (0.05**2, 0.3),
    "uniform": (0.05**2 / 3, 0.05),
    "zeros": (0.0, 0.0),
}


@pytest.mark.parametrize("name", get_args(get_type_hints(Dense)["initializer"]))
def test_hidden_layers_start_from_what_the_initializer_draws(name, make_manifest):
    def kernels(seed):
        network = build(Model("dense", Dense(100, 1, initializer=name)), make_manifest(x=(200,)), {}, seed)
        layers = [network.get_layer(layer) for layer in ("x-hidden_1", "net-output")]
        return [keras.ops.convert_to_numpy(layer.kernel) for layer in layers]

    (hidden, output), (again, _), (other, _) = kernels(1), kernels(1), kernels(2)
    variance, largest = DRAWN[name]
    np.testing.assert_allclose(hidden.var(), variance, rtol=0.05)
    assert np.abs(hidden).max() <= largest + 1e-6
    np.testing.assert_array_equal(hidden, again)
    assert name == "zeros" or not np.array_equal(hidden, other)
    if name == "orthogonal":
        np.testing.assert_allclose(hidden.T @ hidden, np.eye(100), atol=1e-5)
    # and the output layer as ever
    np.testing.assert_allclose(output.var(), 2 / 103, rtol=0.2)


def test_by_default_weights_are_those_of_versions_without_initializers(make_manifest):
    network = build(Model("dense", Dense(16, 2)), make_manifest(x=(5,)), {}, seed=3)
    for number, shape in ((1, (5, 16)), (2, (16, 16))):
        seed = layer_seed(3, f"x.hidden_{number}")
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(network.get_layer(f"x-hidden_{number}").kernel),
            keras.ops.convert_to_numpy(keras.initializers.GlorotUniform(seed)(shape)),
        )


def test_hidden_layers_that_start_from_zeros_learn_nothing(make_manifest):
    network = build(Model("dense", Dense(8, 2, initializer="zeros")), make_manifest("SB", x=(3,)), {})
    before = weights(network)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 3)).astype(np.float32)
    network.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    network.fit({"x": x}, (x[:, 0] > 0).astype(int), batch_size=50, epochs=2, shuffle=False, verbose=0)

    after = weights(network)
    for name in [name for name in before if "hidden" in name and name.endswith("kernel")]:
        np.testing.assert_array_equal(before[name], after[name])
    assert len({tuple(scores) for scores in network.predict_on_batch({"x": x})}) == 1


def test_layers_of_equal_shape_start_from_different_weights(make_manifest):
    network = build(Model("dense", Dense(8, 3)), make_manifest(a=(2, 4), b=(2, 4)), {})

    kernels = [value for name, value in weights(network).items() if "hidden" in name and value.ndim == 2]
    assert len({kernel.tobytes() for kernel in kernels}) == len(kernels) == 6


LOAD = """
import sys, keras, numpy
for name in sys.argv[1:]:
    network = keras.saving.load_model(f"{name}.keras")
    numpy.save(f"{name}.npy", network.predict_on_batch(dict(numpy.load(f"{name}.npz"))))
assert not any(name.startswith("dlscan") for name in sys.modules)
"""


def test_saved_networks_open_without_dlscan_and_give_the_same_scores(make_manifest, tmp_path):
    """One with every normalisation, one of less precision."""
    kinds = [Normalization(kind, factor) for kind in NORMALIZATIONS for factor in (None, 3.0)]
    inputs = {f"x{number}": how for number, how in enumerate(kinds)}
    vector = dataclasses.replace(
        make_manifest(x=()).statistics["x"],
        **{key: (0.5, 1.0, 2.0) for key in ("mean", "std", "minimum", "maximum")},
        quantiles=tuple(tuple(feature + rank for rank in RANKS) for feature in range(3)),
    )
    measured = {name: vector for name, how in inputs.items() if how.kind in ("standard", "quantile")}
    manifest = make_manifest(measured=measured, **{name: (3,) for name in inputs})
    scaled = build(Model("dense", Dense(8, 2, dropout=0.2, batch_norm=True)), manifest, inputs)
    plain = make_manifest(ECAL=(4, 4, 2), HCAL=(3, 3, 5))
    short = build(Model("dense", Dense(8, 2)), plain, {}, precision="mixed_bfloat16")
    made = {"scaled": (scaled, events(manifest)), "short": (short, events(plain))}
    for name, (network, raw) in made.items():
        network.save(tmp_path / f"{name}.keras")
        np.savez(tmp_path / f"{name}.npz", **raw)

    subprocess.run([sys.executable, "-c", LOAD, *made], cwd=tmp_path, check=True)

    for name, (network, raw) in made.items():
        scores = np.load(tmp_path / f"{name}.npy")
        assert scores.dtype == np.float32
        np.testing.assert_allclose(scores, network.predict_on_batch(raw), rtol=1e-6)


def test_names_of_layers_suit_every_back_end_and_no_input(manifest):
    """PyTorch allows no dot in the name of a weight, Keras no slash; an input may be called like a layer."""
    names = {layer.name for layer in build(Model("dense", Dense(depth=2, dropout=0.1)), manifest, {}).layers}
    inputs = {network_name(name) for name in manifest.inputs}
    assert inputs < names
    assert not any(set(name) & set("./") for name in names)
    assert all(
        "-" in name for name in names if name.endswith(("hidden_1", "flat", "merged_1", "output", "scores"))
    )
    assert "-" not in "".join(inputs) + network_name("a-b/c")


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_hidden_layers_compute_in_less_precision_but_scores_do_not(precision, manifest):
    model = Model("dense", Dense(8, 2, dropout=0.2, batch_norm=True))
    network = build(model, manifest, {}, precision=precision)
    exact = build(model, manifest, {})

    kinds = {layer.name: layer.compute_dtype for layer in network.layers if "hidden" in layer.name}
    assert set(kinds.values()) == {precision.removeprefix("mixed_")}
    assert {variable.dtype for variable in network.trainable_variables} == {"float32"}
    assert network.get_layer("net-output").compute_dtype == "float32"
    # whatever is built later is as it always was, and so is the start
    assert {layer.compute_dtype for layer in exact.layers} == {"float32"}
    np.testing.assert_equal(weights(network), weights(exact))
    scores = network.predict_on_batch(events(manifest))
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(scores, exact.predict_on_batch(events(manifest)), atol=0.02)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_inputs_are_scaled_before_they_lose_precision(precision, make_manifest):
    manifest = make_manifest(x=(3,))
    network = build(Model("dense", Dense(8, 1)), manifest, {"x": Normalization("scale", 1e-6)}, 1, precision)
    # beyond what float16 can hold, and closer together than it can tell
    scores = network.predict_on_batch({"x": np.float32([[2e6, 1e6, 3e6], [2e6, 1e6, 3e6]])})
    assert np.isfinite(scores).all()
