import pytest

from dlscan.dataset import ArraySpec, Manifest, Statistics


def statistics(mean=(2.0,), std=(0.5,), minimum=(0.0,), maximum=(8.0,), magnitude=4.0):
    return Statistics(mean, std, minimum, maximum, magnitude, occupancy=0.5)


@pytest.fixture
def make_manifest():
    """A manifest with these inputs: name, shape and, if need be, statistics; those of `masked` have masks."""

    def make(classes=("Ele", "Pi0", "ChPi"), measured=None, masked=(), **shapes):
        inputs = {name: ArraySpec(shape, "<f4", "dense", name in masked) for name, shape in shapes.items()}
        known = {name: statistics() for name in shapes} | (measured or {})
        return Manifest(tuple(classes), inputs, {}, known, {}, (), {}, "hash")

    return make


@pytest.fixture
def manifest(make_manifest):
    return make_manifest(ECAL=(4, 4, 2), HCAL=(3, 3, 5))
