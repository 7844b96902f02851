"""Several devices on JAX: what each has of an array. XLA then computes on all of them what one would."""

from collections.abc import Mapping
from typing import Any, Protocol

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from dlscan.models.model_parallel import ModelParallel
from dlscan.models.replicas import Replicas, can_share
from dlscan.train.objectives import Given

# Values of variables, and the variables, by the number of these in their point.
Values = dict[int, Any]
Variables = Mapping[int, Any]


class Sharding(Protocol):
    """Where several devices have batches and the values of variables."""

    def send(self, array: Any) -> Any:
        """An array of a batch on the devices."""

    def shared(self, batches: Mapping[str, Given]) -> dict[str, Given]:
        """Batches in a compiled step, where entries have become whole events."""

    def placed(self, values: Any) -> Any:
        """Values of variables, as Keras has them, where steps take them from."""

    def kept(self, values: Values, variables: Variables) -> Values:
        """Values of variables in a compiled step, which leaves them where the next one takes them from."""

    def told(self, values: Any) -> Any:
        """What a compiled step tells: every process is to have all of it, if there are several."""

    def here(self, values: Any) -> Any:
        """What this process has of values that were `told`."""

    def settled(self, value: Any) -> Any:
        """The value of a variable between steps, as Keras is to have it."""


def sharding_of(devices: Replicas) -> Sharding | None:
    """Where these devices have arrays; None for one."""
    if not devices:
        return None
    return _Divided(devices) if isinstance(devices, ModelParallel) else _Shares(devices)


class _Shares:
    """Data parallel: shares of batches, and copies of all else."""

    def __init__(self, devices: Replicas) -> None:
        self._devices = devices
        mesh = Mesh(devices, ("devices",))
        self._whole, self._shares = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in ((), ("devices",)))

    def send(self, array: Any) -> Any:
        # a share on each where these can be equal
        return _put(array, self._shares if can_share(len(array), self._devices) else self._whole)

    def shared(self, batches: Mapping[str, Given]) -> dict[str, Given]:
        def share(tensor: Any) -> Any:
            if not can_share(tensor.shape[0], self._devices):
                return tensor
            return jax.lax.with_sharding_constraint(tensor, self._shares)

        found: dict[str, Given] = jax.tree.map(share, dict(batches))
        return found

    def placed(self, values: Any) -> Any:
        return _put(values, self._whole)

    def told(self, values: Any) -> Any:
        return (
            values
            if self._whole.is_fully_addressable
            else jax.lax.with_sharding_constraint(values, self._whole)
        )

    def here(self, values: Any) -> Any:
        return values if self._whole.is_fully_addressable else jax.tree.map(self.settled, values)

    def kept(self, values: Values, variables: Variables) -> Values:
        return values

    def settled(self, value: Any) -> Any:
        return value.addressable_data(0)


def _put(values: Any, sharding: NamedSharding) -> Any:
    """Arrays on the devices of a sharding; of several processes each puts what is its own there."""
    if sharding.is_fully_addressable:
        return jax.device_put(values, sharding)

    def put(value: Any) -> Any:
        own = np.asarray(value)
        return jax.make_array_from_callback(own.shape, sharding, lambda index: own[index])

    # `device_put` would compare what all processes have
    return jax.tree.map(put, values)


class _Divided:
    """Model parallel: whole batches, and variables divided as `models.model_parallel` says."""

    def __init__(self, devices: Replicas) -> None:
        self._whole = NamedSharding(Mesh(devices, ("devices",)), PartitionSpec())

    def send(self, array: Any) -> Any:
        return jax.device_put(array, self._whole)

    def shared(self, batches: Mapping[str, Given]) -> dict[str, Given]:
        return dict(batches)

    def placed(self, values: Any) -> Any:
        return values

    def kept(self, values: Values, variables: Variables) -> Values:
        # or XLA chooses, and a network might be whole everywhere after the first step
        return {
            key: jax.lax.with_sharding_constraint(value, variables[key]._layout.backend_layout)
            for key, value in values.items()
        }

    def told(self, values: Any) -> Any:
        return values

    def here(self, values: Any) -> Any:
        return values

    def settled(self, value: Any) -> Any:
        return value
