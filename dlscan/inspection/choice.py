"""What of a directory a network could see, and what could tell the classes: a proposal by simple rules."""

import dataclasses
import math
import re
from typing import Any

from dlscan.inspection.contents import Contents
from dlscan.inspection.items import Item

# Names that say what an event is, not what a detector saw of it.
_ABOUT = re.compile(
    r"(^|[/_])(y|label|labels|class|classes|target|targets|truth|true|mc|pid|pdg|pdgid|flavou?r|weight|weights|"
    r"event|events|event_?number|run|run_?number|lumi|index|indices|row|rows|id|ids|idx|split|fold|seed|energy)"
    r"([/_]|$)|truth|weight|label",
    re.IGNORECASE,
)
_LABEL = re.compile(r"label|class|target|flavou?r|truth|pid|pdg|signal|(^|[/_])y$", re.IGNORECASE)
_WEIGHT = re.compile(r"weight", re.IGNORECASE)
_VALID = re.compile(r"valid|mask", re.IGNORECASE)
# Mostly empty images: a calorimeter.
_SPARSE = 0.5
_NUMERIC = ("int", "uint", "float", "bool")


@dataclasses.dataclass(frozen=True)
class Choice:
    """A proposal.

    Attributes
    ----------
    inputs : dict of str to dict
        What each input is, as in `data.inputs`; empty where its name says all.
    extras : tuple of str
        Numbers that are carried along.
    classes : tuple of str
        Directories of the classes, if they are directories.
    labels : dict
        The key `data.labels`, if a column tells the classes.
    split : str
        A column of 0 and 1 that may say what is test, or empty.
    weights : str
        A column with a weight per event, or empty.
    normalize : dict of str to str
        By input.
    uses : dict of str to str
        What each dataset is used for, in few words.
    doubts : tuple of str
        What the user has to decide, a line each.
    """

    inputs: dict[str, dict[str, Any]]
    extras: tuple[str, ...]
    classes: tuple[str, ...]
    labels: dict[str, Any]
    split: str
    weights: str
    normalize: dict[str, str]
    uses: dict[str, str]
    doubts: tuple[str, ...]


def choose(contents: Contents) -> Choice:
    """Propose inputs, labels and normalisation for the files of a directory."""
    uses: dict[str, str] = {}
    per_event = []
    for item in contents.items:
        if item.shape[:1] != (contents.events,):
            length = item.shape[0] if item.shape else "one value"
            uses[item.name] = f"left out: has {length} rows, most datasets have {contents.events}"
        else:
            per_event.append(item)
    inputs = _inputs(per_event, uses)
    classes = tuple(part.name for part in contents.parts if part.name)
    labels: dict[str, Any] = {}
    doubts = []
    if len(classes) < 2:
        classes = ()
        labels = _labels(per_event, uses)
        if not labels:
            doubts.append(
                "which class an event is of: make a directory for each class, or name a column in data.labels"
            )
    elif any(not part.name for part in contents.parts):
        doubts.append("files that lie beside the directories of the classes are not used")
    if not inputs:
        doubts.append("what the network sees: no dataset looks like an input; name some in data.inputs")
    extras = [item.name for item in per_event if item.name not in uses and item.kind == "numbers"]
    uses |= dict.fromkeys(extras, "carried along (data.extras)")
    split = next((item.name for item in per_event if item.name == "split" and len(item.values) == 2), "")
    parts = next((item.values for item in per_event if item.name == split), ())
    if parts == (0, 1):
        extras.remove(split)
        uses[split] = "tells training from test (data.split)"
    elif split:
        first, second = parts
        doubts.append(
            f"whether {split} says what is test; if so, move it from data.extras to data.split: "
            f"{{column: {split}, train: {first}, test: {second}, validation: 0.1}}, or the other way round"
        )
        split = ""
    weights = next((name for name in extras if _WEIGHT.search(name)), "")
    if weights:
        uses[weights] = "could weigh events (data.weights, left out)"
    uses |= {item.name: f"left out: {item.kind}" for item in per_event if item.name not in uses}
    by_name = {item.name: item for item in per_event}
    normalize = {name: _normalization(by_name.get(name), inputs[name]) for name in inputs}
    return Choice(inputs, tuple(extras), classes, labels, split, weights, normalize, uses, tuple(doubts))


def _inputs(items: list[Item], uses: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Images and vectors; where there are none, numbers side by side."""
    inputs: dict[str, dict[str, Any]] = {}
    for item in items:
        about = bool(_ABOUT.search(item.name))
        if item.kind == "fields":
            fields = [name for name, kind in item.fields.items() if kind.startswith(_NUMERIC)]
            seen = [name for name in fields if not _ABOUT.search(name) and not _VALID.search(name)]
            if about or not seen:
                continue
            own: dict[str, Any] = {"fields": seen}
            valid = [name for name in fields if _VALID.search(name)]
            if valid and len(item.shape) > 1:
                own["valid"] = valid[0]
            inputs[item.name] = own
        elif item.kind == "lists" and not about:
            inputs[item.name] = {"longest": max(1, item.longest)}
        elif item.kind == "numbers" and math.prod(item.shape[1:]) > 1 and not about:
            inputs[item.name] = {}
    if not inputs:
        numbers = [
            item.name
            for item in items
            if item.kind == "numbers" and math.prod(item.shape[1:]) == 1 and not _ABOUT.search(item.name)
        ]
        if numbers:
            uses |= dict.fromkeys(numbers, "input features (data.inputs)")
            return {"features": {"datasets": numbers}}
    uses |= {name: "input (data.inputs)" for name in inputs}
    return inputs


def _labels(items: list[Item], uses: dict[str, str]) -> dict[str, Any]:
    """A column of few whole numbers whose name says that it is one of labels."""
    for item in items:
        single = item.kind == "numbers" and math.prod(item.shape[1:]) == 1
        if single and _LABEL.search(item.name) and len(item.values) > 1:
            uses[item.name] = "tells the classes (data.labels)"
            return {"column": item.name, "classes": {f"class{value}": value for value in item.values}}
        for field, values in item.field_values.items():
            if len(item.shape) == 1 and len(values) > 1 and _LABEL.search(field):
                own = f"{field} tells the classes (data.labels)"
                uses[item.name] = "; ".join(filter(None, [uses.get(item.name), own]))
                classes = {f"class{value}": value for value in values}
                return {"column": f"{item.name}.{field}", "classes": classes}
    return {}


def _normalization(item: Item | None, own: dict[str, Any]) -> str:
    if item is None or own or item.lowest is None or item.highest is None:
        return "standard"
    if len(item.shape) > 2 and item.zeros > _SPARSE and item.lowest >= 0:
        return "scale"
    if len(item.shape) > 2:
        return "minmax"
    return "standard"
