"""Durations and sizes as people and batch systems write them."""

import re
from typing import Any

from dlscan.config.build import Problem

_SECONDS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
_SECONDS |= {"d": 86400, "day": 86400}
_WITH_UNITS = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|second|m|min|minute|h|hour|d|day)s?(?![a-z])\s*")
# as Slurm has it: minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes[:seconds]
_CLOCK = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d{1,2}))?(?::(\d{1,2}))?")
# No job and no stream gets along with less.
_FEWEST = 2**20
_BYTES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


class Duration(float):
    """Seconds; reads `30s`, `90 min`, `2h`, `1d12h`, and what Slurm does: `4:00:00`, `1-12`, `1-12:00:00`.

    A number is seconds, as in the files that dlscan writes; in those of people it is refused, see
    `require_unit`.
    """

    @classmethod
    def parse(cls, value: Any, key: str) -> "Duration":
        """Read a duration; it must be longer than nothing."""
        seconds = None
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = float(value)
        elif isinstance(value, str):
            require_unit(value, key)
            seconds = _seconds(value.strip().lower())
        if seconds is None or not 0 < seconds < float("inf"):
            forms = "30s, 45min, 2h, 1d12h, 4:00:00 or 1-12:00:00"
            raise Problem(key, f"must be a duration such as {forms}, got {value!r}")
        return cls(seconds)

    def plain(self) -> float:
        """Seconds, as a number."""
        return float(self)


def require_unit(value: Any, key: str) -> None:
    """Refuse a bare number, which is seconds to some and, as Slurm has it, minutes to others.

    Raises
    ------
    Problem
        With both readings.
    """
    text = str(value).strip()
    if not isinstance(value, bool) and re.fullmatch(r"\d+(\.\d+)?", text):
        both = "could mean seconds or, as in Slurm, minutes"
        raise Problem(key, f"{text} {both}; write {text}s or {text}min")


def require_unit_of_size(value: Any, key: str) -> None:
    """Refuse a bare number that is too small for bytes: batch systems read it as megabytes, as a rule.

    Raises
    ------
    Problem
        With what it would be, and what was perhaps meant.
    """
    text = str(value).strip()
    if not isinstance(value, bool) and re.fullmatch(r"\d+(\.\d+)?", text) and 1 <= float(text) < _FEWEST:
        raise Problem(key, f"{text} without a unit is bytes, which is too few; write {text}G or {text}M")


def _seconds(text: str) -> float | None:
    if re.fullmatch(f"(?:{_WITH_UNITS.pattern})+", text):
        return sum(float(number) * _SECONDS[unit] for number, unit in _WITH_UNITS.findall(text))
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        return None
    days, *rest = clock.groups()
    parts = [int(part) for part in rest if part is not None]
    if days is None and len(parts) < 3:
        parts = [0, *parts]  # minutes:seconds
    hours, minutes, seconds = [*parts, 0, 0][:3]
    return int(days or 0) * 86400 + hours * 3600 + minutes * 60 + seconds


class Size(int):
    """Bytes; reads `1000`, `512M`, `32G`, `1.5T` (powers of 1024)."""

    @classmethod
    def parse(cls, value: Any, key: str) -> "Size":
        """Read a size; it must be more than nothing."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:I?B)?", str(value).strip().upper())
        size = float(match[1]) * _BYTES[match[2]] if match and not isinstance(value, bool) else 0
        if size < 1:
            raise Problem(key, f"must be a size such as 512M or 32G, got {value!r}")
        return cls(size)

    def plain(self) -> int:
        """Bytes, as a number."""
        return int(self)
