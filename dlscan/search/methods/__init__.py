"""The methods of a search, one per file.

A method is a function from a space, what is known and what is asked to a stream of points: a generator, which
is sent whether a point was taken, because those that are known already are not. Instead of a point it may
give "wait", if it needs the results of points that run, or "stop". To add one, write `draw` in a file here,
and enter it in `METHODS` and in `dlscan.config.search.Method`.
"""

import importlib
from collections.abc import Callable, Generator, Sequence
from typing import Literal

from dlscan.search.space import Ask, Draw, Space, Trial

Stream = Generator[Draw | Literal["wait", "stop"], bool, None]


def _lazy(module: str) -> Callable[[Space, Sequence[Trial], Ask], Stream]:
    """The `draw` of a module here, imported when it is called: what some are made of may not be there."""

    def draw(space: Space, known: Sequence[Trial], ask: Ask) -> Stream:
        stream: Stream = importlib.import_module(f"{__name__}.{module}").draw(space, known, ask)
        return stream

    return draw


METHODS = {name: _lazy(name) for name in ("grid", "random", "sobol", "tpe", "cmaes", "evolution", "zoom")}
