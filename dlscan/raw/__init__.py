"""Particle-type directories: find the files, check that they fit together, read their events."""

from dlscan.raw.cells import Cells, Straight
from dlscan.raw.check import FileLayout, check_files, linked_files
from dlscan.raw.direct import DirectFile, RawFileError
from dlscan.raw.faults import RawError
from dlscan.raw.find import RawFile, find_files
from dlscan.raw.index import DatasetIndex, index_file
from dlscan.raw.links import LinkedFile
from dlscan.raw.put_together import Entries, Vectors, read_input
from dlscan.raw.read import block_rows, read_events, read_rows
from dlscan.raw.recipe import Recipe

__all__ = [
    "Cells",
    "DatasetIndex",
    "DirectFile",
    "Entries",
    "FileLayout",
    "LinkedFile",
    "RawError",
    "RawFile",
    "RawFileError",
    "Recipe",
    "Straight",
    "Vectors",
    "block_rows",
    "check_files",
    "find_files",
    "index_file",
    "linked_files",
    "read_events",
    "read_input",
    "read_rows",
]
