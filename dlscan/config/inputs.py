"""The `data.inputs` key: what the network sees of an event, by name, and where it lies in the raw files."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from dlscan.config.build import Min, Problem, build_fields, join, require_mapping
from dlscan.config.by_name import ByName
from dlscan.spelling import hint

# what a network calls the mask of an input begins with the name of the input
MASK = "_mask"


@dataclasses.dataclass(frozen=True)
class Input:
    """One input of the network.

    The file calls `view` `as`, which Python does not allow.

    Attributes
    ----------
    dataset : str or None
        The HDF5 dataset, where it is not called as the input.
    datasets : tuple of str
        Several that hold one number each, instead of one: together they are a vector.
    fields : tuple of str
        Which fields of a compound dataset, `a.b` in one that is nested; or what the numbers along the last
        axis of a plain one are called.
    valid : str or None
        The field, or else the dataset, that says which entries of an event are no padding.
    offsets : str or None
        The dataset that says where each event lies in one that holds the entries of all events.
    longest : int or None
        Entries of an event that are kept.
    view : {"points"} or None
        Nothing of its own: the network makes it from the input `dataset`.
    fill : float or None
        What takes the place of nan.
    """

    dataset: str | None = None
    datasets: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    valid: str | None = None
    offsets: str | None = None
    longest: Annotated[int, Min(1)] | None = None
    view: Literal["points"] | None = None
    fill: float | None = None

    @classmethod
    def parse(cls, value: Any, key: str) -> "Input":
        """Read `{dataset: jets, fields: [pt, eta]}`; nothing stands for a dataset of the input's name."""
        mapping = dict(require_mapping({} if value is None else value, key))
        if "view" in mapping:
            raise Problem(join(key, "view"), f"unknown key; {hint('view', _written(cls))}")
        if "as" in mapping:
            mapping["view"] = mapping.pop("as")
        try:
            made: Input = build_fields(cls, mapping, key)
        except Problem as problem:
            raise _renamed(problem, key) from None
        made._check(key)
        return made

    def plain(self) -> dict[str, Any]:
        """What `parse` reads, as short as it can be."""
        said = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        }
        return {
            "as" if name == "view" else name: list(value) if isinstance(value, tuple) else value
            for name, value in said.items()
        }

    def sources(self, name: str) -> tuple[str, ...]:
        """The datasets that the values of the input `name` come from."""
        return self.datasets or (self.dataset or name,)

    def _check(self, key: str) -> None:
        """Check that what it says fits together."""
        if self.dataset is not None and self.datasets:
            raise Problem(key, "has both dataset and datasets; keep one of them")
        if self.datasets and self.fields:
            raise Problem(key, "has fields, which are those of one dataset, and datasets; keep one of them")
        for name in ("datasets", "fields"):
            listed = getattr(self, name)
            for item in listed:
                if listed.count(item) > 1:
                    raise Problem(join(key, name), f"lists {item!r} twice")
        for item in (*self.sources("x"), self.valid, self.offsets):
            if item is not None and not is_plain(item):
                raise Problem(key, f"{item!r} must be a plain HDF5 name such as ECAL or jets/pt")
        if self.view is not None:
            self._check_view(key)

    def _check_view(self, key: str) -> None:
        for name in self.plain().keys() - {"dataset", "longest", "as"}:
            message = f"is made from an image, as: {self.view}, and has no {name}; say that of the image"
            raise Problem(key, message)
        needed = {"dataset": "the image it is made from", "longest": "the number of cells that are kept"}
        for name, what in needed.items():
            if getattr(self, name) is None:
                raise Problem(join(key, name), f"missing; as: {self.view} needs {what}")


class Inputs(ByName[Input]):
    """The inputs by name, in the order of the file.

    Parameters
    ----------
    named : mapping of str to Input, or iterable of str
        Names alone stand for the datasets of these names.
    """

    def __init__(self, named: Mapping[str, Input] | Iterable[str]) -> None:
        super().__init__(named if isinstance(named, Mapping) else {str(name): Input() for name in named})

    @classmethod
    def parse(cls, value: Any, key: str) -> "Inputs":
        """Read a list of names, or a mapping of names to what they are."""
        if isinstance(value, Mapping):
            return cls(_built(value, key))
        if not isinstance(value, list | tuple):
            raise Problem(key, f"must be a list ([a, b]) or a mapping of names to datasets, got {value!r}")
        problems = [
            Problem(f"{key}[{number}]", f"must be text, got {name!r}")
            for number, name in enumerate(value)
            if not isinstance(name, str) or not name
        ]
        if problems:
            raise problems[0]
        for name in value:
            if value.count(name) > 1:
                raise Problem(key, f"{name!r} is listed twice in inputs and extras")
        return cls(value)

    def plain(self) -> Any:
        """What `parse` reads: a list where no input says more than its name."""
        said = {name: own.plain() for name, own in self._named.items()}
        return said if any(said.values()) else list(said)

    @property
    def views(self) -> dict[str, Input]:
        """Those that the network makes from another one."""
        return {name: own for name, own in self._named.items() if own.view is not None}

    @property
    def stored(self) -> "Inputs":
        """Those that a dataset holds, and the images that views are made from."""
        found: dict[str, Input] = {}
        for name, own in self._named.items():
            if own.view is None:
                found[name] = own
            elif own.dataset not in self._named:
                found[str(own.dataset)] = Input()
        return Inputs(found)

    def check(self, key: str) -> None:
        """Check names: in the files, in the network, and of what views are made from; else a `Problem`."""
        if not self._named:
            raise Problem(key, "must name at least one dataset")
        for name in self._named:
            if not is_plain(name):
                raise Problem(key, f"{name!r} must be a plain HDF5 name such as ECAL or jets/pt")
        for name, own in self.views.items():
            image = self._named.get(str(own.dataset), Input())
            if image.view is not None or image.plain():
                message = (
                    f"{own.dataset} is no image that is an input by its name, which as: {own.view} needs"
                )
                raise Problem(join(join(key, name), "dataset"), message)
        networks = {network_name(name): name for name in self._named}
        for name, own in self._named.items():
            other = networks[network_name(name)]
            if other != name:
                called = network_name(name)
                raise Problem(key, f"{name!r} and {other!r} are both {called} for the network; rename one")
            other = networks.get(network_name(name) + MASK, "")
            if own.plain() and other:
                message = f"{other!r} is what the network calls the mask of {name!r}; rename one"
                raise Problem(key, message)


def network_name(dataset: str) -> str:
    """The network's name for an input: what a back end refuses in a name becomes an underscore.

    HDF5 allows more, a slash in `group/dataset` above all.
    """
    return re.sub(r"[^A-Za-z0-9_]", "_", dataset)


def mask_name(name: str) -> str:
    """The network's name for the mask of an input."""
    return network_name(name) + MASK


def is_plain(name: str) -> bool:
    """Whether a name is one of an HDF5 dataset as it is written simply."""
    return name == "/".join(part for part in name.split("/") if part not in ("", "."))


def _built(value: Mapping[Any, Any], key: str) -> dict[str, Input]:
    for name in value:
        if not isinstance(name, str):
            raise Problem(key, f"has the name {name!r}, as YAML reads it; write names in quotes")
    return {name: Input.parse(item, join(key, name)) for name, item in value.items()}


def _written(rule: type[Input]) -> list[str]:
    return ["as" if field.name == "view" else field.name for field in dataclasses.fields(rule)]


def _renamed(problem: Problem, key: str) -> Problem:
    """The problem as the file has its key."""
    return Problem(join(key, "as"), str(problem)) if problem.key == join(key, "view") else problem
