"""Particle-type directories: find the files, check that they fit together, read their events."""

from dlscan.raw.check import Layout, check_files
from dlscan.raw.find import RawFile, find_files
from dlscan.raw.read import block_rows, read_rows

__all__ = ["Layout", "RawFile", "block_rows", "check_files", "find_files", "read_rows"]
