"""Products of entries are products of the cells they stand for; what cannot be cut is made dense."""

import functools

import numpy as np
import pytest

from dlscan import models
from dlscan.config import Dense, Model, Normalization, Train
from dlscan.config.inputs import Input
from dlscan.models import Network, keras
from dlscan.tasks.classify import Classification
from dlscan.train.feed import Feed

if models.backend() != "tensorflow" or models.accelerator() is not None:
    pytest.skip("other back ends and GPUs have no such products", allow_module_level=True)

import tensorflow as tf

from dlscan.train.entries import Entries
from dlscan.train.objectives import EVENTS, supervised
from dlscan.train.steps import Trained, steps
from dlscan.train.steps.mostly_zeros import MostlyZeros
from dlscan.train.steps.on_tensorflow import make_steps
from dlscan.train.steps.spread import plain

SCALINGS = {kind: Normalization(kind) for kind in ("none", "scale", "standard", "minmax", "log", "tanh-log")}


def build(batches, scaling="scale", **parameters):
    model = Model("dense", Dense(**{"width": 8, "depth": 2} | parameters))
    return models.construct(model, batches.manifest, {"ECAL": SCALINGS[scaling]}, 1)


def slopes(call, network, fed, inputs):
    """Logits and the slopes of a loss that has one for every weight."""
    variables = network.model.trainable_variables
    with tf.GradientTape() as tape:
        scores = call(inputs, training=True)["scores"]
        loss = keras.ops.sum(
            keras.losses.sparse_categorical_crossentropy(fed.truth["scores"], scores, from_logits=True)
        )
    return [scores, *tape.gradient(loss, variables)]


@pytest.fixture
def first_batches(sparse_batches):
    """The first batch of a dataset, dense and as entries."""

    def make(batches, one_length=False):
        with sparse_batches(transport="sparse", batch_size=200) as sparse:
            feed = Feed(Classification(batches.manifest.classes))
            return next(feed(batches.epoch(0), True)), next(feed(sparse.epoch(0), one_length))

    return make


# 300 columns are multiplied in several parts
@pytest.mark.parametrize(("scaling", "width"), [*((name, 8) for name in SCALINGS), ("standard", 300)])
@pytest.mark.parametrize("padded", [True, False])
def test_scores_and_slopes_are_those_of_dense_events(sparse_batches, first_batches, scaling, width, padded):
    with sparse_batches(batch_size=200) as batches:
        network = build(batches, scaling, width=width)
        dense, sparse = first_batches(batches, one_length=padded)
    zeros = MostlyZeros([network], {"ECAL"})

    found = slopes(zeros.calls[0], network, sparse, zeros.matrices(sparse.inputs, 200))

    for one, other in zip(found, slopes(network.training(), network, dense, dense.inputs), strict=True):
        assert np.any(one)
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5 * np.abs(other).max())


@pytest.mark.parametrize("alone", [True, False], ids=["joined", "joined, and seen by another layer"])
def test_inputs_that_are_joined_are_cut_into_their_parts(sparse_batches, first_batches, alone):
    with sparse_batches(batch_size=200) as batches:
        dense, sparse = first_batches(batches)
        shapes = {name: column.shape for name, column in batches.manifest.inputs.items()}
    raw = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    scaled = raw["HCAL"] * 0.5, keras.ops.tanh(raw["ECAL"])
    flat = [keras.layers.Flatten()(tensor) for tensor in scaled]
    joined = keras.ops.relu(keras.layers.Dense(8)(keras.layers.Concatenate()(flat)))
    if not alone:
        joined = joined + keras.layers.Dense(8)(flat[0])
    raws = keras.layers.Dense(2)(joined)
    network = Network(
        keras.Model(raw, raws), {"HCAL": scaled[0], "ECAL": scaled[1]}, {"scores": raws}, {"scores": raws}
    )
    zeros = MostlyZeros([network], {"ECAL"})

    found = slopes(zeros.calls[0], network, sparse, zeros.matrices(sparse.inputs, 200))

    for one, other in zip(found, slopes(network.training(), network, dense, dense.inputs), strict=True):
        assert np.any(one)
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5 * np.abs(other).max())


def network_of(raw, scaled, output):
    """A network of one input, and how it is scaled."""
    logits = keras.ops.relu(output)
    return Network(
        keras.Model({raw.name: raw}, logits), {raw.name: scaled}, {"scores": logits}, {"scores": logits}
    )


def trained(networks):
    objective = supervised(Classification(()), Train())
    return [Trained.single(network, None, objective) for network in networks]


def look(networks, fed):
    """What a pack tells of a batch."""
    ((numbers, _),) = steps(trained(networks)).look(({EVENTS: fed}, None))
    return np.asarray(numbers)


def operations(networks, fed):
    """The kinds of operations in the graph of a step that changes nothing."""
    made = make_steps(trained(networks), "auto", ())
    streams = {EVENTS: fed}
    numbers = functools.partial(made._numbers, None, made._how(streams))
    graph = tf.function(numbers, autograph=False).get_concrete_function(plain(streams))
    return {operation.type for operation in graph.graph.get_operations()}


def test_each_network_of_a_pack_takes_entries_if_it_can(sparse_batches, first_batches):
    with sparse_batches(batch_size=200) as batches:
        able = [build(batches, width=4), build(batches, depth=1, batch_norm=True, dropout=0.5)]
        # 16 bits have no such products
        unable = models.construct(Model(), batches.manifest, {"ECAL": SCALINGS["scale"]}, 1, "mixed_bfloat16")
        dense, sparse = first_batches(batches)

    np.testing.assert_allclose(look([*able, unable], sparse), look([*able, unable], dense), rtol=1e-5)
    assert [call is None for call in MostlyZeros([*able, unable], {"ECAL"}).calls] == [False, False, True]
    assert "SparseMatrixMatMul" in operations(able, sparse)
    assert "SparseMatrixMatMul" not in operations([unable], sparse)


def test_networks_of_a_pack_that_take_other_inputs_or_points_of_an_image(sparse_batches, first_batches):
    given = {"ECAL": Input(), "HCAL": Input(), "cells": Input("ECAL", longest=6, view="points")}

    def network(*inputs):
        model = Model("dense", Dense(4, 1), inputs)
        return models.construct(model, batches.manifest, {"ECAL": SCALINGS["scale"]}, inputs=given)

    with sparse_batches(batch_size=200) as batches:
        chosen = [("HCAL",), ("ECAL",), ("cells",), ("ECAL", "cells"), ("HCAL", "ECAL")]
        networks = [network(*inputs) for inputs in chosen]
        dense, sparse = first_batches(batches)

    np.testing.assert_allclose(look(networks, sparse), look(networks, dense), rtol=1e-5)
    assert [call is None for call in MostlyZeros(networks, {"ECAL"}).calls] == [
        True,
        False,
        True,
        True,
        False,
    ]
    np.testing.assert_allclose(look(networks[:1], sparse), look(networks[:1], dense), rtol=1e-5)


def test_events_without_a_single_entry(sparse_batches, first_batches):
    with sparse_batches(batch_size=200) as batches:
        network = build(batches, "standard")
        dense, sparse = first_batches(batches)
    dark = tf.zeros_like(dense.inputs["ECAL"])
    nothing = Entries(*(part[:0] for part in sparse.inputs["ECAL"]))

    np.testing.assert_allclose(
        look([network], sparse._replace(inputs=sparse.inputs | {"ECAL": nothing})),
        look([network], dense._replace(inputs=dense.inputs | {"ECAL": dark})),
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Conv3D(2, 3),
        keras.layers.Dense(3, activation="relu"),
        keras.layers.Dense(3, dtype="mixed_bfloat16"),
        keras.layers.Dense(3, activity_regularizer="l2"),
        keras.layers.Dropout(0.1),
    ],
    ids=["convolution", "activation", "16 bits", "regularised", "dropout"],
)
def test_what_is_no_plain_product_is_not_cut(layer):
    image = keras.Input((5, 5, 8, 1), name="ECAL")
    taken = image if isinstance(layer, keras.layers.Conv3D) else keras.layers.Flatten()(image)
    network = network_of(image, image, layer(taken))
    assert MostlyZeros([network], {"ECAL"}).calls == [None]


@pytest.mark.parametrize(
    "scaling",
    [
        lambda vector: vector * np.arange(3, dtype="f"),
        keras.ops.flip,
        lambda vector: vector / keras.ops.max(vector, axis=-1, keepdims=True),
    ],
    ids=["a number for each cell", "cells change places", "cells depend on others"],
)
def test_scalings_that_differ_from_cell_to_cell_are_not_cut(scaling):
    vector = keras.Input((3,), name="vector")
    scaled = scaling(vector)
    network = network_of(vector, scaled, keras.layers.Dense(2)(scaled))
    assert MostlyZeros([network], {"vector"}).calls == [None]


def test_an_input_that_is_seen_in_two_ways_is_not_cut():
    vector = keras.Input((3,), name="vector")
    both = keras.layers.Dense(2)(vector) + keras.layers.Dense(2)(keras.ops.tanh(vector))
    network = network_of(vector, vector, both)
    assert MostlyZeros([network], {"vector"}).calls == [None]
