"""What a network computes before its first layer: the scaling of its inputs, the same for all of a pack."""

from typing import Any

from dlscan.models.backend import keras


def split(network: Any) -> tuple[Any, Any]:
    """Cut a network where its layers begin.

    Parameters
    ----------
    network : keras.Model
        Built from operations without weights, and then layers.

    Returns
    -------
    trunk : keras.Model
        Takes what the network takes; gives what its layers see.
    head : keras.Model
        Takes that, as a list; gives what the network gives. It has the network's own layers and weights.
    """
    plain = {id(tensor) for tensor in network.inputs}
    seen: dict[int, Any] = {}
    # from the inputs on: what is not a layer and follows from plain tensors is plain too
    for depth in sorted(network._nodes_by_depth, reverse=True):
        for node in network._nodes_by_depth[depth]:
            if node.is_input:
                continue
            if not isinstance(node.operation, keras.Layer) and {id(t) for t in node.input_tensors} <= plain:
                plain.update(id(tensor) for tensor in node.output_tensors)
            else:
                seen |= {id(t): t for t in node.input_tensors if id(t) in plain}
    border = list(seen.values())
    for tensor in border:
        # Keras takes the product with a number for a sparse tensor, and PyTorch has no sparse inputs
        tensor._sparse = False
    return keras.Model(network.input, border), keras.Model(border, network.output)
