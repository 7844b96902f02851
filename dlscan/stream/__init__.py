"""Batches of events from a prepared dataset, filled by worker processes into shared memory."""

from dlscan.errors import StreamError
from dlscan.stream.batch import Batch, SparseRows
from dlscan.stream.batches import Batches

__all__ = ["Batch", "Batches", "SparseRows", "StreamError"]
