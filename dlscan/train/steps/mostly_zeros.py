"""Events that are mostly zeros, in the first layers of networks: products of sparse matrices.

A calorimeter image of ten thousand cells has light in a few percent of them, and dense layers spend nearly
all of their time on multiplying the others by zero. Keras' own product with a sparse tensor takes longer than
that on a processor; TensorFlow's with a matrix of compressed rows is several times as fast.
"""

import math
from collections.abc import Collection, Mapping, Sequence, Set
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from dlscan.models import Network, trunks
from dlscan.models.network import taken_by
from dlscan.models.trunk import Product, first_layers
from dlscan.train.entries import Entries

# Columns that are multiplied at once: as much of a layer as a cache of some megabytes holds.
_COLUMNS = 128


class Matrix(NamedTuple):
    """Events as rows of a matrix that is sparse but for a number in every cell.

    Attributes
    ----------
    events, cells : tensor
        What is more than the number: a sparse matrix of events by cells, and the same of cells by events.
        They have one event more than the batch, which takes the padding.
    everywhere : float
        The number.
    """

    events: Any
    cells: Any
    everywhere: float

    def __matmul__(self, kernel: Any) -> Any:
        def product(kernel: Any) -> Any:
            made = _product(self.events, kernel)[:-1]
            return made, lambda slope: _product(self.cells, tf.pad(slope, [[0, 1], [0, 0]]))

        made = tf.custom_gradient(product)(kernel)
        return made + self.everywhere * tf.reduce_sum(kernel, axis=0) if self.everywhere else made


class MostlyZeros:
    """What networks do with inputs of which a batch brings the entries alone.

    Parameters
    ----------
    networks : sequence of Network
        Scaled inputs with one name in several of them are the same.
    names : set of str
        Of these inputs; a network may take none of them.

    Attributes
    ----------
    calls : list of (callable or None)
        One for each network, in its place: takes what `matrices` gives. None for a network that needs the
        zeros.
    """

    def __init__(self, networks: Sequence[Network], names: Set[str]) -> None:
        cut = [first_layers(network, names) for network in networks]
        # what others take of these inputs needs the zeros
        able = [network for network, found in zip(networks, cut, strict=True) if found]
        self._trunks = trunks(able)
        self._shapes = {name: shape for trunk in self._trunks for name, shape in _shapes(trunk).items()}
        self._zeros: dict[str, float] = {}
        for trunk in self._trunks:
            self._zeros |= _scaled_zeros(trunk, names & trunk.output.keys())
        self.calls = [
            _Call(network, *found) if found and self._zeros.keys() >= names & network.scaled.keys() else None
            for network, found in zip(networks, cut, strict=True)
        ]

    def matrices(self, inputs: Mapping[str, Any], events: Any) -> dict[str, Any]:
        """The inputs scaled, those that came as entries as `Matrix`.

        Parameters
        ----------
        inputs : mapping of str to (tensor or Entries)
            As fed.
        events : tensor
            Of the batch.
        """
        entries = {name: inputs[name] for name in self._zeros if isinstance(inputs[name], Entries)}
        cells = {name: tf.reshape(e.value, (-1, *_one(self._shapes[name]))) for name, e in entries.items()}
        given, scaled = {**inputs, **cells}, dict[str, Any]()
        for trunk in self._trunks:
            scaled |= trunk.call(taken_by(trunk, given))
        for name, e in entries.items():
            place = tf.cast(tf.stack([e.rows, e.index], axis=1), tf.int64)
            size = tf.cast(tf.stack([events + 1, math.prod(self._shapes[name])]), tf.int64)
            matrix = tf.raw_ops.SparseTensorToCSRSparseMatrix(
                indices=place, values=tf.reshape(scaled[name], (-1,)) - self._zeros[name], dense_shape=size
            )
            across = tf.raw_ops.SparseMatrixTranspose(input=matrix, type=tf.float32)
            scaled[name] = Matrix(matrix, across, self._zeros[name])
        return scaled


class _Call:
    def __init__(self, network: Network, products: Mapping[str, Product], rest: Any) -> None:
        self._network, self._products, self._rest = network, products, rest

    @property
    def losses(self) -> Any:
        """Those that layers add."""
        return self._network.model.losses

    def __call__(self, scaled: Mapping[str, Any], training: bool) -> Any:
        taken = {name: values for name, values in scaled.items() if not isinstance(values, Matrix)}
        for key, product in self._products.items():
            taken[key] = _applied(product, scaled)
        if self._rest is None:
            (name,), (made,) = self._network.raw, (taken[key] for key in self._products)
            return {name: made}
        return self._rest({name: taken[name] for name in self._rest.input}, training=training)


def _applied(product: Product, scaled: Mapping[str, Any]) -> Any:
    """What a dense layer makes of inputs, some of them a `Matrix`."""
    kernels = tf.split(tf.convert_to_tensor(product.layer.kernel), [cells for _, cells in product.parts])
    made = [
        values @ kernel if isinstance(values, Matrix) else tf.reshape(values, (-1, kernel.shape[0])) @ kernel
        for values, kernel in zip((scaled[name] for name, _ in product.parts), kernels, strict=True)
    ]
    total = tf.add_n(made)
    return total + product.layer.bias if product.layer.use_bias else total


def _scaled_zeros(trunk: Any, names: Collection[str]) -> dict[str, float]:
    """What the scaling makes of a zero in each input; nothing if that depends on the cell."""
    zeros = {
        name: np.zeros((1, *(_one(shape) if name in names else shape)), np.float32)
        for name, shape in _shapes(trunk).items()
    }
    # while a graph is made
    with tf.init_scope():
        made = trunk.call({name: tf.constant(array) for name, array in zeros.items()})
        if any(made[name].shape != zeros[name].shape for name in names):
            return {}
        return {name: made[name].numpy().item() for name in names}


def _shapes(trunk: Any) -> dict[str, tuple[int, ...]]:
    """Of an event, for each input."""
    return {tensor.name: tuple(tensor.shape[1:]) for tensor in trunk.inputs}


def _one(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of an event of one cell."""
    return (1,) * len(shape)


def _product(matrix: Any, kernel: Any) -> Any:
    """A sparse matrix times a dense one, (N, columns)."""
    columns = kernel.shape[1]
    widths = [min(_COLUMNS, columns - first) for first in range(0, columns, _COLUMNS)]
    parts = [tf.raw_ops.SparseMatrixMatMul(a=matrix, b=part) for part in tf.split(kernel, widths, axis=1)]
    return tf.concat(parts, axis=1)
