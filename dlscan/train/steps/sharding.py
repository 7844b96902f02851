"""Several devices on JAX: what each has of an array. XLA then computes on all of them what one would."""

from collections.abc import Mapping
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from dlscan.models.replicas import Replicas, can_share
from dlscan.train.objectives import Given


class Sharding:
    """Shares of batches, and copies of all else.

    Parameters
    ----------
    devices : Replicas
        Two or more.
    """

    def __init__(self, devices: Replicas) -> None:
        self._devices = devices
        mesh = Mesh(devices, ("devices",))
        self._whole, self._shares = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in ((), ("devices",)))

    def send(self, array: Any) -> Any:
        """An array of a batch on the devices: a share on each where these can be equal, else all of it."""
        return jax.device_put(array, self._shares if can_share(len(array), self._devices) else self._whole)

    def copies(self, values: Any) -> Any:
        """Values of variables, of one device or of all, on each of them."""
        return jax.device_put(values, self._whole)

    def shared(self, batches: Mapping[str, Given]) -> dict[str, Given]:
        """Batches in a compiled step, where entries have become whole events: shares of these."""

        def share(tensor: Any) -> Any:
            if not can_share(tensor.shape[0], self._devices):
                return tensor
            return jax.lax.with_sharding_constraint(tensor, self._shares)

        found: dict[str, Given] = jax.tree.map(share, dict(batches))
        return found


def on_first(value: Any) -> Any:
    """What the first device has of a value that is on each."""
    return value.addressable_data(0)
