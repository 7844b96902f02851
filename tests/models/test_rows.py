"""Families that take an event as rows, held to exact laws."""

import itertools

import numpy as np
import pytest

from dlscan.config import Model
from dlscan.config.inputs import Input
from dlscan.config.source import in_file
from dlscan.errors import ConfigError
from dlscan.models import construct, keras
from dlscan.models.families.graph import grid, own_edges
from dlscan.models.flops import flops

ROWS, FEATURES = 6, 4
LENGTHS = [6, 3, 1, 0, 4]
MASK = np.arange(ROWS) < np.array(LENGTHS)[:, None]
SEQUENCES = [
    {"family": "rnn", "units": 5},
    {"family": "lstm", "units": 5, "layers": 2, "bidirectional": True},
    {"family": "gru", "units": 5, "bidirectional": True, "dropout": 0.3},
    {"family": "attention", "width": 8, "heads": 2, "position": "learned"},
    {"family": "attention", "width": 8, "heads": 2, "position": "sinusoid", "pooling": "max"},
]
SETS = [
    {"family": "attention", "width": 8, "heads": 2, "layers": 1},
    {"family": "deepsets", "widths": [8, 8]},
    {"family": "deepsets", "widths": [8], "pooling": "max", "norm": "batch"},
    {"family": "deepsets", "widths": [8], "pooling": "mean", "norm": "layer", "energy_weighted": 1},
    {"family": "graph", "blocks": [8, 8], "neighbours": 3, "norm": "batch"},
    {"family": "graph", "blocks": [8, 12], "neighbours": 2, "coordinates": [0, 2], "aggregation": "max"},
    {"family": "graph", "blocks": [8], "neighbours": 9, "norm": "none", "pooling": "sum"},
]
ALL = SEQUENCES + SETS


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def named(parameters):
    return "-".join(str(value) for value in parameters.values())


def made(make_manifest, parameters, length=ROWS, **shapes):
    """A network of a masked input of so many rows, some of its weights moved away from where they start."""
    manifest = make_manifest(masked=["x"], x=(length, FEATURES), **shapes)
    network = construct(Model.parse(parameters, "model"), manifest, {}, 3)
    rng = np.random.default_rng(5)
    for weight in network.model.trainable_weights:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    return network


def events(length=ROWS, padding=0.0, seed=1):
    """Events with `LENGTHS` rows each, in as many as there is room for."""
    rng = np.random.default_rng(seed)
    values = np.full((len(LENGTHS), length, FEATURES), padding, np.float32)
    mask = np.arange(length) < np.array(LENGTHS)[:, None]
    values[mask] = rng.exponential(2, (mask.sum(), FEATURES))
    return {"x": values, "x_mask": mask}


def logits(network, raw, training=False):
    inputs = {name: keras.ops.convert_to_tensor(array) for name, array in raw.items()}
    return keras.ops.convert_to_numpy(network.training()(inputs, training=training)["scores"])


def shuffled(raw, seed=2):
    """The same sets in another order."""
    rng = np.random.default_rng(seed)
    values = raw["x"].copy()
    for event, length in zip(values, LENGTHS, strict=True):
        event[:length] = event[rng.permutation(length)]
    return {**raw, "x": values}


@pytest.mark.parametrize("parameters", SETS, ids=named)
def test_a_set_is_the_same_in_another_order(parameters, make_manifest):
    network, raw = made(make_manifest, parameters), events()

    found = logits(network, raw)

    np.testing.assert_allclose(logits(network, shuffled(raw)), found, rtol=1e-4, atol=1e-5)
    assert len(np.unique(found.round(4), axis=0)) == len(LENGTHS)


@pytest.mark.parametrize("parameters", SEQUENCES, ids=named)
def test_a_sequence_is_not(parameters, make_manifest):
    network, raw = made(make_manifest, parameters), events()

    change = np.abs(logits(network, raw) - logits(network, shuffled(raw))).max(axis=1)

    assert (change[[0, 4]] > 1e-3).all()
    assert np.isfinite(change).all()


@pytest.mark.parametrize("parameters", ALL, ids=named)
def test_padding_changes_nothing(parameters, make_manifest):
    training = parameters.get("norm") == "batch"  # with means of these events, not of those before
    if parameters.get("position") == "learned":
        parameters = {**parameters, "position": "none"}  # which has a weight for each place
    parameters = {**parameters, "dropout": 0.0}
    network, longer = (made(make_manifest, parameters, length) for length in (ROWS, ROWS + 3))
    found = logits(network, events(), training)

    assert np.isfinite(found).all()
    np.testing.assert_array_equal(logits(network, events(padding=9.0), training), found)
    np.testing.assert_allclose(logits(longer, events(ROWS + 3), training), found, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("parameters", ALL, ids=named)
def test_it_is_saved_and_opens_with_keras_alone(parameters, make_manifest, tmp_path):
    network = made(make_manifest, parameters, jet=(2,))
    raw = {**events(), "jet": np.ones((len(LENGTHS), 2), np.float32)}
    network.model.save(tmp_path / "network.keras")

    again = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True)

    np.testing.assert_allclose(
        numpy(again(raw, training=False)), numpy(network.model(raw, training=False)), rtol=1e-6
    )
    # what an event carries besides is seen, and the work is counted
    assert np.abs(logits(network, {**raw, "jet": -raw["jet"]}) - logits(network, raw)).max() > 1e-3
    assert flops(again)[0] > 100


@pytest.mark.parametrize("parameters", [SEQUENCES[1], SEQUENCES[3], *SETS[1:5]], ids=named)
def test_sixteen_bits_give_nearly_the_same(parameters, make_manifest):
    manifest, model = make_manifest(masked=["x"], x=(ROWS, FEATURES)), Model.parse(parameters, "model")

    rough, exact = (construct(model, manifest, {}, 3, each).model for each in ("mixed_float16", "float32"))

    assert rough.output.dtype == "float32"
    found, wanted = (network.predict_on_batch(events()) for network in (rough, exact))
    np.testing.assert_allclose(found, wanted, atol=0.1)


def test_rows_of_an_image_are_its_slices_along_an_axis(make_manifest):
    image = np.random.default_rng(1).normal(size=(2, 3, 4, 5)).astype(np.float32)
    manifests = [make_manifest(x=(3, 4, 5)), make_manifest(x=(4, 15))]

    one, other = (
        construct(Model.parse({"family": "lstm", "along": along}, "model"), manifest, {}, 3).model
        for manifest, along in zip(manifests, (1, 0), strict=True)
    )

    rows = np.transpose(image, (0, 2, 1, 3)).reshape(2, 4, 15)
    np.testing.assert_allclose(
        one.predict_on_batch({"x": image}), other.predict_on_batch({"x": rows}), rtol=1e-5
    )


def test_an_energy_flow_network_sees_no_soft_row_and_no_split_one(make_manifest):
    network = made(make_manifest, {"family": "deepsets", "widths": [8], "energy_weighted": 1})
    values = np.random.default_rng(1).exponential(2, (3, FEATURES)).astype(np.float32)
    half = values[2] * [1, 0.5, 1, 1]
    soft = [7, 0, 7, 7]

    sets = [values, [*values[:2], half, half], [*values, soft], [values[0], soft, *values[1:]]]

    raw = {"x": np.zeros((4, ROWS, FEATURES), np.float32), "x_mask": np.zeros((4, ROWS), bool)}
    for number, own in enumerate(sets):
        raw["x"][number, : len(own)], raw["x_mask"][number, : len(own)] = own, True
    found = logits(network, raw)
    np.testing.assert_allclose(found, np.tile(found[:1], (4, 1)), rtol=1e-5, atol=1e-6)


def relu(x):
    return np.maximum(x, 0)


def test_a_graph_of_all_rows_is_its_dense_form(make_manifest):
    network = made(
        make_manifest,
        {"family": "graph", "blocks": [5], "neighbours": ROWS - 1, "norm": "none", "head": [], "depth": 2},
    )
    raw = events()
    weights = {weight.path: keras.ops.convert_to_numpy(weight) for weight in network.model.weights}
    scaled = keras.ops.convert_to_numpy(network.trunk()(raw)["x"])

    def layer(x, name):
        bias = weights.get(f"{name}/bias", 0)
        return x @ weights[f"{name}/kernel"] + bias

    wanted = []
    for x in (event[:length] for event, length in zip(scaled, LENGTHS, strict=True)):
        rows = []
        for i in range(len(x)):
            edges = [
                relu(
                    layer(
                        relu(layer(x[i], "x-block_1_own") + layer(x[j], "x-block_1_other")),
                        "x-block_1_edge_2",
                    )
                )
                for j in range(len(x))
                if j != i
            ]
            rows.append(relu(layer(x[i], "x-block_1_shortcut") + (np.mean(edges, axis=0) if edges else 0)))
        wanted.append(layer(np.mean(rows, axis=0) if rows else np.zeros(5), "net-output"))
    np.testing.assert_allclose(logits(network, raw), wanted, rtol=1e-4, atol=1e-5)


def test_cells_of_a_grid_have_edges_to_those_beside_them():
    index, there = grid((3, 4))

    for cell, (i, j) in enumerate(itertools.product(range(3), range(4))):
        beside = {(i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)}
        wanted = {4 * a + b for a, b in beside if 0 <= a < 3 and 0 <= b < 4}
        assert set(index[cell][there[cell]]) == wanted


def test_a_graph_on_a_grid_sees_what_lies_side_by_side(make_manifest):
    model = Model.parse({"family": "graph", "adjacency": "grid", "blocks": [6]}, "model")
    network = construct(model, make_manifest(x=(4, 5)), {}, 3).model
    apart, beside = np.zeros((2, 1, 4, 5), np.float32)
    apart[0, 1, 1] = apart[0, 3, 3] = beside[0, 1, 1] = beside[0, 1, 2] = 5

    assert (
        np.abs(network.predict_on_batch({"x": apart}) - network.predict_on_batch({"x": beside})).max() > 1e-4
    )


@pytest.mark.parametrize("norm", ["layer", "batch"])
@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 2)])
def test_a_grid_has_the_axes_of_its_image(shape, norm, make_manifest, tmp_path):
    model = Model.parse({"family": "graph", "adjacency": "grid", "blocks": [4], "norm": norm}, "model")
    network = construct(model, make_manifest(x=shape), {}, 3).model
    raw = {"x": np.random.default_rng(1).normal(size=(3, *shape)).astype(np.float32)}

    found = keras.ops.convert_to_numpy(network(raw, training=True))

    assert found.shape == (3, 3)
    assert np.isfinite(found).all()
    network.save(tmp_path / "best.keras")
    again = keras.saving.load_model(tmp_path / "best.keras", compile=False)
    np.testing.assert_allclose(
        numpy(again(raw, training=False)), numpy(network(raw, training=False)), rtol=1e-5
    )


def test_a_grid_has_no_missing_cells():
    model = Model.parse({"family": "graph", "adjacency": "grid"}, "model")
    wanted = "graph has model.adjacency: grid, which needs the same rows in every event, and x has a varying"
    assert model.why_not_inputs({"x": (5, 4)}, ["x"]).startswith(wanted)
    assert model.why_not_inputs({"x": (5, 4)}) is None


EDGES = """
def pairs(rows):
    return [(one, one + 1) for one in range(rows - 1)] + [(1, 0)]

def wrong(rows):
    return {"what": PLACE}
"""


def written_edges(directory, function="pairs", place="None"):
    path = directory / "geometry.py"
    path.write_text(EDGES.replace('{"what": PLACE}', place))
    return f"{path}:{function}"


def test_a_geometry_of_ones_own_is_the_grid_that_it_describes(make_manifest, tmp_path):
    index, there = own_edges(in_file(written_edges(tmp_path), "model.adjacency"), 5)
    wanted, exist = grid((5,))
    for row in range(5):
        assert set(index[row][there[row]]) == set(wanted[row][exist[row]])

    own = {"family": "graph", "blocks": [6], "norm": "batch", "adjacency": written_edges(tmp_path)}
    network = construct(Model.parse(own, "model"), make_manifest(x=(5, 2)), {}, 3).model
    raw = {"x": np.random.default_rng(1).normal(size=(3, 5, 2)).astype(np.float32)}
    given = numpy(network(raw, training=False))
    network.save(tmp_path / "best.keras")
    again = keras.saving.load_model(tmp_path / "best.keras", compile=False)
    np.testing.assert_allclose(numpy(again(raw, training=False)), given, rtol=1e-5)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("[(0, 1, 2)]", r"must return pairs of whole numbers, \(E, 2\), got int64 of shape \(1, 3\)"),
        ("[(0, 1.5)]", "got float64"),
        ("[]", "must return pairs"),
        ("[(0, rows)]", "names row 5, and rows are 0 to 4"),
        ("[(3, 3)]", "has an edge from row 3 to itself"),
        ("missing", "NameError"),
    ],
)
def test_wrong_edges_are_refused_where_they_are_made(place, message, tmp_path):
    with pytest.raises(ConfigError, match=message) as caught:
        own_edges(in_file(written_edges(tmp_path, "wrong", place), "model.adjacency"), 5)
    assert "geometry.py:" in str(caught.value)


def test_points_of_an_image_are_the_set_that_they_stand_for(make_manifest):
    """A network on `as: points` is that of a masked input that holds the same points."""
    # all others: of cells that are equally far apart, any may be the nearest
    parameters = {"family": "graph", "blocks": [6], "neighbours": 4, "coordinates": [0, 1]}
    inputs = {"cells": Input("ECAL", longest=5, view="points")}
    rng = np.random.default_rng(1)
    image = (rng.exponential(1, (3, 3, 4)) * (rng.random((3, 3, 4)) < 0.3)).astype(np.float32)

    network = construct(Model.parse(parameters, "model"), make_manifest(ECAL=(3, 4)), {}, 3, inputs=inputs)

    scaled = network.trunk()({"ECAL": image})
    body = numpy(network.body()(scaled)["scores"])
    order = np.array([4, 2, 0, 3, 1])
    other = {name: keras.ops.take(tensor, order, axis=1) for name, tensor in scaled.items()}
    np.testing.assert_allclose(numpy(network.body()(other)["scores"]), body, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "shape", "message"),
    [
        ({"family": "lstm"}, (), "lstm needs an input with rows, and every input is one number per event"),
        ({"family": "gru", "along": 3}, (2, 3, 4), "gru has no axis 3 in x: model.along is 0 to 2"),
        (
            {"family": "deepsets", "energy_weighted": 4},
            (5, 4),
            "deepsets has 4 features in x: model.energy_weigh",
        ),
        (
            {"family": "deepsets", "energy_weighted": 0},
            (5, 4, 3),
            "needs rows of several features, and x has none",
        ),
        (
            {"family": "graph", "coordinates": [0, 9]},
            (5, 4),
            "graph has 4 features in x: model.coordinates are some",
        ),
    ],
)
def test_inputs_that_cannot_be_rows_are_refused(parameters, shape, message):
    assert message in Model.parse(parameters, "model").why_not_inputs({"x": shape})
