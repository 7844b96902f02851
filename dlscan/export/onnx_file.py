"""ONNX files: who made them, how their outputs are called, and running them."""

import hashlib
import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.errors import UsageError

_DIGEST = "sha256"
Arrays = dict[str, NDArray[Any]]


def onnx() -> ModuleType:
    """The package `onnx`, which an extra installs with what else is needed.

    Raises
    ------
    UsageError
        If something of it is missing.
    """
    try:
        importlib.import_module("onnxruntime")
        return importlib.import_module("onnx")
    except ImportError as error:
        raise UsageError(f"ONNX files need the package {error.name}: pip install 'dlscan[onnx]'") from None


def describe(path: Path, outputs: Sequence[str], texts: Mapping[str, str]) -> None:
    """Name the outputs of a file in their order, let the number of events be free, and put texts into it."""
    model = onnx().load(path)
    _write_out_log1p(model.graph)
    new = dict(zip((output.name for output in model.graph.output), outputs, strict=True))
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [new.get(name, name) for name in names]
    for value in (*model.graph.input, *model.graph.output):
        value.name = new.get(value.name, value.name)
        value.type.tensor_type.shape.dim[0].dim_param = "events"
    for key, text in ({**texts, _DIGEST: _digest(model)}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, text
    model.producer_name = "dlscan"
    onnx().checker.check_model(model)
    onnx().save(model, path)


def _write_out_log1p(graph: Any) -> None:
    """Write out log1p, an operation that TensorFlow has and ONNX has not.

    With u = 1 + x as it is rounded, log1p(x) is x log(u) / (u - 1) to the last digits, and x where u is 1
    (W. Kahan).
    """
    make = onnx().helper.make_node
    nodes = []
    for node in graph.node:
        if node.op_type != "Log1p":
            nodes.append(node)
            continue
        x, found = node.input[0], node.output[0]
        one, u, above, none, log, times, ratio = (f"{found}_{number}" for number in range(7))
        nodes += [
            make("Constant", [], [one], value_float=1.0),
            make("Add", [x, one], [u]),
            make("Sub", [u, one], [above]),
            make("Equal", [u, one], [none]),
            make("Log", [u], [log]),
            make("Mul", [x, log], [times]),
            make("Div", [times, above], [ratio]),  # 0 / 0 where it is not used
            make("Where", [none, x, ratio], [found]),
        ]
    del graph.node[:]
    graph.node.extend(nodes)


def texts(path: Path) -> dict[str, str]:
    """What a file says of itself.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it is no ONNX file, or damaged.
    """
    parse = onnx().load
    try:
        found = parse(path, load_external_data=False)
    except OSError:
        raise
    except Exception:  # of protobuf, which is no package of ours
        raise ValueError("it is no ONNX file") from None
    told = {entry.key: entry.value for entry in found.metadata_props}
    if told.get(_DIGEST, _digest(found)) != _digest(found):
        raise ValueError("it is damaged: its checksum does not match")
    return told


def _digest(model: Any) -> str:
    """The checksum of what a file computes."""
    return hashlib.sha256(model.graph.SerializeToString(deterministic=True)).hexdigest()


def runner(path: Path) -> Callable[[Mapping[str, NDArray[Any]]], Arrays]:
    """What a file gives for events, by onnxruntime: inputs (B, ...) and outputs by name."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    taken = [(each.name, each.type) for each in session.get_inputs()]

    def run(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        given = {name: np.asarray(inputs[name]) for name, _ in taken}
        return dict(zip(names, session.run(names, given), strict=True))

    return run
