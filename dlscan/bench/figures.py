"""What was measured."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Figures:
    """The figures of one dataset, one network and one machine; all rates belong to the same minute.

    Attributes
    ----------
    dataset, split : str
        What was read.
    indexed : bool
        Whether the stream reads raw files.
    transport : {"dense", "sparse"}
        How inputs travel to the device.
    sparse_inputs : bool
        Whether any input is stored sparse.
    events, event_bytes : int
        Of an epoch; of the inputs of an event, dense, float32.
    batch_size, workers, cpus, parameters : int
        Events per batch, processes of the stream, CPUs that may be used, trainable weights of all networks.
    networks, points : int
        Networks that train together on each batch, and points of the scan.
    backend, device : str
        What trains, and where.
    on_processor : bool
        Whether training and stream share the processor.
    first_batch : float
        Seconds from opening the stream to its first batch.
    memory_set, memory_copy : float
        Events per second that as many processes as the stream has could write if they did nothing else.
    stream, training, both : float
        Events per second: of the stream alone, of training on batches that are in memory, of training on the
        stream.
    waited : float
        Share of the time in which training on the stream waits for a batch.
    gpu_training, gpu_both : float or None
        Share of the time in which the GPU was busy.
    """

    dataset: str
    split: str
    indexed: bool
    transport: str
    sparse_inputs: bool
    events: int
    event_bytes: int
    batch_size: int
    workers: int
    cpus: int
    parameters: int
    networks: int
    points: int
    backend: str
    device: str
    on_processor: bool
    first_batch: float
    memory_set: float
    memory_copy: float
    stream: float
    training: float
    both: float
    waited: float
    gpu_training: float | None
    gpu_both: float | None

    @property
    def reached(self) -> float:
        """Share of its speed with data in memory that training keeps on the stream."""
        return self.both / self.training

    @property
    def spare(self) -> float:
        """Share of its own speed that the stream does not need for this training."""
        return max(0.0, 1 - self.both / self.stream)

    def plain(self) -> dict[str, Any]:
        """Numbers and text, for JSON; gigabytes per second are of dense float32 events."""
        rates = ("memory_set", "memory_copy", "stream", "training", "both")
        derived = {f"{name}_gigabytes": getattr(self, name) * self.event_bytes / 1e9 for name in rates}
        derived |= {"stream_of_memory_set": self.stream / self.memory_set}
        derived |= {"stream_of_memory_copy": self.stream / self.memory_copy}
        derived |= {
            f"{name}_model_events": getattr(self, name) * self.networks for name in ("training", "both")
        }
        return dataclasses.asdict(self) | derived | {"reached": self.reached, "spare": self.spare}
