"""The readers, one family a file; `READERS` is their registry."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from benchmarks.cases import Case

# What takes batches: their number of events, arrays by name, labels; False ends the stream.
Consume = Callable[[int, dict[str, Any], Any], bool]


@dataclasses.dataclass(frozen=True)
class Job:
    """What a reader is to read.

    Attributes
    ----------
    case : Case
        Sample and layout.
    root : Path
        Of the generated files.
    workers : int
        Processes or threads that a reader may use beside the one that takes the batches.
    prepared : Path or None
        dlscan's dataset, for the readers that stream one.
    touch : bool
        Every value is summed up by whoever takes the batches.
    memory : int or None
        Limit of dlscan's stream, in bytes; None leaves it to dlscan.
    """

    case: Case
    root: Path
    workers: int
    prepared: Path | None = None
    touch: bool = False
    memory: int | None = None


class Reader(Protocol):
    """Streams the events of a job."""

    def stream(self, consume: Consume, passes: int | None, check: bool) -> None:
        """Hand batches to `consume` until it returns False, or for so many passes over all files.

        With `check` the batches' arrays are handed over even where that costs time.
        """
        ...


@dataclasses.dataclass(frozen=True)
class Kind:
    """One row of the tables.

    Attributes
    ----------
    title : str
        For people.
    module, factory : str
        Where to find the function that makes the reader of a job.
    options : dict
        For the factory.
    delivers : str
        What a batch is made of.
    needs : str or None
        A package that it cannot do without.
    role : {"peer", "dlscan", "limit"}
        Who it is.
    dataset : {"index", "prepared"} or None
        Which dataset of dlscan it streams.
    """

    title: str
    module: str
    factory: str
    options: dict[str, Any]
    delivers: str
    needs: str | None = None
    role: str = "peer"
    dataset: str | None = None

    @property
    def missing(self) -> bool:
        """Whether its package is not installed."""
        return self.needs is not None and importlib.util.find_spec(self.needs) is None

    def make(self, job: Job) -> Any:
        """Import what it takes and make the `Reader`, or the `Limit`, of a job."""
        module = importlib.import_module(f"benchmarks.readers.{self.module}")
        return getattr(module, self.factory)(job, **self.options)


def _peer(title: str, module: str, factory: str, delivers: str, needs: str | None, **options: Any) -> Kind:
    return Kind(title, module, factory, options, delivers, needs)


def _dlscan(title: str, dataset: str, tensors: bool = False) -> Kind:
    delivers, needs = ("TF tensors", "tensorflow") if tensors else ("NumPy arrays", None)
    options = {"tensors": tensors}
    return Kind(title, "dlscan_batches", "BatchesReader", options, delivers, needs, "dlscan", dataset)


def _limit(title: str, factory: str, **options: Any) -> Kind:
    return Kind(title, "limits", factory, options, "nothing", role="limit")


_GENERATOR = ("generator", "GeneratorReader", "NumPy arrays", None)
_KERAS = ("keras_pydataset", "PyDatasetReader", "TF tensors", "tensorflow")
_TF = ("tf_data", "TfDataReader", "TF tensors", "tensorflow")
_TORCH = ("torch_loader", "LoaderReader", "torch tensors", "torch")

READERS: dict[str, Kind] = {
    "h5py": _peer("h5py generator, one process", *_GENERATOR, shuffled=True),
    "h5py-unshuffled": _peer(
        "h5py generator, one process, batches not shuffled", *_GENERATOR, shuffled=False
    ),
    "keras-processes": _peer("Keras PyDataset through fit, 2 processes", *_KERAS, processes=True),
    "keras-threads": _peer("Keras PyDataset through fit, 2 threads", *_KERAS, processes=False),
    "tf-generator": _peer("tf.data from_generator", *_TF, mapped=False),
    "tf-map": _peer("tf.data map, 2 parallel calls", *_TF, mapped=True),
    "torch-slices": _peer("torch DataLoader, 2 workers, slices", *_TORCH, whole=False),
    "torch-files": _peer("torch DataLoader, 2 workers, whole files or pools", *_TORCH, whole=True),
    "dlscan-index": _dlscan("dlscan, raw files indexed", "index"),
    "dlscan-index-tf": _dlscan("dlscan, raw files indexed, as tensors", "index", tensors=True),
    "dlscan-prepared": _dlscan("dlscan, prepared", "prepared"),
    "dlscan-prepared-tf": _dlscan("dlscan, prepared, as tensors", "prepared", tensors=True),
    "limit-inflate": _limit("limit: read and inflate, 2 processes", "InflateLimit"),
    "limit-set": _limit("limit: set memory, 2 processes", "MemoryLimit", copy=False),
    "limit-copy": _limit("limit: copy memory, 2 processes", "MemoryLimit", copy=True),
    "limit-gather": _limit("limit: gather rows in random order, 2 processes", "GatherLimit"),
}
