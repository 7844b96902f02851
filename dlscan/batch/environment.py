"""What a job gets of the environment it is submitted from, where the batch system passes on nothing."""

import os

from dlscan.batch.script import Lines, quoted

_PASSED_ON = ("KERAS_BACKEND", "DLSCAN_GRACE", "DLSCAN_HEARTBEAT")


def exports() -> Lines:
    """Lines of a job script that set what decides how a job trains."""
    return Lines(
        "\n".join(f"export {name}={quoted(os.environ[name])}" for name in _PASSED_ON if name in os.environ)
    )
