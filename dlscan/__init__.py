"""dlscan: stream class directories of HDF5 events, scan networks over them, compare the networks."""

__version__ = "0.1.0"
