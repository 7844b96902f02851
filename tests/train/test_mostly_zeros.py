"""Products of entries are products of the cells they stand for; what cannot be cut is made dense."""

import numpy as np
import pytest

from dlscan import models
from dlscan.config import Dense, Model, Normalization
from dlscan.models import keras
from dlscan.train.feed import Feed

if models.backend() != "tensorflow" or models.accelerator() is not None:
    pytest.skip("other back ends and GPUs have no such products", allow_module_level=True)

import tensorflow as tf

from dlscan.train.steps.mostly_zeros import MostlyZeros

SCALINGS = {kind: Normalization(kind) for kind in ("none", "scale", "standard", "minmax", "log", "tanh-log")}


def build(batches, scaling="scale", **parameters):
    model = Model("dense", Dense(**{"width": 8, "depth": 2} | parameters))
    return models.build(model, batches.manifest, {"ECAL": SCALINGS[scaling]}, 1)


def slopes(call, network, fed, inputs):
    """Scores and the slopes of a loss that has one for every weight."""
    variables = network.trainable_variables
    with tf.GradientTape() as tape:
        scores = call(inputs, training=True)
        loss = keras.ops.sum(keras.losses.sparse_categorical_crossentropy(fed.labels, scores))
    return [scores, *tape.gradient(loss, variables)]


@pytest.fixture
def first_batches(sparse_batches):
    """The first batch of a dataset, dense and as entries."""

    def make(batches, **options):
        with sparse_batches(transport="sparse", batch_size=200) as sparse:
            return next(Feed()(batches.epoch(0))), next(Feed()(sparse.epoch(0), **options))

    return make


# 300 columns are multiplied in several parts
@pytest.mark.parametrize(("scaling", "width"), [*((name, 8) for name in SCALINGS), ("standard", 300)])
@pytest.mark.parametrize("padded", [True, False])
def test_scores_and_slopes_are_those_of_dense_events(sparse_batches, first_batches, scaling, width, padded):
    with sparse_batches(batch_size=200) as batches:
        network = build(batches, scaling, width=width)
        dense, sparse = first_batches(batches, one_length=padded)
    zeros = MostlyZeros.of([network], {"ECAL"})

    found = slopes(zeros.calls[0], network, sparse, zeros.matrices(sparse.inputs, 200))

    for one, other in zip(found, slopes(network, network, dense, dense.inputs), strict=True):
        assert np.any(one)
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5 * np.abs(other).max())


def test_networks_of_a_pack_share_the_matrices(sparse_batches, first_batches):
    with sparse_batches(batch_size=200) as batches:
        networks = [build(batches, width=4), build(batches, depth=1, batch_norm=True, dropout=0.5)]
        dense, sparse = first_batches(batches)
    zeros = MostlyZeros.of(networks, {"ECAL"})

    matrices = zeros.matrices(sparse.inputs, 200)

    for network, call in zip(networks, zeros.calls, strict=True):
        np.testing.assert_allclose(
            call(matrices, training=False), network(dense.inputs, training=False), atol=1e-6
        )


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Conv3D(2, 3),
        keras.layers.Dense(3, activation="relu"),
        keras.layers.Dense(3, dtype="mixed_bfloat16"),
        keras.layers.Dropout(0.1),
    ],
    ids=["convolution", "activation", "16 bits", "dropout"],
)
def test_what_is_no_plain_product_is_not_cut(layer):
    image = keras.Input((5, 5, 8, 1), name="ECAL")
    taken = image if isinstance(layer, keras.layers.Conv3D) else keras.layers.Flatten()(image)
    network = keras.Model({"ECAL": image}, keras.ops.relu(layer(taken)))
    assert MostlyZeros.of([network], {"ECAL"}) is None


def test_scalings_that_differ_from_cell_to_cell_are_not_cut():
    vector = keras.Input((3,), name="vector")
    hidden = keras.layers.Dense(2)(vector * np.arange(3, dtype="f"))
    network = keras.Model({"vector": vector}, keras.ops.relu(hidden))
    assert MostlyZeros.of([network], {"vector"}) is None
