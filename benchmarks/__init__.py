"""How fast events come from HDF5 to Python: dlscan, its peers and the machine's limits, in one run."""
