"""Bring batches to the device: read where they lie, or sent ahead while the one before trains."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from dlscan.config import network_name
from dlscan.models import accelerator, backend
from dlscan.models.replicas import Replicas
from dlscan.stream import Batch, SparseRows
from dlscan.tasks import Task
from dlscan.train.devices import Arrays, Sent, sender
from dlscan.train.entries import Entries, Padding
from dlscan.train.nodes import Nodes, here


class Fed(NamedTuple):
    """A batch on the device.

    Attributes
    ----------
    inputs : dict of str to (tensor or Entries)
        By the network's names: float32 (B, ...) each, or the entries of a sparse one; masks, bool (B, T).
    truth : dict of str to tensor, (B, ...) each
        What is to be learned, by the name of the head.
    weights : tensor of float32, (B,)
        Of the events in the loss.
    events : int
        Of the whole batch: B, but for a part.
    part : bool
        Whether it is the share of this process alone, of several that train together.
    """

    inputs: dict[str, Any]
    truth: dict[str, Any]
    weights: Any
    events: int
    part: bool = False


class Feed:
    """Turns batches into tensors of the back end, for any number of epochs and streams.

    Parameters
    ----------
    task : Task
        Says what is to be learned of events.
    devices : Replicas
        Those that share each batch, if there are several.

    On a processor a tensor is the array of the batch itself: a tensor that is alive keeps the array alive,
    and the array its slot of the ring. An accelerator gets a copy, sent one batch ahead.
    """

    def __init__(self, task: Task, devices: Replicas = ()) -> None:
        self._task, self._send = task, sender(devices)
        self._ahead = accelerator() is not None
        self._padding = Padding()
        self._nodes = here()
        # several devices of one process see all of a batch anyway
        self._send_whole = sender(devices, whole=True) if self._nodes.count > 1 else self._send

    def _can_part(self, events: int) -> bool:
        """Whether this process gets a share of so many events; JAX shares them by itself."""
        return self._nodes.count > 1 and backend() != "jax" and events % self._nodes.count == 0

    def __call__(self, batches: Iterable[Batch], one_length: bool, whole: bool = False) -> Iterator[Fed]:
        """The batches in order, the entries of sparse inputs in tensors of `one_length` if that is wanted.

        Of processes that train together each gets its share, unless `whole` batches are wanted.
        """
        waiting: tuple[Sent, int, bool] | None = None
        for batch in batches:
            part, events = not whole and self._can_part(len(batch)), len(batch)
            if part:
                batch = _share(batch, self._nodes)
            send = self._send_whole if whole else self._send
            sent: tuple[Sent, int, bool] | None = (send(self._arrays(batch, one_length)), events, part)
            del batch  # or its slot would be lent for as long as the caller takes
            if self._ahead:
                sent, waiting = waiting, sent
            if sent is not None:
                yield _fed(*sent)
            del sent
        if waiting is not None:
            yield _fed(*waiting)

    def _arrays(self, batch: Batch, one_length: bool) -> Arrays:
        arrays: dict[str, Any] = {
            f"inputs/{name}": values for name, values in batch.by_network_name().items()
        }
        for name, entries in batch.sparse.items():
            sent = self._padding.pad(name, entries, len(batch)) if one_length else entries
            arrays |= {f"{part}/{network_name(name)}": array for part, array in vars(sent).items()}
        truth = self._task.truth(batch.labels, batch.extras)
        return {
            **arrays,
            **{f"truth/{name}": values for name, values in truth.items()},
            "weights": batch.weights,
        }


def _share(batch: Batch, nodes: Nodes) -> Batch:
    """The events of a batch that this process takes."""
    events = len(batch) // nodes.count
    own = slice(nodes.number * events, (nodes.number + 1) * events)

    def entries(rows: SparseRows) -> SparseRows:
        first, last = np.searchsorted(rows.rows, (own.start, own.stop))
        # events are counted from the first of the share on
        return SparseRows(rows.rows[first:last] - own.start, rows.index[first:last], rows.value[first:last])

    return Batch(
        {name: values[own] for name, values in batch.inputs.items()},
        *(batch.labels[own], batch.weights[own]),
        {name: values[own] for name, values in batch.extras.items()},
        batch.sources,
        {name: entries(rows) for name, rows in batch.sparse.items()},
        {name: mask[own] for name, mask in batch.masks.items()},
    )


def _fed(sent: Sent, events: int, part: bool) -> Fed:
    tensors = sent()
    inputs, truth = {}, {}
    for key, tensor in tensors.items():
        kind, _, name = key.partition("/")
        if kind == "inputs":
            inputs[name] = tensor
        elif kind == "truth":
            truth[name] = tensor
        elif kind == "rows":
            inputs[name] = Entries(tensor, tensors[f"index/{name}"], tensors[f"value/{name}"])
    return Fed(inputs, truth, tensors["weights"], events, part)
