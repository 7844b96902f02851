"""Make events with trained generators."""

from dlscan.generation.generate import Generated, generate

__all__ = ["Generated", "generate"]
