"""Points at random, each independent of all others."""

from collections.abc import Sequence

import numpy as np

from dlscan.search.methods import Stream
from dlscan.search.space import Ask, Draw, Space, Trial


def draw(space: Space, known: Sequence[Trial], ask: Ask) -> Stream:
    """See `dlscan.search.methods`."""
    rng = np.random.default_rng(ask.seed)
    while True:
        yield Draw(space.at(rng.random(len(space.dimensions)).tolist()))
