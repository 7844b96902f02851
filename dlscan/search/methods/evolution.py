"""Evolution with ageing: each point is a copy of the best of some recent ones, changed in one dimension.

After E. Real, A. Aggarwal, Y. Huang and Q. V. Le, Regularized evolution for image classifier architecture
search, arXiv:1802.01548. Only the last points are parents, so that one that was lucky is not one for ever.
"""

from collections.abc import Sequence

import numpy as np

from dlscan.config.search import Dimension
from dlscan.search.methods import Stream
from dlscan.search.space import TOLD, Ask, Draw, Space, Trial, Values, place_in

# how many of the last points are parents, and what share of them competes to be the next one
_POPULATION, _SHARE = 16, 0.75
# how far a number moves, in units of its range
_SPREAD = 0.2


def draw(space: Space, known: Sequence[Trial], ask: Ask) -> Stream:
    """See `dlscan.search.methods`.

    The first points, as many as the population has, are drawn at random.
    """
    rng = np.random.default_rng(ask.seed)
    population = ask.population or _POPULATION
    parents = [trial for trial in known if trial.state in TOLD][-population:]
    begun = sum(trial.state != "crashed" for trial in known)
    while True:
        if begun < population or not parents:
            values = space.at(rng.random(len(space.dimensions)).tolist())
        else:
            competing = rng.permutation(len(parents))[: max(2, round(_SHARE * len(parents)))]
            best = max((parents[number] for number in competing), key=lambda trial: trial.rank)
            values = _changed(space, best.values, rng)
        begun += yield Draw(values)


def _changed(space: Space, parent: Values, rng: np.random.Generator) -> Values:
    """The values of a parent with one of them changed, and what that makes necessary."""
    free = [key for key in parent if len(space.dimensions[key].values or (0, 1)) > 1] or list(parent)
    changed = free[rng.integers(len(free))]

    def choose(key: str, dimension: Dimension) -> object:
        if key not in parent:
            return dimension.at(rng.random())
        if key == changed:
            return _moved(dimension, parent[key], rng)
        # a parent that was drawn in another space may lie between the steps of this one
        return parent[key] if dimension.steps is None else dimension.at(place_in(dimension, parent[key]))

    return space.assign(choose)


def _moved(dimension: Dimension, value: object, rng: np.random.Generator) -> object:
    """Another choice, or a number near this one; the next one at least where they are listed."""
    place = place_in(dimension, value)
    if dimension.choices:
        count = len(dimension.choices)
        return dimension.choices[(int(place * count) + int(rng.integers(1, max(count, 2)))) % count]
    shift = rng.normal(0.0, _SPREAD)
    # back from the bounds
    folded = abs(place + shift) % 2
    moved = dimension.at(float(min(folded, 2 - folded)))
    if dimension.values is not None and moved == dimension.at(place):
        number = dimension.values.index(moved) + (1 if shift > 0 else -1)
        return dimension.values[number] if 0 <= number < len(dimension.values) else moved
    return moved
