"""Filters, feature maps and gradients of networks, on whatever back end there is."""

import numpy as np
import pytest

from dlscan.models import keras
from dlscan.models.inside import first_layers_of, saliency


@pytest.fixture(scope="module")
def network():
    """Two inputs: convolutions on the image, then dense layers; smooth, for differences to tell gradients."""
    layers = keras.layers
    image, vector = keras.Input((6, 5), name="image"), keras.Input((3,), name="vector")
    start = keras.initializers.GlorotUniform(seed=1)
    scaled = layers.Reshape((6, 5, 1))(image * 2.0 - 1.0)
    x = layers.Conv2D(4, 3, padding="same", kernel_initializer=start, name="image-conv_1")(scaled)
    x = layers.Activation("tanh")(x)
    x = layers.Conv2D(2, 3, kernel_initializer=start, name="image-conv_2")(x)
    x = layers.Concatenate()([layers.Flatten()(x), vector])
    logits = layers.Dense(3, kernel_initializer=start, name="net-output")(x)
    scores = layers.Activation("softmax", name="net-scores")(logits)
    return keras.Model({"image": image, "vector": vector}, scores)


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(1)
    return {
        "image": rng.normal(size=(4, 6, 5)).astype(np.float32),
        "vector": rng.normal(size=(4, 3)).astype(np.float32),
    }


def test_first_layers_are_those_that_no_other_comes_before(network, events):
    (first,) = first_layers_of(network, events)
    assert (first.name, first.inputs, first.kernel.shape) == ("image-conv_1", ("image",), (3, 3, 1, 4))
    assert first.maps.shape == (4, 6, 5, 4)


def test_a_feature_map_is_the_convolution_of_the_scaled_event_behind_its_activation(network, events):
    (first,) = first_layers_of(network, events)
    padded = np.pad(events["image"] * 2 - 1, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    expected = np.tanh(np.einsum("nxyij,ijf->nxyf", windows, first.kernel[:, :, 0]))
    np.testing.assert_allclose(first.maps, expected, atol=1e-5)


def test_a_network_without_convolutions_has_no_first_layers():
    x = keras.Input((3,), name="x")
    network = keras.Model({"x": x}, keras.layers.Dense(2)(x))
    assert first_layers_of(network, {"x": np.zeros((1, 3), np.float32)}) == []


@pytest.mark.parametrize("name", ["image", "vector"])
def test_saliency_is_the_derivative_of_the_winning_logit(network, events, name):
    found = saliency(network, events)
    assert found.chosen.tolist() == found.numbers.argmax(axis=1).tolist()
    logits = keras.Model(network.input, network.get_layer("net-output").output)

    def winning(shift):
        moved = {**events, name: events[name] + shift}
        numbers = keras.ops.convert_to_numpy(logits(moved, training=False))
        return numbers[np.arange(4), found.chosen]

    step = np.zeros(events[name].shape[1:], np.float32)
    step.flat[1] = 0.05
    slope = (winning(step) - winning(-step)) / 0.1
    np.testing.assert_allclose(found.gradients[name].reshape(4, -1)[:, 1], slope, rtol=2e-2, atol=2e-3)


def test_without_scores_the_first_number_is_differentiated():
    x = keras.Input((3,), name="x")
    y = keras.Input((2,), name="unused")
    start = keras.initializers.GlorotUniform(seed=1)
    dense = keras.layers.Dense(2, kernel_initializer=start, use_bias=False)
    network = keras.Model({"x": x, "unused": y}, dense(x))
    found = saliency(network, {"x": np.ones((2, 3), np.float32), "unused": np.ones((2, 2), np.float32)})
    weights = keras.ops.convert_to_numpy(dense.kernel)[:, 0]
    np.testing.assert_allclose(found.gradients["x"], [weights, weights], rtol=1e-6)
    assert not found.gradients["unused"].any()
