"""Boosted trees as arrays: their file, and what they say of events.

The file is HDF5 and holds numbers alone, so that reading it runs nothing, and it opens whatever version of
scikit-learn is installed.
"""

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dlscan.errors import ScanError
from dlscan.files import sync
from dlscan.hdf5 import open_hdf5, written_hdf5

Floats = NDArray[Any]

# Children come behind their parent, so that no way through a tree has no end; a leaf has -1 for both.
NODE = np.dtype(
    [
        ("feature", "<i4"),
        ("threshold", "<f8"),
        ("left", "<i4"),
        ("right", "<i4"),
        ("missing_left", "u1"),
        ("value", "<f8"),
        ("events", "<i8"),
        ("gain", "<f8"),
        ("bin", "u1"),
    ]
)
_FORMAT = 1
# Events that go through a tree together: their values stay in the processor's cache.
_BLOCK = 16_384


@dataclasses.dataclass(frozen=True)
class Forest:
    """Trees whose values add up to the margins of an event.

    Attributes
    ----------
    inputs : dict of str to tuple of int
        Names and shapes of the inputs; their values, flattened and one behind the other, are the features.
    outputs : tuple of str
        What the margins are of: the second of two classes, each class, or each target.
    baseline : ndarray of float64, (K,)
        The margins of an event before the first tree.
    nodes : ndarray of NODE, (M,)
        Those of all trees, one tree behind the other.
    starts : ndarray of int64, (T + 1,)
        Where each tree begins, and where the last ends. Tree t is of round t // K, for margin t % K.
    classes : tuple of str
        Labels, where it tells classes apart; empty elsewhere.
    """

    inputs: dict[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    baseline: Floats
    nodes: NDArray[Any]
    starts: NDArray[np.int64]
    classes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        trees = max(len(self.starts) - 1, 0)
        return f"Forest({trees:,} trees with {len(self.nodes):,} nodes on {', '.join(self.inputs)})"

    @classmethod
    def empty(
        cls,
        inputs: Mapping[str, tuple[int, ...]],
        outputs: Sequence[str],
        baseline: Floats,
        classes: Sequence[str] = (),
    ) -> "Forest":
        """One that has no tree yet."""
        nothing = np.zeros(0, NODE)
        return cls(dict(inputs), tuple(outputs), baseline, nothing, np.zeros(1, np.int64), tuple(classes))

    @property
    def rounds(self) -> int:
        """How many trees each margin has."""
        return (len(self.starts) - 1) // len(self.baseline)

    @property
    def leaves(self) -> int:
        """Leaves of all trees: the numbers that training has fitted."""
        return int((self.nodes["left"] < 0).sum())

    @property
    def features(self) -> int:
        """Values of an event."""
        return sum(math.prod(shape) for shape in self.inputs.values())

    def first(self, rounds: int) -> "Forest":
        """The forest of the first `rounds` rounds."""
        starts = self.starts[: rounds * len(self.baseline) + 1]
        return dataclasses.replace(self, starts=starts, nodes=self.nodes[: starts[-1]])

    def in_units(self, mean: Sequence[float], std: Sequence[float]) -> "Forest":
        """The forest whose margins are `mean` + `std` times those of this one, one of each for a margin."""
        lengths = np.diff(self.starts)
        factors = np.repeat(np.asarray(std)[np.arange(len(lengths)) % len(std)], lengths)
        nodes = self.nodes.copy()
        nodes["value"] *= factors
        return dataclasses.replace(self, baseline=np.add(mean, np.multiply(std, self.baseline)), nodes=nodes)

    def with_trees(self, trees: Sequence[NDArray[Any]]) -> "Forest":
        """The forest with more trees at its end; those of whole rounds."""
        ends = self.starts[-1] + np.cumsum([len(tree) for tree in trees])
        return dataclasses.replace(
            self,
            nodes=np.concatenate([self.nodes, *trees]),
            starts=np.concatenate([self.starts, ends]).astype(np.int64),
        )

    def tree(self, number: int) -> NDArray[Any]:
        """The nodes of a tree, from 0."""
        return self.nodes[self.starts[number] : self.starts[number + 1]]

    def margins(self, values: Floats) -> Floats:
        """What the trees add up to, (B, K), for features (B, F)."""
        margins = np.tile(self.baseline, (len(values), 1))
        for _ in self.staged(values, margins):
            pass
        return margins

    def staged(self, values: Floats, margins: Floats, first: int = 0) -> Iterator[None]:
        """Add round after round, from number `first` on, to the margins (B, K) of features (B, F)."""
        count = len(self.baseline)
        for number in range(first * count, self.rounds * count):
            margins[:, number % count] += values_of(self.tree(number), values)
            if (number + 1) % count == 0:
                yield

    def flat(self, inputs: Mapping[str, Floats]) -> Floats:
        """The features (B, F) of events whose inputs are given by name, (B, ...) each."""
        return np.concatenate([inputs[name].reshape(len(inputs[name]), -1) for name in self.inputs], axis=1)

    def scores(self, inputs: Mapping[str, Floats]) -> NDArray[np.float32]:
        """A score for each class, (B, C) as float32, of events whose raw inputs are given by name."""
        return scores_of(logits_of(self.margins(self.flat(inputs)))).astype(np.float32)

    def predictions(self, inputs: Mapping[str, Floats]) -> NDArray[np.float32]:
        """The number of each target, (B, T) as float32, of events whose raw inputs are given by name."""
        return self.margins(self.flat(inputs)).astype(np.float32)

    def write(self, path: Path, note: str = "") -> None:
        """Write the forest to `path`, and push it to the disk; `read_forest` gives the note back too."""
        with written_hdf5(path) as file:
            file.attrs["format"] = _FORMAT
            inputs = {name: list(shape) for name, shape in self.inputs.items()}
            file.attrs["inputs"] = json.dumps(inputs)
            file.attrs["outputs"] = json.dumps(self.outputs)
            file.attrs["classes"] = json.dumps(self.classes)
            file.attrs["note"] = note
            file["baseline"], file["starts"] = self.baseline, self.starts
            file.create_dataset(
                "nodes", data=self.nodes, compression="gzip", compression_opts=1, shuffle=True
            )
        sync(path)


def logits_of(margins: Floats) -> Floats:
    """The logits of the classes, (B, C): the first of two classes has 0."""
    if margins.shape[1] > 1:
        return margins
    return np.concatenate([np.zeros_like(margins), margins], axis=1)


def scores_of(logits: Floats) -> Floats:
    """Scores (B, C), which add up to 1."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores: Floats = powers / powers.sum(axis=1, keepdims=True)
    return scores


def values_of(tree: NDArray[Any], values: Floats) -> Floats:
    """What a tree says of each event, (B,), for features (B, F)."""
    found = np.empty(len(values))
    for start in range(0, len(values), _BLOCK):
        found[start : start + _BLOCK] = _values(tree, values[start : start + _BLOCK])
    return found


def _values(tree: NDArray[Any], values: Floats) -> Floats:
    found = np.empty(len(values))
    waiting = [(0, np.arange(len(values)))]
    # lists: a number of an array takes longer to get than a few events take to go through
    columns = {name: tree[name].tolist() for name in ("feature", "threshold", "left", "right", "value")}
    missing_left = tree["missing_left"].tolist()
    while waiting:
        node, events = waiting.pop()
        left, right = columns["left"][node], columns["right"][node]
        if left < 0:
            found[events] = columns["value"][node]
            continue
        # as wide as the threshold, which lies between two values
        seen = values[events, columns["feature"][node]].astype(np.float64)
        goes_left = seen <= columns["threshold"][node]
        if missing_left[node]:
            goes_left |= np.isnan(seen)
        waiting += [(left, events[goes_left]), (right, events[~goes_left])]
    return found


def read_forest(path: Path) -> tuple[Forest, str]:
    """Read what `Forest.write` wrote: the forest, and the note.

    Raises
    ------
    ScanError
        If the file is missing or damaged, or of a newer version.
    """
    try:
        with open_hdf5(path) as file:
            number = int(file.attrs["format"])
            if number != _FORMAT:
                raise ScanError(f"{path}: boosted trees of format {number}, which is newer; update dlscan")
            forest = _forest(file)
            note = str(file.attrs["note"])
        wrong = _wrong(forest)
    except FileNotFoundError:
        raise ScanError(f"{path}: cannot read boosted trees (no such file)") from None
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise ScanError(f"{path}: cannot read boosted trees (damaged: {reason})") from None
    if wrong:
        raise ScanError(f"{path}: cannot read boosted trees (damaged: {wrong})")
    return forest, note


def _forest(file: h5py.File) -> Forest:
    texts = {name: json.loads(file.attrs[name]) for name in ("inputs", "outputs", "classes")}
    return Forest(
        {str(name): tuple(map(int, shape)) for name, shape in texts["inputs"].items()},
        tuple(map(str, texts["outputs"])),
        np.asarray(file["baseline"][()], np.float64),
        file["nodes"][()],
        np.asarray(file["starts"][()], np.int64),
        tuple(map(str, texts["classes"])),
    )


def _wrong(forest: Forest) -> str:
    """What cannot be so of a forest; empty if nothing is wrong."""
    nodes, starts = forest.nodes, forest.starts
    if nodes.dtype != NODE or nodes.ndim != 1 or starts.ndim != 1 or forest.baseline.ndim != 1:
        return "arrays of another kind"
    count = len(forest.baseline)
    if not count or len(forest.outputs) != count or (len(starts) - 1) % count or len(forest.classes) == 1:
        return "not a tree for each output in each round"
    lengths = np.diff(starts)
    if not len(starts) or starts[0] or starts[-1] != len(nodes) or (lengths < 1).any():
        return "trees that do not follow each other"
    own = np.arange(len(nodes)) - np.repeat(starts[:-1], lengths)
    size = np.repeat(lengths, lengths)
    inner = nodes["left"] >= 0
    for side in ("left", "right"):
        child = nodes[side]
        if ((child <= own) | (child >= size))[inner].any():
            return "a node whose child is not behind it"
    feature = nodes["feature"][inner]
    if ((feature < 0) | (feature >= forest.features)).any():
        return "a feature that no event has"
    finite = np.isfinite(nodes["value"]).all() and not np.isnan(nodes["threshold"]).any()
    return "" if finite and np.isfinite(forest.baseline).all() else "numbers that are none"
