"""Convolutional families over one, two and three axes."""

import subprocess
import sys

import numpy as np
import pytest

from dlscan.config import Model, Normalization
from dlscan.config.families.convolutional import Convolutional
from dlscan.config.models import FAMILIES
from dlscan.errors import ConfigError
from dlscan.models import build, keras
from dlscan.models.layers import space_of

CONVOLUTIONAL = [
    name for name, kind in FAMILIES.items() if issubclass(kind, Convolutional) and name != "video"
]
SHAPES = {"wave": (33,), "picture": (9, 7), "shower": (7, 6, 5)}
SMALL = {"filters": 4, "head": [6], "depth": 2}
OWN = {"inception": {"ways": [1, 3, "pool"], "blocks": 1}}
UNSCALED = Normalization("none")

of_each = pytest.mark.parametrize("family", CONVOLUTIONAL)


def made(manifest, family, seed=1, **parameters):
    model = Model.parse({"family": family, **SMALL, **OWN.get(family, {}), **parameters}, "model")
    return build(model, manifest, dict.fromkeys(manifest.inputs, UNSCALED), seed)


def events(manifest, number=5):
    rng = np.random.default_rng(1)
    return {
        name: rng.normal(size=(number, *column.shape)).astype(np.float32)
        for name, column in manifest.inputs.items()
    }


def scores_of(network, raw):
    """As `predict_on_batch`, without compiling anything."""
    return keras.ops.convert_to_numpy(network(raw, training=False))


def images_of(network):
    """What layers over space give, by name."""
    kinds = ("Conv", "MaxPool", "AveragePool")
    return {layer.name: layer.output for layer in network.layers if type(layer).__name__.startswith(kinds)}


LOAD = """
import pathlib, sys, keras, numpy
for file in pathlib.Path(sys.argv[1]).glob("*.keras"):
    network = keras.saving.load_model(file, safe_mode=True)
    raw = dict(numpy.load(file.with_suffix(".npz")))
    scores = keras.ops.convert_to_numpy(network(raw, training=False))
    numpy.save(file.with_suffix(".npy"), scores)
assert not any(name.startswith("dlscan") for name in sys.modules)
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return tmp_path_factory.mktemp("saved")


@of_each
@pytest.mark.parametrize("name", SHAPES)
def test_a_network_of_any_axes_gives_scores_and_is_saved(family, name, make_manifest, saved):
    manifest = make_manifest(**{name: SHAPES[name]}, **{"met": ()})
    network = made(manifest, family, batch_norm=True, dropout=0.1)
    raw = events(manifest)

    scores = scores_of(network, raw)

    assert scores.shape == (5, 3)
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    assert {f"Conv{len(SHAPES[name])}D"} == {
        type(layer).__name__ for layer in network.layers if "Conv" in type(layer).__name__
    }
    file = saved / f"{family}-{name}.keras"
    network.save(file)
    np.savez(file.with_suffix(".npz"), **raw)
    np.save(saved / f"{family}-{name}-before", scores)


def test_saved_networks_open_in_safe_mode_without_dlscan(saved):
    command = [sys.executable, "-P", "-c", LOAD, str(saved)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    files = sorted(saved.glob("*.keras"))
    assert len(files) == len(CONVOLUTIONAL) * len(SHAPES)
    for file in files:
        before = np.load(saved / f"{file.stem}-before.npy")
        np.testing.assert_allclose(np.load(file.with_suffix(".npy")), before, rtol=1e-5, atol=1e-6)


@of_each
def test_a_line_is_the_same_as_an_image_with_axes_of_one_cell(family, make_manifest):
    networks = [made(make_manifest(x=shape), family) for shape in ((21,), (21, 1, 1))]
    wave = events(make_manifest(x=(21,)))["x"]

    scores = [
        scores_of(network, {"x": wave.reshape(-1, *network.input["x"].shape[1:])}) for network in networks
    ]

    assert len({network.count_params() for network in networks}) == 1
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-4, atol=1e-6)


@of_each
@pytest.mark.parametrize("shape", [(1,), (2, 3), (3, 1, 17)])
def test_no_axis_gets_shorter_than_a_cell(family, shape, make_manifest):
    network = made(make_manifest(x=shape), family, depth=3, kernel=7, pool=3, stride=2)

    before = shape
    for tensor in images_of(network).values():
        assert min(space_of(tensor)) >= 1
        before = space_of(tensor)
    assert np.prod(before) < max(np.prod(shape), 2)
    for layer in network.layers:
        if "Conv" in type(layer).__name__:
            # no weight of a kernel sees padding alone
            lengths = space_of(layer.input)
            assert all(
                size <= 2 * length - 1 for size, length in zip(layer.kernel_size, lengths, strict=True)
            )


@of_each
def test_the_last_axis_may_be_channels(family, make_manifest):
    network = made(make_manifest(x=(8, 6, 3)), family, channels="last")

    first = next(layer for layer in network.layers if "Conv" in type(layer).__name__)
    assert type(first).__name__ == "Conv2D"
    assert first.kernel.shape[2] == 3


@of_each
def test_each_image_has_a_body_and_vectors_join_behind(family, make_manifest):
    manifest = make_manifest(ECAL=(6, 6, 6), HCAL=(3, 3, 8), jet=(4,), met=())
    network = made(manifest, family)

    joined = network.get_layer("net-joined")
    widths = [tensor.shape[1] for tensor in joined._inbound_nodes[0].input_tensors]
    assert widths[2:] == [4, 1]
    names = {layer.name.partition("-")[0] for layer in network.layers if "Conv" in type(layer).__name__}
    assert names == {"ECAL", "HCAL"}
    assert scores_of(network, events(manifest)).shape == (5, 3)


def kinds(make_manifest, family, **parameters):
    network = made(make_manifest(x=(12, 12)), family, **parameters)
    return [type(layer).__name__ for layer in network.layers], network.count_params()


def test_common_parameters_change_the_network(make_manifest):
    plain, weights = kinds(make_manifest, "lenet")
    assert "AveragePooling2D" not in plain
    assert "AveragePooling2D" in kinds(make_manifest, "lenet", pooling="average", pool=3)[0]
    assert "GlobalMaxPooling2D" in kinds(make_manifest, "lenet", global_pooling="max")[0]
    assert kinds(make_manifest, "lenet", dropout=0.5)[0].count("Dropout") == 2
    assert kinds(make_manifest, "lenet", head=[7, 7])[0].count("Dense") == 3
    assert kinds(make_manifest, "lenet", head=[])[0].count("Dense") == 1
    assert kinds(make_manifest, "lenet", filters=8)[1] > weights


@pytest.mark.parametrize(
    ("family", "parameters", "convolutions"),
    [
        ("lenet", {"depth": 3}, 3),
        ("alexnet", {"depth": 2}, 2),
        ("alexnet", {"depth": 3}, 5),
        ("zfnet", {"depth": 4}, 8),
        ("vgg", {"depth": 3, "blocks": 3}, 9),
        # three ways of one, two and one convolution
        ("inception", {"depth": 2, "blocks": 2}, 1 + 4 * 4),
        ("inception", {"depth": 1, "ways": ["pool"]}, 1 + 1),
        # a block in two layers, and one where the number of filters changes
        ("resnet", {"depth": 2, "blocks": 2}, 1 + 4 + 5),
        ("resnet", {"depth": 2, "bottleneck": True}, 1 + 3 + 4),
    ],
)
def test_depth_and_blocks_are_layers(family, parameters, convolutions, make_manifest):
    assert kinds(make_manifest, family, **parameters)[0].count("Conv2D") == convolutions


@of_each
def test_a_large_image_is_made_smaller_by_the_first_layer(family, make_manifest):
    def first(shape, **parameters):
        network = made(make_manifest(x=shape), family, **parameters)
        return space_of(next(iter(images_of(network).values())))

    small, large = first((16, 16, 16)), first((17, 17, 17))
    assert large == (9, 9, 9)
    assert small == (16, 16, 16)
    assert first((25, 25, 25), stride=[1, 1, 3]) == (25, 25, 9)


@pytest.mark.parametrize(
    ("shapes", "parameters", "words"),
    [
        ({"met": (), "ht": ()}, {}, "lenet needs an image or a waveform"),
        (
            {"x": (2, 3, 4, 5)},
            {},
            "lenet goes over 1 to 3 axes, and x (2 x 3 x 4 x 5) has 4; channels: last takes the last one",
        ),
        ({"x": (9,)}, {"channels": "last"}, "x (9) has 0 beside its channels; channels: none"),
        (
            {"a": (9, 9), "b": (4, 4, 4)},
            {"kernel": [3, 3, 5]},
            "one for each in model.kernel, got 3, and has convolutions over 2 axes of a (9 x 9)",
        ),
    ],
)
def test_inputs_that_it_cannot_take_are_refused_in_one_line(shapes, parameters, words, make_manifest):
    with pytest.raises(ConfigError) as refused:
        made(make_manifest(**shapes), "lenet", **parameters)
    assert words in str(refused.value)


# of the third class for three events, as TensorFlow gives them
SCORES = {
    "lenet": [0.32779, 0.40305, 0.30512],
    "alexnet": [0.35561, 0.28549, 0.42327],
    "zfnet": [0.016, 0.01706, 0.01465],
    "vgg": [0.12887, 0.15628, 0.13198],
    "inception": [0.73112, 0.73619, 0.69307],
    "resnet": [0.30394, 0.30724, 0.24596],
}


@of_each
def test_scores_follow_from_the_weights_on_every_back_end(family, make_manifest):
    manifest = make_manifest(shower=(7, 6, 5), met=())
    network = made(manifest, family, batch_norm=True, pooling="average", stride=[2, 1, 2])
    rng = np.random.default_rng(3)
    for weight in network.weights:
        scale = max(np.prod(weight.shape[:-1]), 1) ** -0.5
        # variances are positive
        weight.assign(
            rng.normal(size=weight.shape) * scale if weight.ndim > 1 else rng.uniform(0.5, 1.5, weight.shape)
        )

    scores = scores_of(network, events(manifest, 3))

    np.testing.assert_allclose(scores[:, 2], SCORES[family], atol=2e-5)
