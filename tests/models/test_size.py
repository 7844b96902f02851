"""What networks take, counted from their layers."""

import math

import pytest

from dlscan.config import Dense, Model
from dlscan.config.models import NetworkSize
from dlscan.models import features, keras
from dlscan.models.inputs import Inputs
from dlscan.models.size import size_of

SHAPES = {"ECAL": (4, 5, 6), "HCAL": (7,), "met": ()}


def of_family(model):
    inputs = {name: keras.Input(shape, name=name) for name, shape in SHAPES.items()}
    return size_of(keras.Model(inputs, features(model, Inputs(inputs), 1)), 3)


def of_layers(shape, *layers):
    x = start = keras.Input(shape)
    for layer in layers:
        x = layer(x)
    return size_of(keras.Model(start, x), 3)


@pytest.mark.parametrize(
    "parameters",
    [
        *({}, {"depth": 0}, {"depth": 3, "batch_norm": True, "dropout": 0.1}, {"merged_depth": 0}),
        *({"merged_depth": 2, "merged_width": 5}, {"depth": 0, "merged_depth": 1}),
    ],
)
def test_the_formula_of_dense_is_what_its_layers_take(parameters):
    dense = Dense(width=24, **parameters)
    assert dense.size(list(SHAPES.values()), 3) == of_family(Model("dense", dense))


def test_an_image_takes_products_in_every_cell():
    layers = keras.layers
    convolution = layers.Conv2D(4, 3, padding="same", activation="relu")
    found = of_layers((8, 6, 2), convolution, layers.MaxPooling2D(), layers.Flatten())
    kernel, cells, features = 3 * 3 * 2 * 4, 8 * 6, 4 * 3 * 4
    weights = kernel + 4 + (features + 1) * 3
    kept = 8 * 6 * 2 + cells * 4 + features + 2 * 3
    assert found == NetworkSize(weights, kernel * cells + features * 3, kept)


def test_a_layer_that_is_not_known_uses_its_weights_in_every_step():
    found = of_layers((10, 3), keras.layers.LSTM(5))
    matrices = 3 * 20 + 5 * 20
    assert found.weights == matrices + 20 + (5 + 1) * 3
    assert found.multiplications == 10 * matrices + 5 * 3
    # four gates of two products each in every step
    assert found.values == 10 * 3 + 5 + 10 * 40 + 2 * 3


def test_networks_within_a_network_and_products_without_weights_count():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    start = keras.Input((6, 3))
    x = keras.ops.matmul(start, keras.ops.transpose(start, (0, 2, 1)))
    x = keras.layers.Flatten()(x)
    y = inner(keras.layers.GlobalAveragePooling1D()(start))
    network = keras.Model(start, keras.layers.Concatenate()([x, y]))
    found = size_of(network, 2)
    assert found.multiplications == 6 * 6 * 3 + 3 * 4 + (36 + 4) * 2
    assert found.weights == (3 + 1) * 4 + (36 + 4 + 1) * 2


def test_an_open_length_counts_as_one_and_a_table_is_no_product():
    found = of_layers((None,), keras.layers.Embedding(100, 8), keras.layers.GlobalAveragePooling1D())
    assert found.multiplications == 8 * 3
    assert found.values < math.inf
