import numpy as np
import pytest

from dlscan.models import keras
from dlscan.models.trunk import first_layers, split


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
    expected = {"image": 2 * values["image"] / (1 + 2 * values["image"]), "vector": values["vector"]}
    scaled = trunk(values)
    assert scaled.keys() == expected.keys()
    for name, wanted in expected.items():
        np.testing.assert_allclose(keras.ops.convert_to_numpy(scaled[name]), wanted, rtol=1e-6)


def test_networks_with_one_input_have_a_trunk_too():
    raw = keras.Input((3,), name="features")
    network = keras.Model({"features": raw}, keras.layers.Dense(2)(raw * 0.5))
    values = {"features": np.ones((4, 3), "f")}

    trunk, head = split(network)
    assert keras.ops.convert_to_numpy(head(trunk(values))) == pytest.approx(
        keras.ops.convert_to_numpy(network(values))
    )


def test_rest_takes_what_the_first_layers_give():
    image, vector = keras.Input((2, 2), name="image"), keras.Input((3,), name="vector")
    flat = keras.layers.Flatten()(keras.ops.softsign(image))
    hidden = keras.layers.Dense(4, name="one")(flat) * keras.layers.Dense(4, name="two")(flat)
    both = keras.layers.Concatenate()([keras.ops.relu(hidden), vector * 2.0])
    network = keras.Model({"image": image, "vector": vector}, keras.layers.Dense(2, name="three")(both))
    values = {"image": np.random.rand(5, 2, 2).astype("f"), "vector": np.random.rand(5, 3).astype("f")}

    products, rest = first_layers(network, {"image"})

    assert {(product.layer.name, product.parts) for product in products.values()} == {
        ("one", (("image", 4),)),
        ("two", (("image", 4),)),
    }
    scaled = values["image"].reshape(5, 4) / (1 + values["image"].reshape(5, 4))
    taken = {key: keras.ops.convert_to_numpy(product.layer(scaled)) for key, product in products.items()}
    taken["vector"] = 2 * values["vector"]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(rest(taken)), keras.ops.convert_to_numpy(network(values)), rtol=1e-5
    )
    # no dense layer takes the vector alone
    assert first_layers(network, {"vector"}) is None
