"""Tests that take long: `DLSCAN_SLOW=1 make test` runs them too."""

import os

import pytest


def takes(how_long: str) -> pytest.MarkDecorator:
    """Skip a test unless the slow ones are wanted."""
    return pytest.mark.skipif("DLSCAN_SLOW" not in os.environ, reason=f"{how_long}; DLSCAN_SLOW=1 make test")


slow = takes("half a minute")
