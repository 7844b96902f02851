import numpy as np
import pytest

from dlscan.models import keras
from dlscan.models.trunk import split


def test_trunk_scales_and_head_does_the_rest():
    image, vector = keras.Input((2, 2), name="image"), keras.Input((3,), name="vector")
    scaled = keras.ops.softsign(image * 2.0)
    one = keras.layers.Dense(4, name="one")(keras.layers.Flatten()(scaled))
    # one input is not scaled at all, and two layers see it
    two, three = keras.layers.Dense(4, name="two")(vector), keras.layers.Dense(4, name="three")(vector)
    network = keras.Model({"image": image, "vector": vector}, keras.ops.relu(one + two) * three)
    values = {"image": np.random.rand(5, 2, 2).astype("f"), "vector": np.random.rand(5, 3).astype("f")}

    trunk, head = split(network)

    assert not trunk.weights
    assert [weight.path for weight in head.weights] == [weight.path for weight in network.weights]
    assert {layer.name for layer in head.layers} >= {"one", "two", "three"}
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(head(trunk(values))),
        keras.ops.convert_to_numpy(network(values)),
        rtol=1e-6,
    )
    scaled = [keras.ops.convert_to_numpy(tensor) for tensor in trunk(values)]
    expected = [2 * values["image"] / (1 + 2 * values["image"]), values["vector"]]
    for tensor, wanted in zip(sorted(scaled, key=np.ndim, reverse=True), expected, strict=True):
        np.testing.assert_allclose(tensor, wanted, rtol=1e-6)


def test_networks_with_one_input_have_a_trunk_too():
    raw = keras.Input((3,), name="features")
    network = keras.Model({"features": raw}, keras.layers.Dense(2)(raw * 0.5))
    values = {"features": np.ones((4, 3), "f")}

    trunk, head = split(network)
    assert keras.ops.convert_to_numpy(head(trunk(values))) == pytest.approx(
        keras.ops.convert_to_numpy(network(values))
    )
