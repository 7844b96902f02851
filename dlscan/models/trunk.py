"""Where a network can be cut behind its first products of matrices."""

import dataclasses
import math
from collections.abc import Collection, Mapping
from typing import Any

from dlscan.models.backend import keras
from dlscan.models.network import Network

# Operations whose result in a cell depends on what they take in that cell and on nothing else. `Multiply` and
# its like take an array too, with a number for each cell.
_CELL_BY_CELL = {
    *(
        "Absolute",
        "Add",
        "Divide",
        "Identity",
        "Log1p",
        "Multiply",
        "Negative",
        "Relu",
        "Sign",
        "Softsign",
        "Sqrt",
    ),
    *("Square", "Subtract", "Tanh", "TrueDivide"),
}


@dataclasses.dataclass(frozen=True)
class Product:
    """A dense layer and what it takes.

    Attributes
    ----------
    layer : keras.layers.Dense
        Without an activation, in float32.
    parts : tuple of (str, int)
        The inputs, scaled and flattened, that it takes one behind the other, and how many cells each has.
    """

    layer: Any
    parts: tuple[tuple[str, int], ...]


def first_layers(network: Network, names: Collection[str]) -> tuple[dict[str, Product], Any] | None:
    """Cut a network behind the dense layers that take some of its inputs.

    Parameters
    ----------
    network : Network
        As built.
    names : collection of str
        Of these inputs: of those that it takes among them.

    Returns
    -------
    products : dict of str to Product
        The layers, each by a name for what it gives.
    rest : keras.Model or None
        Takes what these layers give by those names, and inputs that others take, scaled, by theirs; gives
        what the losses see, by head. None where nothing comes after the one layer.

    None if it takes none of these inputs, if something else than a dense layer in float32 takes one, or if
    what is done before is not done cell by cell.
    """
    scaled = network.scaled
    own = scaled.keys() & set(names)
    # points that a network makes of an image are chosen among all of its cells
    has_views = bool(scaled.keys() - network.model.input.keys())
    if not own or has_views or not _is_cell_by_cell(network.trunk(own)):
        return None
    if _gives_inputs(network):
        return None
    border: dict[str, Any] = {}
    products: dict[str, Product] = {}
    for node, parts in _users(network.training(), scaled):
        taken = {name for name, _ in parts}
        if taken.isdisjoint(own):
            border |= {name: scaled[name] for name in taken}
            continue
        product = node.output_tensors[0]
        if not _is_product(node.operation):
            return None
        product.name = f"{node.operation.name}-of-{'-'.join(name for name, _ in parts)}"
        products[product.name] = Product(node.operation, parts)
        border[product.name] = product
    # Keras makes no network of nothing at all
    nothing = any(border[name] is tensor for name in products for tensor in network.raw.values())
    if nothing and len(network.raw) > 1:
        return None
    return products, None if nothing else keras.Model(border, dict(network.raw))


def _users(network: Any, scaled: Mapping[str, Any]) -> list[tuple[Any, tuple[tuple[str, int], ...]]]:
    """The nodes that take scaled inputs, flattened and one behind the other or not, and which they take."""
    parts: dict[int, tuple[tuple[str, int], ...]] = {
        id(tensor): ((name, math.prod(tensor.shape[1:])),) for name, tensor in scaled.items()
    }
    users = []
    for node in _nodes(network):
        found = [parts.get(id(tensor)) for tensor in node.input_tensors]
        known = tuple(part for several in found if several is not None for part in several)
        if not known:
            continue
        if None not in found and _only_moves(node):
            parts[id(node.output_tensors[0])] = known
        elif id(node.output_tensors[0]) not in parts:
            users.append((node, known))
    return users


def _gives_inputs(network: Network) -> bool:
    """Whether losses see the inputs themselves, as those of autoencoders do."""
    return "target" in network.raw


def _only_moves(node: Any) -> bool:
    """Whether it flattens, or puts flat tensors one behind the other."""
    kind = type(node.operation)
    if kind is keras.layers.Concatenate:
        return node.operation.axis in (-1, 1) and all(len(tensor.shape) == 2 for tensor in node.input_tensors)
    return kind is keras.layers.Flatten


def _is_cell_by_cell(trunk: Any) -> bool:
    return all(type(node.operation).__name__ in _CELL_BY_CELL for node in _nodes(trunk))


def _is_product(operation: Any) -> bool:
    return (
        type(operation) is keras.layers.Dense
        and operation.compute_dtype == "float32"
        and operation.activation is keras.activations.linear
        and operation.activity_regularizer is None
        and len(operation.kernel.shape) == 2
    )


def _nodes(network: Any) -> list[Any]:
    """The uses of layers and operations, from the inputs on."""
    by_depth: Mapping[int, list[Any]] = network._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if not node.is_input]
