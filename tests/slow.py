"""Tests that take long: `DLSCAN_SLOW=1 make test` runs them too."""

import os

import pytest

slow = pytest.mark.skipif("DLSCAN_SLOW" not in os.environ, reason="half a minute; DLSCAN_SLOW=1 make test")
