"""What a job is handed of the environment it is submitted from, where the system hands on nothing by itself."""

import os

from dlscan.batch.script import Lines, quoted

# a job's own
_OWN = ("DLSCAN_JOB", "DLSCAN_CPUS")


def exports() -> Lines:
    """Lines of a job script that set what decides how a job trains: the back end and dlscan's own variables."""
    names = [name for name in sorted(os.environ) if name == "KERAS_BACKEND" or name.startswith("DLSCAN_")]
    return Lines("\n".join(f"export {name}={quoted(os.environ[name])}" for name in names if name not in _OWN))
