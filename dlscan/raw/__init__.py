"""Particle-type directories: find the files, check that they fit together, read their events."""

from dlscan.raw.cells import Cells, Straight
from dlscan.raw.check import FileLayout, check_files, linked_files
from dlscan.raw.direct import DirectFile, RawFileError
from dlscan.raw.faults import RawError
from dlscan.raw.find import RawFile, find_files
from dlscan.raw.index import DatasetIndex, index_file
from dlscan.raw.links import LinkedFile
from dlscan.raw.read import block_rows, read_rows

__all__ = [
    "Cells",
    "DatasetIndex",
    "DirectFile",
    "FileLayout",
    "LinkedFile",
    "RawError",
    "RawFile",
    "RawFileError",
    "Straight",
    "block_rows",
    "check_files",
    "find_files",
    "index_file",
    "linked_files",
    "read_rows",
]
