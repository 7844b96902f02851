"""Where a network can be cut: behind the scaling of its inputs, and behind its first products of matrices."""

import dataclasses
import math
from collections.abc import Collection, Mapping
from typing import Any

from dlscan.models.backend import keras

# Operations whose result in a cell depends on what they take in that cell and on nothing else. `Multiply` and
# its like take an array too, with a number for each cell.
_CELL_BY_CELL = {
    *("Absolute", "Add", "Divide", "Log1p", "Multiply", "Negative", "Relu", "Sign", "Softsign", "Sqrt"),
    *("Square", "Subtract", "Tanh", "TrueDivide"),
}


def split(network: Any) -> tuple[Any, Any]:
    """Cut a network where its layers begin: what comes before is the same for all networks of a pack.

    The tensors at the cut get names; that changes nothing of what the network does.

    Parameters
    ----------
    network : keras.Model
        Built from operations without weights, and then layers.

    Returns
    -------
    trunk : keras.Model
        Takes what the network takes; gives what its layers see, a dict with the names of the inputs.
    head : keras.Model
        Takes that; gives what the network gives. It has the network's own layers and weights.
    """
    scaled = _scaled(network)
    return keras.Model(network.input, scaled), keras.Model(scaled, network.output)


def logits(network: Any) -> Any:
    """The network without its softmax: a score of 0 has no logarithm, and a logit of -200 has.

    Parameters
    ----------
    network : keras.Model
        Its last layer is the softmax.

    Returns
    -------
    keras.Model
        Takes what the network takes, gives logits. It has the network's own layers and weights.
    """
    return keras.Model(network.input, _logits(network))


def with_logits(network: Any) -> Any:
    """The network giving a dict of its `scores` and `logits`, see above."""
    return keras.Model(network.input, {"scores": network.output, "logits": _logits(network)})


def _logits(network: Any) -> Any:
    (last,) = [
        node
        for node in _nodes(network)
        if any(tensor is network.outputs[0] for tensor in node.output_tensors)
    ]
    is_softmax = getattr(last.operation, "activation", None) is keras.activations.softmax
    if not is_softmax or type(last.operation) is not keras.layers.Activation:
        raise ValueError(f"{network.name}: its last layer is not a softmax")
    return last.input_tensors[0]


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


def first_layers(network: Any, names: Collection[str]) -> tuple[dict[str, Product], Any] | None:
    """Cut a network behind the dense layers that take some of its inputs, see `split`.

    Parameters
    ----------
    network : keras.Model
        As above.
    names : collection of str
        Of these inputs.

    Returns
    -------
    products : dict of str to Product
        The layers, each by a name for what it gives.
    rest : keras.Model or None
        Takes what these layers give by those names, and inputs that others take, scaled, by theirs. None
        where nothing comes after the one layer.

    None if something else than a dense layer in float32 takes one of these inputs, or if what is done before
    is not done cell by cell.
    """
    scaled = _scaled(network)
    mixed = [key for key in scaled if key not in names and not set(names).isdisjoint(key.split("+"))]
    trunk = keras.Model(network.input, scaled)
    if mixed or not set(names) <= scaled.keys() or not _is_cell_by_cell(trunk):
        return None
    border: dict[str, Any] = {}
    products: dict[str, Product] = {}
    for node, parts in _users(network, scaled):
        taken = {name for name, _ in parts}
        if taken.isdisjoint(names):
            border |= {name: scaled[name] for name in taken}
            continue
        product = node.output_tensors[0]
        if not _is_product(node.operation):
            return None
        product.name = f"{node.operation.name}-of-{'-'.join(name for name, _ in parts)}"
        products[product.name] = Product(node.operation, parts)
        border[product.name] = product
    # Keras makes no network of nothing at all
    nothing = any(border[name] is network.output for name in products)
    return products, None if nothing else keras.Model(border, network.output)


def _scaled(network: Any) -> dict[str, Any]:
    """What the layers of a network see, by the names of the inputs that it is made of."""
    plain = {id(tensor): frozenset([name]) for name, tensor in network.input.items()}
    seen: dict[int, Any] = {}
    # from the inputs on: what is not a layer and follows from plain tensors is plain too
    for node in _nodes(network):
        taken = [id(tensor) for tensor in node.input_tensors]
        if not isinstance(node.operation, keras.Layer) and plain.keys() >= set(taken):
            made_of = frozenset().union(*(plain[tensor] for tensor in taken))
            plain.update((id(tensor), made_of) for tensor in node.output_tensors)
        else:
            seen |= {id(tensor): tensor for tensor in node.input_tensors if id(tensor) in plain}
    named: dict[str, Any] = {}
    # inputs keep their own names, whatever else is made of them
    for tensor in sorted(seen.values(), key=lambda tensor: all(tensor is not raw for raw in network.inputs)):
        name = "+".join(sorted(plain[id(tensor)]))
        name = name if name not in named else f"{name}+{len(named)}"
        # Keras takes the product with a number for a sparse tensor, and PyTorch has no sparse inputs
        tensor.name, tensor._sparse = name, False
        named[name] = tensor
    return named


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
