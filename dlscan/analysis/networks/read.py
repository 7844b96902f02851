"""The layers of a network, and how they are connected, from its `.keras` file: without Keras.

The file is a ZIP archive. `config.json` in it says which layer takes what, with all shapes;
`model.weights.h5` holds the weights of each layer, under its name. No code in the file, or of a user, is run.
"""

import dataclasses
import io
import json
import math
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py

from dlscan.errors import ScanError
from dlscan.hdf5 import open_hdf5

Shape = tuple[int | None, ...]
# of networks within networks
_DEEPEST = 20


@dataclasses.dataclass(frozen=True)
class Use:
    """One use of a layer or an operation.

    Attributes
    ----------
    name : str
        Of the layer; a layer that is used several times has the number of the use behind: `body:1`.
    kind : str
        What Keras calls it: `Conv2D`.
    config : mapping
        Its arguments.
    takes : tuple of str
        The uses whose results it takes, by name.
    shape : tuple of int or None
        Of what it gives for an event; None is a length that is not fixed.
    dtype : str
        Of what it gives; empty where the file does not say it.
    parameters : int
        Its weights, those that training does not change included.
    shared : bool
        Whether these are the weights of an earlier use.
    inner : tuple of Use
        Of a network within the network: its own.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    takes: tuple[str, ...]
    shape: Shape
    dtype: str
    parameters: int
    shared: bool = False
    inner: tuple["Use", ...] = ()


def read_layers(path: Path) -> tuple[Use, ...]:
    """Every use of a layer, those that a layer takes before it.

    Raises
    ------
    ScanError
        If the file is missing or damaged, or its network has no layers that are known one by one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
            with open_hdf5(io.BytesIO(archive.read("model.weights.h5"))) as file:
                return _uses(config, _sizes(file))
    except FileNotFoundError:
        raise ScanError(f"{path}: cannot read a network (no such file)") from None
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise _unreadable(path, error) from None
    except zipfile.BadZipFile as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> ScanError:
    return ScanError(f"{path}: cannot read the layers of a network ({' '.join(str(error).split())})")


def _uses(model: Mapping[str, Any], sizes: Mapping[str, int], depth: int = 0) -> tuple[Use, ...]:
    config = model["config"]
    layers = config["layers"] if depth < _DEEPEST else []
    if layers and "inbound_nodes" not in layers[0]:
        layers = _in_a_row(layers)
    given = _given(layers)
    found = []
    for layer in layers:
        own = layer["config"]
        name = layer.get("name", own["name"])
        nodes = layer["inbound_nodes"] or [[]]
        inner = () if "layers" not in own else _uses(layer, _below(sizes, name), depth + 1)
        for number, node in enumerate(nodes):
            takes = tuple(dict.fromkeys(_called(tensor) for tensor in _tensors(node)))
            shape, dtype = given.get((name, number)) or _told(layer, node)
            size, again = sizes.get(name, 0), number > 0
            kind = layer["class_name"]
            found.append(Use(_name(name, number), kind, own, takes, shape, dtype, size, again, inner))
    return _in_order(found)


def _in_a_row(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The layers of a sequential network, each of which takes what the one before gives."""
    before = None
    connected = []
    for layer in layers:
        name = layer["config"]["name"]
        shape = layer.get("build_config", {}).get("input_shape", [None])
        tensor = {
            "class_name": "__keras_tensor__",
            "config": {"shape": shape, "keras_history": [before, 0, 0]},
        }
        connected.append({**layer, "inbound_nodes": [] if before is None else [{"args": [tensor]}]})
        before = name
    return connected


def _given(layers: list[dict[str, Any]]) -> dict[tuple[str, int], tuple[Shape, str]]:
    """The shape and type of what each use gives, as those that take it say; of several the first."""
    found: dict[tuple[str, int], tuple[Shape, str]] = {}
    order = [tensor for layer in layers for node in layer["inbound_nodes"] for tensor in _tensors(node)]
    for tensor in sorted(order, key=lambda tensor: int(tensor["keras_history"][2])):
        name, number, _ = tensor["keras_history"]
        found.setdefault((name, number), (tuple(tensor["shape"][1:]), tensor.get("dtype", "")))
    return found


def _told(layer: Mapping[str, Any], node: Any) -> tuple[Shape, str]:
    """The shape of what nobody takes: the ends of a network."""
    config = layer["config"]
    if "batch_shape" in config:
        return tuple(config["batch_shape"][1:]), config.get("dtype", "")
    taken = [tuple(tensor["shape"][1:]) for tensor in _tensors(node)]
    if not taken:
        return (), ""
    if "units" in config:
        return (*taken[0][:-1], config["units"]), ""
    if layer["class_name"] == "Concatenate":
        return (*taken[0][:-1], sum(shape[-1] or 0 for shape in taken)), ""
    return taken[0], ""


def _tensors(node: Any) -> Iterator[Mapping[str, Any]]:
    """What a use takes, however deep in its arguments."""
    if isinstance(node, Mapping):
        if node.get("class_name") == "__keras_tensor__":
            yield node["config"]
            return
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _tensors(item)


def _called(tensor: Mapping[str, Any]) -> str:
    name, number, _ = tensor["keras_history"]
    return _name(name, number)


def _name(name: str, number: int) -> str:
    return f"{name}:{number}" if number else name


def _in_order(uses: list[Use]) -> tuple[Use, ...]:
    """Those that a use takes before it; else in the order of the file."""
    left, ordered, done = list(uses), list[Use](), set[str]()
    while left:
        ready = [use for use in left if done.issuperset(use.takes)]
        if not ready:
            raise ValueError("its layers take what they give")
        # one at a time: what follows at once stands next to it
        use = ready[0]
        ordered.append(use)
        done.add(use.name)
        left.remove(use)
    return tuple(ordered)


def _sizes(file: h5py.File) -> dict[str, int]:
    """How many weights each layer has, by its name; of layers in a network within, by both names."""
    found: Counter[str] = Counter()

    def walk(group: h5py.Group, path: str) -> None:
        for child in group.get("layers", {}).values():
            name = child["vars"].attrs.get("name") if "vars" in child else None
            if isinstance(name, str):
                own = f"{path}{name}"
                child.visititems(lambda _, item, own=own: found.update({own: _count(item)}))
                walk(child, f"{own}/")

    walk(file, "")
    return dict(found)


def _below(sizes: Mapping[str, int], name: str) -> dict[str, int]:
    return {own.removeprefix(f"{name}/"): size for own, size in sizes.items() if own.startswith(f"{name}/")}


def _count(item: Any) -> int:
    # the state of random numbers is no weight
    return math.prod(item.shape) if isinstance(item, h5py.Dataset) and item.dtype.kind == "f" else 0
