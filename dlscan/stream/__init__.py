"""Batches of events from a prepared dataset, filled by worker processes into shared memory."""

from dlscan.stream.batches import Batch, Batches

__all__ = ["Batch", "Batches"]
