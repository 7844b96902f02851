"""Points of a scrambled Sobol sequence, which fill the space more evenly than those at random."""

from collections.abc import Sequence

from dlscan.search.methods import Stream
from dlscan.search.space import Ask, Draw, Space, Trial

_INDEX = "sobol"


def draw(space: Space, known: Sequence[Trial], ask: Ask) -> Stream:
    """See `dlscan.search.methods`. The sequence is that of the whole search, and goes on where it was."""
    from scipy.stats.qmc import Sobol

    first = max((int(trial.notes[_INDEX]) + 1 for trial in known if _INDEX in trial.notes), default=0)
    sequence = Sobol(len(space.dimensions), scramble=True, seed=ask.scan_seed)
    if first:
        sequence.fast_forward(first)
    index = first
    while True:
        yield Draw(space.at(sequence.random(1)[0].tolist()), {_INDEX: index})
        index += 1
