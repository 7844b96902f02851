"""The filters that HDF5 datasets are stored with: their names, and plug-ins where HDF5 lacks one."""

import functools
import importlib

import h5py

from dlscan.raw.faults import RawError

# Those of the package hdf5plugin, by their registered numbers
_PLUGINS = {
    307: "bzip2",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32017: "sz",
    32018: "fcidecomp",
    32024: "sz3",
    32026: "blosc2",
    32028: "sperr",
    32033: "htj2k",
}


def filters_of(dataset: h5py.Dataset) -> list[tuple[int, str]]:
    """Number and name of each filter of a dataset, in the order in which they were applied."""
    created = dataset.id.get_create_plist()
    found = [created.get_filter(number) for number in range(created.get_nfilters())]
    return [(code, _name(code, text)) for code, _, _, text in found]


def require_filters(dataset: h5py.Dataset, name: str) -> None:
    """Check that HDF5 can undo every filter of a dataset; plug-ins are loaded where one is missing.

    Raises
    ------
    RawError
        If it cannot, with the filter's name and what to do.
    """
    for code, called in filters_of(dataset):
        if h5py.h5z.filter_avail(code) or (_load_plugins() and h5py.h5z.filter_avail(code)):
            continue
        what = f"{name} is stored with {called} (HDF5 filter {code}), which HDF5 cannot decode here"
        if code in _PLUGINS:
            raise RawError(f"{what}; run `pip install hdf5plugin`")
        raise RawError(
            f"{what}; set HDF5_PLUGIN_PATH to the directory of its plug-in, or rewrite the file with gzip"
        )


@functools.cache
def _load_plugins() -> bool:
    """Register the filters of hdf5plugin with HDF5, once in this process, if it is installed."""
    try:
        importlib.import_module("hdf5plugin")
    except (ImportError, OSError):
        return False
    return True


def _name(code: int, text: bytes) -> str:
    if code == h5py.h5z.FILTER_DEFLATE:
        return "gzip"
    words = text.decode(errors="replace").split()
    return _PLUGINS.get(code) or (words[0] if words else f"filter {code}")
