"""A request: what a worker reads at once, and into which batches it goes."""

from typing import Any, NamedTuple


class ReadRequest(NamedTuple):
    """Events to read.

    They come in an order in which `first` never falls: when one starts at batch n, all batches before n have
    been asked for in full.

    Attributes
    ----------
    first, last : int
        The batches of the epoch, from 0, that the events go to: some or all of these.
    work : object
        Which events and where to, as the reader of the source understands it.
    """

    first: int
    last: int
    work: Any
