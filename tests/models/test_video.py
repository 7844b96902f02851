"""Convolutions on slices, and recurrent layers behind."""

import numpy as np
import pytest

from dlscan.config import Model, Normalization
from dlscan.errors import ConfigError
from dlscan.models import build, keras

SMALL = {"filters": 3, "kernel": 3, "stride": 2, "units": 4}


def made(manifest, family="video", **parameters):
    model = Model.parse({"family": family, **parameters}, "model")
    return build(model, manifest, dict.fromkeys(manifest.inputs, Normalization("none")))


@pytest.mark.parametrize("along", [0, 1, 2])
@pytest.mark.parametrize("global_pooling", ["none", "max"])
def test_each_slice_is_seen_as_an_image_by_the_same_network(along, global_pooling, make_manifest):
    shape = (7, 8, 9)
    common = {"filters": 3, "kernel": [3, 2], "stride": 2, "depth": 2, "global_pooling": global_pooling}
    network = made(make_manifest(x=shape), along=along, units=4, **common)
    slices = keras.Model(network.input, network.get_layer("x-slices").output)
    across = tuple(length for axis, length in enumerate(shape) if axis != along)
    picture = made(make_manifest(x=across), "lenet", **common)
    last = "x-flat" if global_pooling == "none" else "x-max"
    single = keras.Model(picture.input, picture.get_layer(last).output)
    events = np.random.default_rng(1).normal(size=(2, *shape)).astype(np.float32)

    found = keras.ops.convert_to_numpy(slices({"x": events}))

    assert found.shape[1] == shape[along]
    for number in range(shape[along]):
        own = single({"x": np.take(events, number, axis=along + 1)})
        np.testing.assert_allclose(found[:, number], keras.ops.convert_to_numpy(own), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("shapes", "parameters"),
    [
        ({"ECAL": (6, 6, 5), "HCAL": (3, 3, 8), "met": ()}, {"along": 2, "cell": "gru", "layers": 2}),
        ({"x": (9, 7)}, {"cell": "rnn", "bidirectional": True}),
        ({"x": (5, 6, 6, 2)}, {"channels": "last", "head": [6], "dropout": 0.2}),
    ],
)
def test_video_is_saved_and_counted(shapes, parameters, make_manifest, tmp_path):
    manifest = make_manifest(**shapes)
    network = made(manifest, **SMALL, **parameters)
    rng = np.random.default_rng(1)
    events = {name: rng.normal(size=(3, *shape)).astype(np.float32) for name, shape in shapes.items()}

    scores = keras.ops.convert_to_numpy(network(events))

    assert scores.shape == (3, 3)
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(loaded(events)), scores, rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "parameters", "words"),
    [
        ((9,), {}, "video slices images of 2 or 3 axes, and x (9) has 1"),
        ((9, 9), {"along": 2}, "video has no axis 2 in x: model.along is 0 to 1"),
        (
            (9, 9, 9),
            {"kernel": [3, 3, 3]},
            "model.kernel, got 3, and has convolutions over 2 axes of x (9 x 9 x 9)",
        ),
    ],
)
def test_images_that_cannot_be_sliced_are_refused(shape, parameters, words, make_manifest):
    with pytest.raises(ConfigError) as refused:
        made(make_manifest(x=shape), **parameters)
    assert words in str(refused.value)
