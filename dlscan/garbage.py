"""Python's search for cyclic garbage: it goes through every object, and Keras' import alone makes a million.

Where many are made that all stay, it takes a third of the time and finds nothing.
"""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def no_search() -> Iterator[None]:
    """Do not search inside of this."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def keep_all() -> None:
    """Never search what there is now: for a process that needs it to its end, or is at its end."""
    gc.freeze()
