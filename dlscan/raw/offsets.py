"""What offsets say: where the entries of each event lie among those of all events."""

from dlscan.raw.faults import RawError
from dlscan.raw.fields import fields_of
from dlscan.raw.handle import RawHandle

# Names of fields that say where the entries of an event begin, how many there are
_FIRST = ("first", "index", "start", "begin", "offset")
_COUNT = ("count", "n_items", "n", "length", "size")


def offsets_of(name: str, handle: RawHandle) -> tuple[tuple[str, ...], str]:
    """The names to read, and what they say: see `Recipe`."""
    found = handle.find(name)
    fields = {field.lower(): field for field in fields_of(found.dtype)}
    if fields:
        first = next((fields[word] for word in _FIRST if word in fields), None)
        count = next((fields[word] for word in _COUNT if word in fields), None)
        if first is None or count is None:
            raise RawError(
                f"has offsets: {name}, whose fields {', '.join(fields.values())} do not say the first entry "
                f"and how many: {_FIRST[0]} and {_COUNT[0]}, or {_FIRST[1]} and {_COUNT[1]}"
            )
        return (f"{name}.{first}", f"{name}.{count}"), "counts"
    if found.dtype.kind not in "iu" or found.shape[1:] not in ((), (2,)):
        raise RawError(
            f"has offsets: {name}, which holds {found.dtype} of shape {found.shape}, not whole numbers"
        )
    return (name,), "counts" if found.shape[1:] else "edges"
