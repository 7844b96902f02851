"""The file of boosted trees: what comes back, and what is refused."""

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dlscan.errors import ScanError
from dlscan.trees import Forest, read_forest
from dlscan.trees.forest import NODE

LEAF = -1


def stump(feature: int, threshold: float, left: float, right: float) -> Any:
    """A tree of one cut."""
    nodes = np.zeros(3, NODE)
    nodes["left"], nodes["right"] = [1, LEAF, LEAF], [2, LEAF, LEAF]
    nodes["feature"][0], nodes["threshold"][0], nodes["value"][1:] = feature, threshold, (left, right)
    return nodes


@pytest.fixture
def forest() -> Forest:
    start = Forest.empty({"a/b": (2,), "c": ()}, ("Pi0",), np.array([0.5]), ("Ele", "Pi0"))
    return start.with_trees([stump(0, 1.0, -1.0, 1.0), stump(2, np.inf, 0.25, 7.0)])


def test_it_is_shown_in_a_line_without_its_nodes(forest: Forest) -> None:
    assert re.fullmatch(r"Forest\(\d+ trees? with \d+ nodes on a/b, c\)", repr(forest))


def test_file_gives_back_the_forest_and_the_note(forest: Forest, tmp_path: Path) -> None:
    path = tmp_path / "best.h5"
    forest.write(path, '{"random": 1}')
    back, note = read_forest(path)
    assert note == '{"random": 1}'
    assert np.array_equal(back.nodes, forest.nodes)
    assert (back.inputs, back.outputs, back.classes) == (forest.inputs, forest.outputs, forest.classes)
    assert (back.rounds, back.leaves, back.features) == (2, 4, 3)
    inputs = {"c": np.array([9.0, 9.0], np.float32), "a/b": np.array([[1, 0], [1.5, 0]], np.float32)}
    # a value at the cut goes to its left
    assert back.margins(back.flat(inputs)).tolist() == [[0.5 - 1 + 0.25], [0.5 + 1 + 0.25]]


def damage(name: str, change: Any) -> Any:
    def do(file: h5py.File) -> None:
        values = file[name][()]
        change(values)
        del file[name]
        file[name] = values

    return do


def to(field: str, place: int, value: float) -> Any:
    def change(nodes: Any) -> None:
        nodes[field][place] = value

    return change


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (damage("nodes", to("left", 0, 0)), "a node whose child is not behind it"),
        (damage("nodes", to("right", 0, 3)), "a node whose child is not behind it"),
        (damage("nodes", to("feature", 3, 3)), "a feature that no event has"),
        (damage("nodes", to("value", 1, np.nan)), "numbers that are none"),
        (damage("starts", lambda starts: starts.__setitem__(1, 0)), "trees that do not follow each other"),
        (lambda file: file.attrs.__setitem__("outputs", '["a", "b"]'), "not a tree for each output"),
        (lambda file: file.attrs.__setitem__("inputs", "no JSON"), "damaged: Expecting value"),
        (lambda file: file.attrs.__delitem__("format"), "damaged: "),
        (lambda file: file.attrs.__setitem__("format", 2), "of format 2, which is newer; update dlscan"),
    ],
)
def test_damaged_file_is_refused_in_one_line(forest: Forest, tmp_path: Path, do: Any, message: str) -> None:
    path = tmp_path / "best.h5"
    forest.write(path)
    with h5py.File(path, "r+") as file:
        do(file)
    with pytest.raises(ScanError, match=message) as caught:
        read_forest(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_missing_file_and_one_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScanError, match="no such file"):
        read_forest(tmp_path / "best.h5")
    (tmp_path / "best.h5").write_bytes(b"no HDF5")
    with pytest.raises(ScanError, match="cannot read boosted trees"):
        read_forest(tmp_path / "best.h5")
