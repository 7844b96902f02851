"""Durations and sizes as people and batch systems write them."""

import re
from typing import Any

from dlscan.config.build import Problem

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


class Duration(float):
    """Seconds; reads `90`, `30s`, `45m`, `2h`, `1d12h`, `4:00:00`."""

    @classmethod
    def parse(cls, value: Any, key: str) -> "Duration":
        """Read a duration; it must be longer than nothing."""
        seconds = None
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = float(value)
        elif isinstance(value, str):
            text = value.strip().lower()
            if re.fullmatch(r"(\d+(\.\d+)?\s*(s|min|m|h|d)\s*)+", text):
                parts = re.findall(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)", text)
                seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
            elif re.fullmatch(r"\d+(:\d{1,2}){1,2}", text):
                seconds = 0.0
                for part in text.split(":"):
                    seconds = seconds * 60 + int(part)
        if seconds is None or not 0 < seconds < float("inf"):
            raise Problem(key, f"must be a duration such as 30s, 45m, 2h or 4:00:00, got {value!r}")
        return cls(seconds)

    def plain(self) -> float:
        """Seconds, as a number."""
        return float(self)


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
