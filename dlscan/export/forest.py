"""Boosted trees as ONNX: the operator for trees of `ai.onnx.ml`, and what stands before and behind it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.export import onnx_file
from dlscan.export.onnx_file import Arrays
from dlscan.trees import Forest

# The oldest that say what is needed here, so that older runtimes read the file too.
_OPERATORS, _TREE_OPERATORS, _FORMAT = 13, 3, 8


class ExportedForest:
    """Boosted trees that are to be written in another form.

    Parameters
    ----------
    forest : Forest
        Takes raw events by name.
    name : str
        Of its output.
    """

    formats: tuple[str, ...] = ("onnx",)

    def __init__(self, forest: Forest, name: str) -> None:
        self._forest, self._name = forest, name
        self.inputs = dict(forest.inputs)
        self.dtypes = dict.fromkeys(self.inputs, "float32")
        self.outputs = {name: len(forest.classes) or len(forest.outputs)}

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """What the trees give for events."""
        forest = self._forest
        return {self._name: forest.scores(inputs) if forest.classes else forest.predictions(inputs)}

    def write(self, form: str, path: Path, texts: Mapping[str, str]) -> None:
        """Write them to `path`, with texts about them."""
        onnx = onnx_file.onnx()
        helper, real = onnx.helper, onnx.TensorProto.FLOAT
        nodes = [helper.make_node("Flatten", [name], [f"{name}-flat"], axis=1) for name in self.inputs]
        flat = [f"{name}-flat" for name in self.inputs]
        nodes.append(helper.make_node("Concat", flat, ["net-features"], axis=1))
        nodes.append(
            helper.make_node(
                "TreeEnsembleRegressor",
                ["net-features"],
                ["net-margins"],
                domain="ai.onnx.ml",
                **self._trees(),
            )
        )
        constants = []
        if self._forest.classes:
            margins = "net-margins"
            if len(self._forest.baseline) == 1:  # the first of two classes has the logit 0
                zero = helper.make_tensor("net-zero", real, [1], [0.0])
                constants.append(zero)
                nodes.append(helper.make_node("Mul", [margins, "net-zero"], ["net-zeros"]))
                nodes.append(helper.make_node("Concat", ["net-zeros", margins], ["net-logits"], axis=1))
                margins = "net-logits"
            nodes.append(helper.make_node("Softmax", [margins], [self._name], axis=1))
        else:
            nodes.append(helper.make_node("Identity", ["net-margins"], [self._name]))
        graph = helper.make_graph(
            nodes,
            "boosted-trees",
            [
                helper.make_tensor_value_info(name, real, ["events", *shape])
                for name, shape in self.inputs.items()
            ],
            [helper.make_tensor_value_info(self._name, real, ["events", self.outputs[self._name]])],
            constants,
        )
        sets = [helper.make_opsetid("", _OPERATORS), helper.make_opsetid("ai.onnx.ml", _TREE_OPERATORS)]
        onnx.save(helper.make_model(graph, opset_imports=sets, ir_version=_FORMAT), path)
        onnx_file.describe(path, [self._name], texts)

    def reader(self, form: str, path: Path) -> Callable[[Mapping[str, NDArray[Any]]], Arrays]:
        """What the written file gives for events."""
        return onnx_file.runner(path)

    def _trees(self) -> dict[str, Any]:
        """The attributes of the operator: an entry for every node, and one for every leaf."""
        forest = self._forest
        nodes, lengths = forest.nodes, np.diff(forest.starts)
        tree = np.repeat(np.arange(len(lengths)), lengths)
        own = np.arange(len(nodes)) - np.repeat(forest.starts[:-1], lengths)
        leaf = nodes["left"] < 0
        margin = tree % len(forest.baseline)
        return {
            "aggregate_function": "SUM",
            "base_values": forest.baseline.astype(np.float32).tolist(),
            "n_targets": len(forest.baseline),
            "nodes_treeids": tree.tolist(),
            "nodes_nodeids": own.tolist(),
            "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
            "nodes_featureids": np.where(leaf, 0, nodes["feature"]).tolist(),
            "nodes_values": _rounded_down(np.where(leaf, 0, nodes["threshold"])).tolist(),
            "nodes_truenodeids": np.where(leaf, 0, nodes["left"]).tolist(),
            "nodes_falsenodeids": np.where(leaf, 0, nodes["right"]).tolist(),
            "nodes_missing_value_tracks_true": np.where(leaf, 0, nodes["missing_left"]).tolist(),
            "target_treeids": tree[leaf].tolist(),
            "target_nodeids": own[leaf].tolist(),
            "target_ids": margin[leaf].tolist(),
            "target_weights": nodes["value"][leaf].astype(np.float32).tolist(),
        }


def _rounded_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 that is not above each: a float32 is below both or above both."""
    near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)
