"""Decide, before the data are read, how they will lie on disk."""

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from dlscan.config import ColumnSplit, Data, FractionSplit, GroupSplit, Input
from dlscan.config.cuts import Cuts
from dlscan.config.event_labels import LabelColumn
from dlscan.config.resample import WEIGHT
from dlscan.config.selection import Selection
from dlscan.dataset import SPLITS, ArraySpec
from dlscan.dataset.folds import part_names
from dlscan.dataset.resampled import Resampled
from dlscan.prepare.deal import Deal, deal
from dlscan.raw import FileLayout, RawFile, Recipe, index_file, read_events
from dlscan.raw.recipe import stored_type

# Index and value of an entry take 6 bytes against 4 for a dense cell, and filling a batch from a mostly empty
# event writes far less; above this occupancy the dense block is the faster one.
SPARSE_BELOW = 0.25
SHARD_BYTES = 32 * 2**20
# Groups of shards for each process, so that none is idle for long at the end
_GROUPS_OF_EACH = 4
_SAMPLE_FILES = 8
_SAMPLE_ROWS = 32
# Training events that quantiles are taken from, and numbers of an input that are kept for that: a rank is
# known to 0.4 % then, and the numbers take 16 MB.
_SAMPLED_EVENTS, _SAMPLED_VALUES = 20_000, 4_000_000


@dataclasses.dataclass(frozen=True)
class Format:
    """How the dataset will lie on disk; what every task needs to know.

    Attributes
    ----------
    inputs, extras : dict of str to ArraySpec
        What is stored of each event.
    split : FractionSplit or ColumnSplit
        The rule that gives each event its side.
    shards : tuple of int
        Shards of each part.
    weights : str or None
        The extra that weighs events.
    sampled : float
        Share of the measured events whose vectors are kept until their quantiles are known.
    deal : Deal or None
        The rule that gives each event but those of test its fold.
    classes : int
        How many there are.
    cuts : tuple of str
        Expressions that must hold for an event.
    labels : LabelColumn or None
        What says the class of an event; None where its file does.
    implied : dict of str to Selection
        Of extras that are not stored as a whole: what of which dataset.
    raw : dict of str to str
        The raw dataset of each input that is one.
    recipes : dict of str to Recipe
        How the other inputs are put together.
    shapes : dict of str to tuple of int
        Of a row of each raw dataset.
    resampled : Resampled or None
        What makes classes alike.
    thinned : bool
        Whether it leaves events out; otherwise it gives them weights.
    """

    inputs: dict[str, ArraySpec]
    extras: dict[str, ArraySpec]
    split: FractionSplit | ColumnSplit
    shards: tuple[int, ...]
    weights: str | None
    sampled: float
    deal: Deal | None = None
    classes: int = 0
    cuts: tuple[str, ...] = ()
    labels: LabelColumn | None = None
    implied: dict[str, Selection] = dataclasses.field(default_factory=dict)
    raw: dict[str, str] = dataclasses.field(default_factory=dict)
    recipes: dict[str, Recipe] = dataclasses.field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    resampled: Resampled | None = None
    thinned: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """What an event belongs to, in the order of codes: splits, or folds and test."""
        return SPLITS if self.deal is None else part_names(self.deal.folds.count)

    @property
    def measured(self) -> range:
        """The codes of parts whose inputs are measured: of train, or of every fold by itself."""
        return range(1 if self.deal is None else self.deal.folds.count)

    @property
    def deciding(self) -> list[str]:
        """The raw datasets that decide where events go."""
        return deciding(self.split, None if self.deal is None else self.deal.folds.column)

    @property
    def datasets(self) -> list[str]:
        """The raw datasets that are read."""
        return list(dict.fromkeys([*self.stored, *self.selecting, *self.deciding]))

    @property
    def stored(self) -> list[str]:
        """Those that are delivered as a whole, or put together to inputs."""
        extras = (name for name in self.extras if name not in {*self.implied, WEIGHT})
        return list(dict.fromkeys([*self.raw.values(), *roles_of(self.recipes), *extras]))

    @property
    def selecting(self) -> list[str]:
        """Those of which numbers are used as they are in the file."""
        cuts = Cuts.parse(list(self.cuts), "data.where").selections.values()
        found = [*cuts, *([] if self.labels is None else [self.labels.column]), *self.implied.values()]
        if self.resampled is not None:
            found += [self.number(name) for name in self.resampled.variables]
        lists = entry_names(self.recipes)
        return list(dict.fromkeys(each.extra for each in found if each.extra not in lists))

    def number(self, name: str) -> Selection:
        """Where the number of an event comes from that is an extra, or implied, by its name."""
        return self.implied.get(name) or Selection(name)

    @property
    def indexed(self) -> dict[str, str]:
        """What an index has of each event, by the name of its column, with its type."""
        labels = {} if self.labels is None else {"labels": "<i2"}
        own = [*self.implied, *([WEIGHT] if WEIGHT in self.extras else [])]
        return labels | {f"extras/{name}": self.extras[name].dtype for name in own}


def deciding(split: FractionSplit | ColumnSplit, folds: str | None) -> list[str]:
    """The raw datasets that decide which side an event is on, and which fold it is in."""
    group = split.group if isinstance(split, GroupSplit) else None
    return [name for name in (getattr(split, "column", None), group, folds) if name]


def roles_of(recipes: Mapping[str, Recipe]) -> dict[str, str]:
    """The raw datasets of recipes, and what their rows are."""
    return {name: role for recipe in recipes.values() for name, role in recipe.roles.items()}


def whole_datasets(data: Data) -> dict[str, str]:
    """The raw dataset of each input that is one."""
    return {
        name: own.dataset or name for name, own in data.stored.items() if own == Input(dataset=own.dataset)
    }


def raw_datasets(data: Data, recipes: Mapping[str, Recipe] = MappingProxyType({})) -> list[str]:
    """The datasets that every raw file must have."""
    asked = (name for names in raw_names(data, recipes).values() for name in names)
    return list(dict.fromkeys([*asked, *roles_of(recipes)]))


def entry_names(recipes: Mapping[str, Recipe]) -> dict[str, tuple[str, int]]:
    """What numbers of entries are called in cuts, of inputs whose events are lists: the input, and which."""
    found: dict[str, tuple[str, int]] = {}
    for name, recipe in recipes.items():
        if recipe.layout in ("lists", "flat"):
            found |= {f"{name}.{feature}": (name, place) for place, feature in enumerate(recipe.features)}
            found |= {name: (name, 0)} if sum(recipe.widths) == 1 else {}
    return found


def raw_names(data: Data, recipes: Mapping[str, Recipe] = MappingProxyType({})) -> dict[str, list[str]]:
    """The datasets that every raw file must have, by the key of `data` that asks for them."""
    column = data.label_column
    cut = [selection.extra for selection in data.where.selections.values()]
    found: dict[str, list[str | None]] = {
        "inputs": list(whole_datasets(data).values()),
        "extras": list(data.extras),
        "split.column": [getattr(data.split, "column", None)],
        "split.group": [getattr(data.split, "group", None)],
        "folds": [None if data.folds is None else data.folds.column],
        "labels.column": [None if column is None else column.column.extra],
        "where": [name for name in cut if name not in entry_names(recipes)],
        "weights": [] if data.weights not in data.implied else [data.implied[str(data.weights)].extra],
        "resample.in": [each.extra for each in data.resample.variables] if data.resample else [],
    }
    return {key: [name for name in names if name] for key, names in found.items()}


def choose_format(
    data: Data, files: dict[RawFile, FileLayout], recipes: Mapping[str, Recipe] = MappingProxyType({})
) -> Format:
    """Choose encodings and the number of shards from headers and a sample of the events."""
    first = next(iter(files.values()))
    raw = whole_datasets(data)
    occupancy = _sampled_occupancy(raw, recipes, list(files.items()))
    inputs = {
        name: _spec(recipes[name])
        if name in recipes
        else ArraySpec(
            first.shapes[raw[name]],
            stored_type(np.dtype(first.dtypes[raw[name]])),
            # features of a vector are measured one by one, which wants them dense
            "sparse" if occupancy[name] < SPARSE_BELOW and len(first.shapes[raw[name]]) > 1 else "dense",
        )
        for name in data.stored
    }
    extras = {
        name: ArraySpec(first.shapes[name], np.dtype(first.dtypes[name]).newbyteorder("=").str, "dense")
        for name in data.extras
    }
    for name, selection in data.implied.items():
        dtype = np.dtype(first.dtypes[selection.extra]).newbyteorder("=")
        extras[name] = ArraySpec((), dtype.str, "dense")
    if data.training_weights == WEIGHT:
        extras[WEIGHT] = ArraySpec((), "<f4", "dense")
    split = data.split
    assert isinstance(split, FractionSplit | ColumnSplit)
    bytes_per_event = 12.0
    for name, column in {**inputs, **extras}.items():
        width = np.dtype(column.dtype).itemsize
        entries = column.size if column.encoding == "dense" else occupancy[name] * column.size
        bytes_per_event += entries * (
            width + (4 if column.size > 2**16 else 2) * (column.encoding == "sparse")
        )
    events = sum(layout.events for layout in files.values())
    total = bytes_per_event * events
    dealt = None if data.dealing is None else deal(data.dealing, split, files)
    shares = _shares(split)
    measured = shares[0]
    if dealt is not None:
        count = dealt.folds.count
        measured = shares[0] + shares[1]
        shares = (*[measured / count] * count, shares[2])
    shards = tuple(max(1, math.ceil(total * share / SHARD_BYTES)) for share in shares)
    sizes = [
        column.size * (occupancy[name] if column.masked else 1)
        for name, column in inputs.items()
        if column.by_feature
    ]
    widest = max(sizes, default=1) or 1
    wanted = min(_SAMPLED_EVENTS, _SAMPLED_VALUES / widest)
    sampled = min(1.0, wanted / max(events * measured, 1.0))
    return Format(
        *(inputs, extras, split, shards, data.weights, sampled, dealt),
        cuts=data.where.texts,
        labels=data.label_column,
        implied=data.implied,
        raw=raw,
        recipes=dict(recipes),
        shapes=first.shapes,
        thinned=data.resample is not None and data.resample.by == "counts",
    )


def _spec(recipe: Recipe) -> ArraySpec:
    """How an input that is put together is stored."""
    if recipe.masked:
        return ArraySpec(recipe.event_shape, recipe.dtype, "ragged", masked=True)
    return ArraySpec(recipe.shape, recipe.dtype, "dense")


def shards_together(most: int, shards: int, processes: int) -> int:
    """Shards that are gathered at once: as many as a run has bytes, and few enough for all processes.

    Each run is read once for them, so that the number of reads is that of runs times groups.
    """
    return max(1, min(most // SHARD_BYTES, shards // (_GROUPS_OF_EACH * processes)))


def _sampled_occupancy(
    raw: Mapping[str, str], recipes: Mapping[str, Recipe], files: list[tuple[RawFile, FileLayout]]
) -> dict[str, float]:
    """Share of non-zero values, or of entries, in rows from the middle of files spread over all classes."""
    names = [*raw, *recipes]
    roles = roles_of(recipes)
    read = list(dict.fromkeys([*raw.values(), *roles]))
    filled, cells = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for label in {file.label for file, _ in files}:
        own = [pair for pair in files if pair[0].label == label]
        for file, layout in own[:: max(1, len(own) // _SAMPLE_FILES)]:
            start = max(0, layout.events // 2 - _SAMPLE_ROWS // 2)
            stop = min(start + _SAMPLE_ROWS, layout.events)
            try:
                index = index_file(file.path, read, file.roots, roles)
                types = dict.fromkeys(raw.values())
                _, rows, block, made = next(read_events(file.path, index, start, stop, types, recipes))
            except (OSError, RuntimeError, ValueError):
                continue  # reading all of it will name the file and the reason
            for name, dataset in raw.items():
                filled[name] += int(np.count_nonzero(block[dataset]))
                cells[name] += block[dataset].size
            for name, found in made.items():
                filled[name] += found.values.size
                cells[name] += rows * math.prod(recipes[name].event_shape)
    return {name: filled[name] / cells[name] if cells[name] else 1.0 for name in names}


def _shares(split: FractionSplit | ColumnSplit) -> tuple[float, ...]:
    """What part of all events each split will hold, about: only the sizes of shards depend on it."""
    if isinstance(split, FractionSplit):
        return split.train, split.validation, split.test
    cut = split.validation if isinstance(split.validation, float) else 0.2
    return 0.8 * (1 - cut), max(0.8 * cut, 0.05), 0.2
