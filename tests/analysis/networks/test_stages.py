"""What of a network has a box, how boxes follow one another, and how that looks as text."""

import itertools

import pytest

from dlscan.analysis.networks.boxes import boxes_of
from dlscan.analysis.networks.read import Use
from dlscan.analysis.networks.stages import Box, Frame, Tangle, Ways, boxes_in, stages_of
from dlscan.analysis.networks.text import network_text


def use(called, kind, takes=(), shape=(8,), parameters=0, dtype="float32", shared=False, inner=(), **config):
    return Use(called, kind, config, tuple(takes), shape, dtype, parameters, shared, tuple(inner))


def given(name, shape=(8,), dtype="float32"):
    return use(name, "InputLayer", shape=shape, dtype=dtype)


def dense(name, takes, units=8, parameters=72):
    return use(name, "Dense", [takes], (units,), parameters, units=units, activation="linear")


def convolution(name, takes, parameters=80):
    return use(name, "Conv2D", [takes], (5, 5, 8), parameters, kernel_size=[3, 3], filters=8, strides=[1, 1])


def stages(*uses):
    return stages_of(boxes_of(uses))


def shape_of(chain):
    """The names of the boxes, nested as they are drawn."""
    found = []
    for part in chain:
        match part:
            case Box():
                found.append(part.name)
            case Ways(ways):
                found.append([shape_of(way) for way in ways])
            case Frame(title, inner):
                found.append((title, *shape_of(inner)))
            case Tangle(boxes):
                found.append({box.name for box in boxes})
    return found


def residual(name, takes):
    return [
        convolution(f"{name}a", takes),
        use(f"{name}relu", "Activation", [f"{name}a"], (5, 5, 8), activation="relu"),
        convolution(f"{name}b", f"{name}relu"),
        use(f"{name}add", "Add", [f"{name}b", takes], (5, 5, 8)),
    ]


def test_activations_and_normalisations_stand_in_the_box_of_their_layer():
    boxes = boxes_of(
        [
            given("x"),
            use("subtract", "Subtract", ["x"]),
            dense("hidden", "subtract"),
            use("norm", "BatchNormalization", ["hidden"], parameters=32),
            use("relu", "Activation", ["norm"], activation="relu"),
            use("drop", "Dropout", ["relu"], rate=0.25),
        ]
    )
    assert [box.lines for box in boxes] == [
        ("x", "scaled", "8"),
        ("Dense 8", "batch norm, relu, dropout 0.25", "8 · 104 weights"),
    ]


def test_masks_and_indices_are_not_drawn():
    boxes = boxes_of(
        [
            given("hits", (6, 3)),
            given("hits_mask", (6,), "bool"),
            use("cast", "Cast", ["hits_mask"], (6,)),
            dense("point", "hits"),
            use("kept", "Multiply", ["point", "cast"], (6, 8)),
            use("sum", "Sum", ["kept"], (8,)),
            dense("net-output", "sum"),
        ]
    )
    assert [(box.name, box.takes, box.details) for box in boxes] == [
        ("hits", (), ()),
        ("point", ("hits",), ()),
        ("sum", ("point",), ()),
        ("net-output", ("sum",), ()),
    ]


def test_what_only_says_which_values_are_neighbours_is_not_drawn():
    boxes = boxes_of(
        [
            given("hits", (6, 3)),
            dense("point", "hits"),
            use("lengths", "Sum", ["point"], (6,)),
            use("nearest", "TopK", ["lengths"], (6, 2), dtype="int32"),
            use("gathered", "TakeAlongAxis", ["point", "nearest"], (6, 2, 8)),
            dense("net-output", "gathered"),
        ]
    )
    assert [(box.name, box.takes) for box in boxes] == [
        ("hits", ()),
        ("point", ("hits",)),
        ("net-output", ("point",)),
    ]


def test_branches_stand_side_by_side_until_they_meet():
    chain = stages(
        given("a"),
        given("b"),
        dense("a1", "a"),
        dense("b1", "b"),
        dense("b2", "b1", parameters=1),
        use("met", "Concatenate", ["a1", "b2"], (16,)),
        dense("net-output", "met"),
    )
    assert shape_of(chain) == [[["a", "a1"], ["b", "b1", "b2"]], "met", "net-output"]


def test_repeated_stages_are_drawn_once():
    chain = stages(
        given("x", (5, 5, 8)),
        *residual("one", "x"),
        *residual("two", "oneadd"),
        *residual("three", "twoadd"),
        dense("net-output", "threeadd"),
    )
    assert shape_of(chain) == ["x", ("3 times", [["onea", "oneb"], []], "oneadd"), "net-output"]


@pytest.mark.parametrize(("count", "drawn"), [(2, ["a0", "a1"]), (3, [("3 times", "a0")])])
def test_single_boxes_are_drawn_once_from_three_on(count, drawn):
    names = ["x", *(f"a{number}" for number in range(count))]
    chain = stages(given("x"), *(dense(name, before) for before, name in itertools.pairwise(names)))
    assert shape_of(chain) == ["x", *drawn]


def test_layers_that_differ_in_weights_are_no_repetition():
    chain = stages(
        given("x"), *(dense(f"a{n}", f"a{n - 1}" if n else "x", parameters=n + 1) for n in range(4))
    )
    assert shape_of(chain) == ["x", "a0", "a1", "a2", "a3"]


def test_what_is_no_chain_says_what_each_box_takes():
    chain = stages(
        given("x"),
        dense("a", "x"),
        dense("b", "x"),
        use("ab", "Add", ["a", "b"]),
        dense("c", "b"),
        use("end", "Add", ["ab", "c"]),
    )
    assert shape_of(chain) == ["x", {"a", "b", "ab", "c"}, "end"]
    assert "ab  Add  8  from a, b" in network_text(chain)


def test_the_second_use_of_a_network_within_says_that_it_shares_its_weights():
    body = [given("inner"), dense("first", "inner"), dense("last", "first", 4, 36)]
    chain = stages(
        given("a"),
        given("b"),
        use("body", "Functional", ["a"], (4,), 108, inner=body),
        use("body:1", "Functional", ["b"], (4,), 108, shared=True, inner=body),
        use("distance", "Subtract", ["body", "body:1"], (4,)),
    )
    assert shape_of(chain) == [[["a", ("body", "first", "last")], ["b", "body:1"]], "distance"]
    assert "same weights" in network_text(chain)
    assert sum(box.parameters for box in boxes_in(chain)) == 108


def test_several_heads_end_side_by_side():
    chain = stages(given("x"), dense("a", "x"), dense("one", "a"), dense("two", "a"))
    assert shape_of(chain) == ["x", "a", [["one"], ["two"]]]
    assert network_text(chain).splitlines()[-1].count("┬") == 0


def test_the_text_of_a_residual_network():
    chain = stages(given("x", (5, 5, 8)), *residual("one", "x"))
    assert network_text(chain).splitlines() == [
        "              ┌───────┐",
        "              │   x   │",
        "              │ 5×5×8 │",
        "              └───┬───┘",
        "           ┌──────┴──────┐",
        "┌──────────┴──────────┐  │",
        "│    Conv2D 3×3, 8    │  │",
        "│        relu         │  │",
        "│ 5×5×8 · 80 weights  │  │",
        "└──────────┬──────────┘  │",
        "┌──────────┴──────────┐  │",
        "│    Conv2D 3×3, 8    │  │",
        "│ 5×5×8 · 80 weights  │  │",
        "└──────────┬──────────┘  │",
        "           └──────┬──────┘",
        "              ┌───┴───┐",
        "              │  Add  │",
        "              │ 5×5×8 │",
        "              └───────┘",
    ]


def test_ways_that_are_too_wide_stand_below_one_another():
    uses = [given("x"), *(dense(f"a{number}", "x") for number in range(6))]
    uses.append(use("met", "Concatenate", [f"a{number}" for number in range(6)], (48,)))
    chain = stages(*uses)
    assert max(map(len, network_text(chain, 200).splitlines())) > 100
    narrow = network_text(chain, 60)
    assert max(map(len, narrow.splitlines())) <= 60
    assert "way 6 of 6" in narrow
