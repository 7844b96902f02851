"""Closure tests: events from a law whose answer is known, through the whole chain, many times.

The commands' rooms for data, training and tables are used as they are; nothing here is part of an analysis.
"""

from dlscan.closure.laws import LAWS, Law, find_law
from dlscan.closure.run import Closure, close

__all__ = ["LAWS", "Closure", "Law", "close", "find_law"]
