"""Times as files have them (ISO 8601, UTC), and spans as people and batch systems read them."""

import datetime


def now() -> str:
    """The time now: `2026-01-31T12:00:00+00:00`."""
    return _written(datetime.datetime.now(datetime.UTC))


def stamp(seconds: float) -> str:
    """The time that is so many seconds after 1970, as `now` writes it."""
    return _written(datetime.datetime.fromtimestamp(seconds, datetime.UTC))


def read(text: str) -> datetime.datetime:
    """The time that `now` or `stamp` wrote.

    Raises
    ------
    ValueError
        If it is none, or without a time zone.
    """
    time = datetime.datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} is a time without a time zone")
    return time


def age(text: str) -> float:
    """Seconds since a time; below zero if the clock that told it is ahead."""
    return (datetime.datetime.now(datetime.UTC) - read(text)).total_seconds()


def clock(seconds: float) -> str:
    """Hours, minutes and seconds: `36:05:00`."""
    hours, minutes, rest = hours_minutes_seconds(round(seconds))
    return f"{hours}:{minutes:02d}:{rest:02d}"


def hours_minutes_seconds(seconds: int) -> tuple[int, int, int]:
    """A span in these, with less than 60 of the smaller ones."""
    minutes, rest = divmod(seconds, 60)
    return (*divmod(minutes, 60), rest)


def duration(seconds: float) -> str:
    """A span as people say it: `40 s`, `12 min`, `3.5 h`, `2.1 days`."""
    for unit, size in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= (2 if unit == "days" else 1.5) * size:
            value = seconds / size
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{seconds:.0f} s"


def _written(time: datetime.datetime) -> str:
    return time.isoformat(timespec="seconds")
