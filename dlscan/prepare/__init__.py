"""From raw class directories to a dataset made for streaming."""

from dlscan.prepare.build import Outcome, prepare

__all__ = ["Outcome", "prepare"]
