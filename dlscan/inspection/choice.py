"""What of a directory a network could see, and what could tell the classes: a proposal by simple rules."""

import dataclasses
import math
import re
from typing import Any

from dlscan.inspection.contents import Contents
from dlscan.inspection.items import Item
from dlscan.raw.offsets import pair_of

# Names that say what an event is, not what a detector saw of it.
_ABOUT = re.compile(
    r"(^|[/_])(y|label|labels|class|classes|target|targets|truth|true|mc|pid|pdg|pdgid|flavou?r|weight|weights|"
    r"event|events|event_?number|run|run_?number|lumi|index|indices|row|rows|id|ids|idx|split|fold|seed|energy)"
    r"([/_]|$)|truth|weight|label",
    re.IGNORECASE,
)
# A group that holds all there is says nothing.
_GROUP = re.compile(r"^(events?|data)/", re.IGNORECASE)
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
    per_event, entries = _sorted(contents, uses)
    inputs = _entries(entries, uses) | _inputs(per_event, uses, bool(entries))
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
    doubts += _fills(inputs, {item.name: item for item in contents.items})
    return Choice(inputs, tuple(extras), classes, labels, split, weights, normalize, uses, tuple(doubts))


def _sorted(contents: Contents, uses: dict[str, str]) -> tuple[list[Item], list[Item]]:
    """Datasets with a row for each event, and entries of events; what the others are goes into `uses`."""
    by_name = {item.name: item for item in contents.items}
    per_event, entries = [], []
    for item in contents.items:
        rows = by_name[item.offsets].rows if item.offsets in by_name else item.rows
        if rows != contents.events:
            length = item.shape[0] if item.shape else "one value"
            uses[item.name] = f"left out: has {length} rows, most datasets have {contents.events}"
        elif item.offsets:
            entries.append(item)
        elif item.events is not None:
            uses[item.name] = "says where the entries of each event begin"
        else:
            per_event.append(item)
    return per_event, entries


def _inputs(items: list[Item], uses: dict[str, str], others: bool) -> dict[str, dict[str, Any]]:
    """Images and vectors; where there are none, and no `others`, numbers side by side."""
    inputs: dict[str, dict[str, Any]] = {}
    for item in items:
        about = _is_about(item.name)
        if item.kind == "fields":
            own = _fields(item)
            # what says where something lies is nothing that a detector saw; `events` may be all there is
            if own and (not about or _GROUP.match(f"{item.name}/")) and pair_of(tuple(item.fields)) is None:
                inputs[item.name] = own
        elif item.kind == "lists" and not about:
            inputs[item.name] = {"longest": max(1, item.longest)}
        elif item.kind == "numbers" and _is_vector(item) and not about:
            inputs[item.name] = {}
    if not inputs and not others:
        numbers = [
            item.name
            for item in items
            if item.kind == "numbers" and math.prod(item.shape[1:]) == 1 and not _is_about(item.name)
        ]
        if numbers:
            uses |= dict.fromkeys(numbers, "input features (data.inputs)")
            return {"features": {"datasets": numbers}}
    uses |= {name: "input (data.inputs)" for name in inputs}
    return inputs


def _is_about(name: str) -> bool:
    return bool(_ABOUT.search(_GROUP.sub("", name)))


def _is_vector(item: Item) -> bool:
    """Several numbers of an event; what recipes call so may be one."""
    return math.prod(item.shape[1:]) > 1 or (item.name == "features" and len(item.shape) > 1)


def _fields(item: Item) -> dict[str, Any]:
    """The fields of records that a network could see, and the one that says which are there."""
    numeric = [name for name, kind in item.fields.items() if kind.startswith(_NUMERIC)]
    seen = [name for name in numeric if not _ABOUT.search(name) and not _VALID.search(name)]
    valid = [name for name in numeric if _VALID.search(name)]
    several = len(item.shape) > 1 or bool(item.offsets)
    return {"fields": seen, **({"valid": valid[0]} if valid and several else {})} if seen else {}


def _entries(items: list[Item], uses: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Entries of all events one after the other: numbers of the same objects side by side, and records."""
    alike: dict[str, list[Item]] = {}
    inputs: dict[str, dict[str, Any]] = {}
    for item in items:
        uses[item.name] = "left out: its name says what an entry is"
        if _is_about(item.name):
            continue
        if item.kind == "numbers" and len(item.shape) == 1:
            alike.setdefault(item.places, []).append(item)
        elif item.kind == "numbers" or _fields(item):
            inputs[item.name] = {**_fields(item), "offsets": item.offsets, "longest": max(item.longest, 1)}
            uses[item.name] = "entries of events (data.inputs)"
    for number, own in enumerate(alike.values()):
        names = [item.name for item in own]
        common = _common(names) if len(names) > 1 else names[0]
        name = common if common and common not in inputs else f"entries{number or ''}"
        sources = {"datasets": names} if names != [name] else {}
        inputs[name] = {**sources, "offsets": own[0].offsets, "longest": max(own[0].longest, 1)}
        uses |= dict.fromkeys(names, "entries of events (data.inputs)")
    return inputs


def _fills(inputs: dict[str, dict[str, Any]], items: dict[str, Item]) -> list[str]:
    """Let 0 replace nan where some was seen; what there is to decide about it."""
    doubts = []
    for name, own in inputs.items():
        sources = [items[source] for source in own.get("datasets", [name])]
        if any(item.kind == "fields" and len(item.shape) > 1 for item in sources):
            continue  # padding is often nan, and does not count
        holding = [item.name for item in sources if item.has_nan]
        holding += [field for item in sources for field in own.get("fields", ()) if field in item.nan_fields]
        if holding:
            own["fill"] = 0
            doubts.append(
                f"whether 0 may replace nan in {', '.join(holding)} (fill in data.inputs.{name}); "
                "without fill, prepare refuses files with nan"
            )
    return doubts


def _common(names: list[str]) -> str:
    """What names begin with alike, up to a separator: `jet` of `jet_pt` and `jet_phi`."""
    ends = [found.start() for found in re.finditer("[/._-]", names[0])]
    return max(
        (names[0][:end] for end in ends if all(n[: end + 1] == names[0][: end + 1] for n in names)),
        default="",
    )


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
