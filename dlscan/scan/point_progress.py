"""How far a point is, read from its files as cheaply as can be: a scan has thousands of points."""

import dataclasses
import math
import re
import statistics
from pathlib import Path

from dlscan.record import Record

# The pace of a point is that of its latest epochs: a history can have thousands.
_EPOCHS_READ = 20
_REQUIRED = [
    f'\n "{field.name}": '.encode()
    for field in dataclasses.fields(Record)
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
]
_WANTED = re.compile(
    rb'\n "epochs": (?P<epochs>\d{1,18}),\n.*?\n "stopped": "(?P<stopped>epochs|early)",\n'
    rb' "seconds_per_epoch": (?P<seconds>\d+(?:\.\d+)?(?:e[-+]?\d+)?),\n'
    rb'.*?\n "attempts": (?P<attempts>\d{1,18}),\n'
    rb' "host": "(?P<host>[\x20-\x7e]*)",\n'
    rb'(?:.*?\n "pack": (?P<pack>[1-9]\d{0,17}),\n)?',
    re.DOTALL,
)


@dataclasses.dataclass(frozen=True)
class Done:
    """What `dlscan status` needs of a record."""

    epochs: int
    stopped: str
    seconds_per_epoch: float
    host: str
    attempts: int
    pack: int = 1


def read_done(file: Path) -> Done | None:
    """Read of a record what status shows; None if there is none.

    A record that is as `Record.write` leaves it, from its first character to its last line and with every
    key that it must have, is not parsed: its values are checked by those who use them. Any other is read
    whole, and so one that was cut short, overwritten or emptied is noticed.

    Raises
    ------
    ScanError
        If it is damaged.
    """
    try:
        with open(file, "rb") as handle:  # noqa: PTH123  this much faster than Path.open
            content = handle.read()
    except FileNotFoundError:
        return None
    if content.startswith(b"{\n") and content.endswith(b"\n}\n") and b"\0" not in content:
        found = _WANTED.search(content)
        if (
            found
            and math.isfinite(float(found["seconds"]))
            and b"\\" not in found["host"]
            and all(key in content for key in _REQUIRED)
        ):
            return Done(
                int(found["epochs"]),
                found["stopped"].decode(),
                float(found["seconds"]),
                found["host"].decode(),
                int(found["attempts"]),
                int(found["pack"] or 1),
            )
    record = Record.read(file)
    return Done(
        record.epochs,
        record.stopped,
        record.seconds_per_epoch,
        record.host,
        record.attempts,
        record.pack,
    )


def read_pace(history: Path) -> tuple[int, float | None, float | None, int]:
    """Epochs in a history, the median seconds of its latest, and the events/s and networks of the last.

    (0, None, None, 0) without a usable history; networks are 0 where an older version did not count them.
    """
    try:
        with open(history, "rb") as handle:  # noqa: PTH123  as above
            lines = handle.read().splitlines()
        names = lines[0].split(b",")
        column, rate = names.index(b"seconds"), names.index(b"events_per_second")
        latest = lines[1:][-_EPOCHS_READ:]
        seconds = [float(row.split(b",")[column]) for row in latest]
        last = float(latest[-1].split(b",")[rate]) if latest else None
        counted = b"networks" in names and latest
        networks = int(latest[-1].split(b",")[names.index(b"networks")]) if counted else 0
        if not all(math.isfinite(value) for value in [*seconds, last or 0.0]):
            raise ValueError("no time")
    except (OSError, ValueError, IndexError):
        # not there yet; or damaged, and then training writes it anew
        return 0, None, None, 0
    return len(lines) - 1, statistics.median(seconds) if seconds else None, last, networks
