"""The `model.pretrained` key: a network begins with the weights of one that has learned elsewhere."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

from dlscan.config.build import Collected, Min, Problem, UnknownKey, build_fields, join, require_mapping

SUFFIX = ".keras"
# As it is written; in Python it is a keyword.
_FROM = "from"


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """Where a network begins.

    Attributes
    ----------
    source : Path
        The directory of a scan, or a `.keras` file.
    point : int or None
        Of the scan; None is the best by validation.
    freeze : {"none", "body"} or int
        What does not train: nothing, all layers but the head, or the first so many layers with weights.
    """

    source: Path
    point: Annotated[int, Min(1)] | None = None
    freeze: Literal["none", "body"] | Annotated[int, Min(0)] = "none"

    @classmethod
    def parse(cls, value: Any, key: str) -> "Pretrained":
        """Read `{from: scans/other, point: 7, freeze: body}`."""
        mapping, found = require_mapping(value, key), Collected()
        if _FROM not in mapping:
            found.problems.append(Problem(join(key, _FROM), "missing; this key is required"))
        if "source" in mapping:
            found.problems.append(
                UnknownKey(join(key, "source"), "unknown key; valid are from, point and freeze")
            )
        found.settle()
        try:
            read: Pretrained = build_fields(
                cls, {"source" if name == _FROM else name: item for name, item in mapping.items()}, key
            )
        except Problem as problem:
            for each in problem.all:
                each.key = join(key, _FROM) if each.key == join(key, "source") else each.key
            raise
        if read.source.suffix == SUFFIX and read.point is not None:
            raise Problem(join(key, "point"), f"{read.source} is a file of one network; remove point")
        return read

    def plain(self) -> dict[str, Any]:
        """The mapping that `parse` reads back."""
        point = {} if self.point is None else {"point": self.point}
        return {_FROM: str(self.source), **point, "freeze": self.freeze}

    @property
    def place(self) -> str:
        """What it begins with, as text: `/home/me/scans/other:7`."""
        return str(self.source) if self.point is None else f"{self.source}:{self.point}"


def short_text(value: Any) -> str | None:
    """What a table calls a value of this key, `other:7`; None for any other value."""
    if not isinstance(value, dict) or not isinstance(value.get(_FROM), str):
        return None
    point = "" if value.get("point") is None else f":{value['point']}"
    freeze = value.get("freeze", "none")
    return f"{Path(value[_FROM]).name}{point}{'' if freeze == 'none' else f' freeze={freeze}'}"
