"""A seed for each layer, from the seed of the whole."""

import hashlib


def layer_seed(seed: int, name: str) -> int:
    """The seed of the layer `name`.

    It depends on the two arguments alone, so that a network starts from the same weights whatever was built
    before, and a dropout layer more or less leaves the weights of the rest as they were.
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
