"""What offsets say: where the entries of each event lie among those of all events."""

from collections.abc import Sequence

from dlscan.raw.faults import RawError
from dlscan.raw.fields import fields_of
from dlscan.raw.handle import RawHandle

# Names of fields that say where the entries of an event begin, how many there are, where they end
_FIRST = ("first", "index", "start", "begin", "offset")
_COUNT = ("count", "n_items", "n", "length", "size")
_STOP = ("stop", "end")
# What LEGEND's files call a dataset that says where the entries of each event end
ENDS = "cumulative_length"


def pair_of(fields: Sequence[str]) -> tuple[str, str, str] | None:
    """The fields of a record that say the first entry and another, and what; see `edges` of `Recipe`."""
    by_name = {field.lower(): field for field in fields}
    first = next((by_name[word] for word in _FIRST if word in by_name), None)
    for words, what in ((_COUNT, "counts"), (_STOP, "stops")):
        other = next((by_name[word] for word in words if word in by_name), None)
        if first is not None and other is not None:
            return first, other, what
    return None


def offsets_of(name: str, handle: RawHandle) -> tuple[tuple[str, ...], str]:
    """The names to read, and what they say: see `Recipe`."""
    found = handle.find(name)
    if fields := fields_of(found.dtype):
        pair = pair_of(fields)
        if pair is None:
            raise RawError(
                f"has offsets: {name}, whose fields {', '.join(fields)} do not say the first entry "
                f"and how many: {_FIRST[0]} and {_COUNT[0]}, {_FIRST[1]} and {_COUNT[1]}, or {_FIRST[2]} and "
                f"{_STOP[0]}"
            )
        first, other, what = pair
        return (f"{name}.{first}", f"{name}.{other}"), what
    if found.dtype.kind not in "iu" or found.shape[1:] not in ((), (2,)):
        raise RawError(
            f"has offsets: {name}, which holds {found.dtype} of shape {found.shape}, not whole numbers"
        )
    return (name,), "counts" if found.shape[1:] else "edges"
