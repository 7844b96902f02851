"""Bring batches to the device: read where they lie, or sent ahead while the one before trains."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from dlscan.config import network_name
from dlscan.models import accelerator
from dlscan.models.replicas import Replicas
from dlscan.stream import Batch
from dlscan.tasks import Task
from dlscan.train.devices import Arrays, Sent, sender
from dlscan.train.entries import Entries, Padding


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
        B.
    """

    inputs: dict[str, Any]
    truth: dict[str, Any]
    weights: Any
    events: int


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

    def __call__(self, batches: Iterable[Batch], one_length: bool) -> Iterator[Fed]:
        """The batches in order, the entries of sparse inputs in tensors of `one_length` if that is wanted."""
        waiting: tuple[Sent, int] | None = None
        for batch in batches:
            sent: tuple[Sent, int] | None = (self._send(self._arrays(batch, one_length)), len(batch))
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


def _fed(sent: Sent, events: int) -> Fed:
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
    return Fed(inputs, truth, tensors["weights"], events)
