"""The `data.files` key: which files below the raw directory are read."""

from pathlib import PurePath
from typing import Any

from dlscan.config.build import Problem


class FileNames(tuple[str, ...]):
    """File names and patterns, such as `**/*.h5`, below the directory of a class or below `raw`."""

    @classmethod
    def parse(cls, value: Any, key: str) -> "FileNames":
        """Read a name or a list of names."""
        listed = value if isinstance(value, list | tuple) else [value]
        if not listed:
            raise Problem(key, "must name at least one file, such as **/*.h5")
        for number, name in enumerate(listed):
            own = f"{key}[{number}]" if isinstance(value, list | tuple) else key
            if not isinstance(name, str) or not name.strip():
                raise Problem(own, f"must be a file or a pattern such as **/*.h5, got {name!r}")
            if any(sign in name for sign in "*?[") and PurePath(name).is_absolute():
                raise Problem(
                    own, f"must be a pattern that begins in data.raw, such as **/*.h5, got {name!r}"
                )
            if listed.count(name) > 1:
                raise Problem(own, f"{name!r} is listed twice")
        return cls(listed)

    def plain(self) -> list[str]:
        """What `parse` reads."""
        return list(self)
