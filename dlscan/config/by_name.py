"""Keys whose values are things by name, in the order of the file."""

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


class ByName(Mapping[str, Item], Generic[Item]):
    """What a mapping of the file is once it is built; a subclass has `parse` and `plain`."""

    def __init__(self, named: Mapping[str, Item]) -> None:
        self._named = dict(named)

    def plain(self) -> Any:
        """What `parse` reads back."""
        raise NotImplementedError

    def __getitem__(self, name: str) -> Item:
        return self._named[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.plain()!r})"
