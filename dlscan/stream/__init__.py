"""Batches of events from a prepared dataset, filled by worker processes into shared memory."""

from dlscan.errors import StreamError
from dlscan.stream.batches import Batch, Batches

__all__ = ["Batch", "Batches", "StreamError"]
