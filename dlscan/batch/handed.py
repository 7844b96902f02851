"""What a job is handed of the environment it is submitted from, where the system hands on nothing."""

import os

from dlscan.batch.script import Lines, quoted

_HANDED = ("KERAS_BACKEND", "DLSCAN_GRACE", "DLSCAN_HEARTBEAT")


def exports() -> Lines:
    """Lines of a job script that set what decides how a job trains."""
    return Lines(
        "\n".join(f"export {name}={quoted(os.environ[name])}" for name in _HANDED if name in os.environ)
    )
