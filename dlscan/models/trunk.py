"""Where a network can be cut: behind the scaling of its inputs, and behind its first products of matrices."""

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


def first_layers(network: Any, names: Collection[str]) -> tuple[dict[str, tuple[str, Any]], Any] | None:
    """Cut a network behind the dense layers that take some of its inputs, see `split`.

    Parameters
    ----------
    network : keras.Model
        As above.
    names : collection of str
        Of these inputs.

    Returns
    -------
    layers : dict of str to (str, keras.layers.Dense)
        The input that each layer takes, and the layer, by a name for what the layer gives.
    rest : keras.Model
        Takes what these layers give by those names, and the other inputs, scaled, by theirs.

    None if something else than a dense layer in float32 takes one of these inputs, if nothing comes after it,
    or if what is done before is not done cell by cell.
    """
    scaled = _scaled(network)
    mixed = [key for key in scaled if key not in names and not set(names).isdisjoint(key.split("+"))]
    trunk = keras.Model(network.input, scaled)
    if mixed or not set(names) <= scaled.keys() or not _is_cell_by_cell(trunk):
        return None
    border = {name: tensor for name, tensor in scaled.items() if name not in names}
    layers: dict[str, tuple[str, Any]] = {}
    for name in names:
        for node in _users(network, scaled[name]):
            product = node.output_tensors[0]
            # Keras makes no network of nothing at all
            if not _is_product(node.operation) or any(product is output for output in network.outputs):
                return None
            product.name = f"{node.operation.name}-of-{name}"
            layers[product.name] = name, node.operation
            border[product.name] = product
    return layers, keras.Model(border, network.output)


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


def _users(network: Any, tensor: Any) -> list[Any]:
    """The nodes that take a tensor, flattened or not."""
    users = []
    for node in _nodes(network):
        if all(taken is not tensor for taken in node.input_tensors):
            continue
        flat = type(node.operation) is keras.layers.Flatten
        users += _users(network, node.output_tensors[0]) if flat else [node]
    return users


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
