"""The points of a scan as combinations of keys: which there are, and whether each can be. Pure.

A point sets some keys of `model` and `train`, and perhaps how inputs are normalised. These are merged with
those of the file, and what nobody sets gets its default then: so each combination is checked as a whole, in
whatever family of networks it is.
"""

import dataclasses
import functools
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dlscan.config.adversary import Adversary
from dlscan.config.axes import Axis, Choice, choices_by_hand, grid_axes
from dlscan.config.build import Collected, Problem, UnknownKey, build, plain
from dlscan.config.data import Data
from dlscan.config.dotted import get
from dlscan.config.families.nested import with_family
from dlscan.config.fitting import SECTIONS, Fitting
from dlscan.config.folds import FOLD
from dlscan.config.models import Model
from dlscan.config.scan import ScanOptions
from dlscan.config.source import InFile, functions_in
from dlscan.config.train import Train

SEED = "train.seed"
# A scan with more was meant otherwise: each point is a training.
MOST = 100_000


@dataclasses.dataclass(frozen=True)
class Combination:
    """One point.

    Attributes
    ----------
    params : dict of str to object
        The keys that it sets, with the values that the experiment understands: 1e-3 and 0.001 are the same.
    data, model, train, adversary : Data, Model, Train, Adversary
        Its sections.
    """

    params: dict[str, Any]
    data: Data
    model: Model
    train: Train
    adversary: Adversary


@dataclasses.dataclass(frozen=True)
class _Part:
    """What a combination makes of one section."""

    built: Any
    plain: dict[str, Any]
    kept: Choice

    @functools.cached_property
    def content(self) -> str:
        return json.dumps(self.plain, sort_keys=True)


class Combinations:
    """The points of an experiment.

    A key that only some families have, or only some optimizers, is left out of the points of the others.

    Parameters
    ----------
    written : mapping of str to mapping
        The sections as they stand in the file, without defaults.
    scan : ScanOptions
        Which keys to vary.

    Raises
    ------
    Problem
        If what varies is no key of these sections, or there are too many points.
    """

    def __init__(self, written: Mapping[str, Mapping[str, Any]], scan: ScanOptions) -> None:
        # what is null is not there
        self.written = {section: written.get(section) or {} for section in SECTIONS}
        self.written["model"] = with_family(self.written["model"])
        self._axes = grid_axes(scan, SECTIONS)
        self._searches = scan.search is not None
        if self._searches != bool(self._axes if self._searches else scan.space):
            where, missing = ("space", "search") if scan.space else ("search", "space")
            raise Problem(f"scan.{where}", f"needs scan.{missing} beside it")
        self._by_hand = choices_by_hand(scan.points, SECTIONS)
        # without a grid the file itself is the point, unless points are written by hand
        self._has_grid = bool(self._axes) or not scan.points
        self._require_few(scan)
        self._seeds, self._folds = self._repeats(scan), self._left_out(scan)
        if self._has_grid and self._seeds and not self._searches:
            self._axes.append(Axis("scan.repeats", tuple({SEED: seed} for seed in self._seeds), self._seeds))
        if self._has_grid and self._folds and not self._searches:
            self._axes.append(Axis("scan.folds", tuple({FOLD: fold} for fold in self._folds), self._folds))
        self._at_fault: set[tuple[str, int]] = set()
        self._in_files = {
            str(each): each for each in functions_in([self.written, *map(vars, self._axes), self._by_hand])
        }
        self._without: dict[tuple[str, str], _Part] = {}
        self._fitting = Fitting(self.written, self._axes, self._has_grid, self._by_hand)

    @functools.cached_property
    def all(self) -> list[Combination]:
        """Every point, those of the grid first: its last key varies fastest. Of a search, those by hand.

        Raises
        ------
        Problem
            With every combination that cannot be.
        """
        found = Collected()
        grids = {}
        for section in () if self._searches else SECTIONS:
            with found.collecting():
                grids[section] = self._section_of_grid(section)
        by_hand = []
        for number, choice in enumerate(self._by_hand):
            for own in self._trainings(choice):
                with found.collecting():
                    parts = {name: self._part(name, own, f"scan.points[{number}]", True) for name in SECTIONS}
                    by_hand.append((f"scan.points[{number}]", own, parts))
        found.settle()
        seen: dict[tuple[str, ...], str] = {}
        combinations = []
        for where, own, every in itertools.chain(self._grid(grids), by_hand):
            parts = self._read(every, where)
            content = tuple(part.content for part in parts.values())
            # a point of the grid comes twice if what tells it from another is not for it
            if content not in seen:
                seen[content] = where
                combinations.append(_combined(own, parts))
            elif where != "scan.grid":
                same = seen[content]
                raise Problem(where, f"is the same point as {'one of ' if same == 'scan.grid' else ''}{same}")
        return combinations

    @functools.cached_property
    def examples(self) -> list[Combination]:
        """Every point, or of a search some that between them have every choice and the ends of all numbers.

        Raises
        ------
        Problem
            With every combination that cannot be.
        """
        if not self._searches:
            return self.all
        found, examples = Collected(), list(self.all)
        kinds = [axis for axis in self._axes if axis.key in self.deciding]
        others = [axis for axis in self._axes if axis not in kinds]
        for chosen in itertools.product(*(axis.choices for axis in kinds)):
            for number in range(max((len(axis.choices) for axis in others), default=1)):
                more = [axis.choices[min(number, len(axis.choices) - 1)] for axis in others]
                own = {key: value for choice in (*chosen, *more) for key, value in choice.items()}
                if not self._at_fault & {(key, id(value)) for key, value in own.items()}:
                    with found.collecting():
                        examples.append(self._drawn(own))
        found.settle()
        return examples

    def drawn(self, values: Mapping[str, Any]) -> list[Combination]:
        """The points that a search has drawn: one, or its repeats. What is not for its family is left out.

        Parameters
        ----------
        values : mapping of str to object
            For keys of `scan.space` or `scan.grid` their values.

        Raises
        ------
        Problem
            If that cannot be.
        """
        own = _flat(values)
        return [self._drawn(each) for each in self._trainings(own)]

    def applies(self, key: str, values: Mapping[str, Any]) -> bool:
        """Whether a key of `scan.space` is for points with these values of keys that decide it."""
        own = _flat(values)
        families = own.get("model.family", self.written["model"].get("family", Model.family))
        for name in next(axis for axis in self._axes if axis.key == key).choices[0]:
            section, _, rest = name.partition(".")
            kept = self._fitting(section, {**_of(section, own), name: None}, False)[1]
            if name in kept and (section == "model" or Model(families).reads(f"{section}.{rest}")):
                return True
        return False

    def _drawn(self, own: Choice) -> Combination:
        parts = {name: self._part(name, own, "scan.space", False) for name in SECTIONS}
        order = [key for axis in self._axes for choice in axis.choices for key in choice]
        return _combined(dict.fromkeys([*order, *own]), self._read(parts, "scan.grid"))

    @functools.cached_property
    def deciding(self) -> list[str]:
        """The keys of `scan.space` that decide whether others are for a point; families first."""
        names = [name.split(".") for axis in self._axes for choice in axis.choices for name in choice]
        decide = {f"{section}.{SECTIONS[section].decided_by(name)}" for section, name, *_ in names}
        # networks within a network have families of their own
        decide |= {".".join(name) for name in names if name[-1] == "family"}
        found = [axis for axis in self._axes if any(decide & {*choice} for choice in axis.choices)]
        found.sort(key=lambda axis: not any("model.family" in choice for choice in axis.choices))
        return [axis.key for axis in found]

    @functools.cached_property
    def keys(self) -> tuple[str, ...]:
        """The keys that points set, in the order of the file."""
        trainings = "scan.repeats", "scan.folds"
        choices = [choice for axis in self._axes for choice in axis.choices if axis.where not in trainings]
        order = dict.fromkeys(key for choice in [*choices, *self._by_hand] for key in choice)
        used = {key for combination in self.examples for key in combination.params}
        last = [*([SEED] if self._seeds else []), *([FOLD] if self._folds else [])]
        return tuple(key for key in [*order, *last] if key in used or key in last)

    @property
    def functions(self) -> list[InFile]:
        """The functions in files that points have."""
        return list(self._in_files.values())

    def base(self, section: str) -> dict[str, Any]:
        """The section of the file without what is only there for points of other families."""
        return self._fitting(section, {}, False)[0]

    def left_out(self, section: str) -> dict[str, Any]:
        """What `base` leaves out."""
        base = self.base(section)
        return {name: value for name, value in self.written[section].items() if name not in base}

    def at(self, params: Mapping[str, Any]) -> "Combinations":
        """The single point that sets these keys."""
        known = self._with_functions(params)
        fitted = {section: self._fitting(section, _of(section, known), True)[0] for section in SECTIONS}
        return Combinations(fitted, ScanOptions())

    def _with_functions(self, value: Any) -> Any:
        """Nested values with the functions in files that their texts name."""
        if isinstance(value, Mapping):
            return {key: self._with_functions(item) for key, item in value.items()}
        return self._in_files.get(value, value) if isinstance(value, str) else value

    def _require_few(self, scan: ScanOptions) -> None:
        of_grid = math.prod(len(axis.choices) for axis in self._axes) if self._has_grid else 0
        if scan.search is not None:
            of_grid = scan.search.points or 0
        folds = scan.folds.trainings(self.written["data"].get("folds")) if scan.folds else 1
        count = (of_grid + len(self._by_hand)) * scan.repeats * folds
        if count > MOST:
            raise Problem(
                "scan",
                f"asks for {count:,} points, and at most {MOST:,} are allowed; shorten the lists of "
                "scan.grid, or lower scan.search.points, scan.repeats or scan.folds",
            )

    def _repeats(self, scan: ScanOptions) -> list[int]:
        """The seeds of repeats, which follow from the one in the file; none without repeats."""
        first = self.written["train"].get("seed", Train.seed)
        if scan.repeats == 1 or not isinstance(first, int):
            return []
        if any(SEED in choice for choice in self._choices()):
            raise Problem(
                "scan.repeats", "repeats vary the seed, and so does train.seed in the grid; choose one"
            )
        return list(range(first, first + scan.repeats))

    def _choices(self) -> Iterator[Choice]:
        return itertools.chain((choice for axis in self._axes for choice in axis.choices), self._by_hand)

    def _left_out(self, scan: ScanOptions) -> list[Any]:
        """What each training of a point leaves out, as values of `data.fold`; none without folds."""
        if scan.folds is None:
            return []
        if any(FOLD in choice for choice in self._choices()):
            raise Problem("scan.folds", f"folds vary {FOLD}, and so do the points; choose one")
        return scan.folds.choices(self.written["data"].get("folds"))

    def _trainings(self, choice: Choice) -> Iterable[Choice]:
        """A choice for each repeat and fold."""
        seeds = [{SEED: seed} for seed in self._seeds] or [{}]
        folds = [{FOLD: fold} for fold in self._folds] or [{}]
        return [{**choice, **seed, **fold} for seed in seeds for fold in folds]

    def _section_of_grid(self, section: str) -> dict[tuple[int, ...], _Part]:
        """What the grid makes of one section, by the positions of the values on the axes of that section."""
        found, parts = Collected(), dict[tuple[int, ...], _Part]()
        first: dict[str, tuple[int, ...]] = {}
        axes = [axis for axis in self._axes if axis.section == section]
        if not self._has_grid:
            return parts
        for place in itertools.product(*(range(len(axis.choices)) for axis in axes)):
            chosen = [axis.choices[n] for axis, n in zip(axes, place, strict=True)]
            own = {key: value for choice in chosen for key, value in choice.items()}
            if self._at_fault & {(key, id(value)) for key, value in own.items()}:
                continue
            with found.collecting():
                part = parts[place] = self._part(section, own, "scan.grid", False)
                same = first.setdefault(part.content, place)
                for axis, before, now in zip(axes, same, place, strict=True):
                    if before != now and axis.choices[now].keys() & part.kept.keys():
                        raise Problem(axis.where, f"lists {axis.values[now]!r} twice")
        found.settle()
        return parts

    def _grid(
        self, grids: Mapping[str, Mapping[tuple[int, ...], _Part]]
    ) -> Iterator[tuple[str, Choice, dict[str, _Part]]]:
        """The product of the axes."""
        if not self._has_grid or self._searches:
            return
        self._require_read(grids)
        places = {
            section: [n for n, axis in enumerate(self._axes) if axis.section == section]
            for section in SECTIONS
        }
        order = {key: None for axis in self._axes for choice in axis.choices for key in choice}
        for place in itertools.product(*(range(len(axis.choices)) for axis in self._axes)):
            parts = {name: grids[name][tuple(place[n] for n in places[name])] for name in SECTIONS}
            yield "scan.grid", order, parts

    def _require_read(self, grids: Mapping[str, Mapping[tuple[int, ...], _Part]]) -> None:
        """Check that each list of the grid matters to a family."""
        families: dict[str, Model] = {part.built.family: part.built for part in grids["model"].values()}
        for axis in self._axes:
            for key in axis.choices[0]:
                if axis.section != "model" and not any(model.reads(key) for model in families.values()):
                    raise Problem(axis.where, f"{' and '.join(families)} has no use for {key}; remove it")

    def _read(self, parts: dict[str, _Part], where: str) -> dict[str, _Part]:
        """A point without the keys of other sections that its family has no use for."""
        model: Model = parts["model"].built
        read = dict(parts)
        for section, part in parts.items():
            left = {key: value for key, value in part.kept.items() if section == "model" or model.reads(key)}
            if len(left) == len(part.kept):
                continue
            if where != "scan.grid":
                unread = next(key for key in part.kept if key not in left)
                raise Problem(where, f"sets {unread}, which {model.family} has no use for; remove it")
            asked = section, json.dumps(left, sort_keys=True, default=repr)
            if asked not in self._without:
                self._without[asked] = self._part(section, left, where, False)
            read[section] = self._without[asked]
        return read

    def _part(self, section: str, own: Choice, where: str, by_hand: bool) -> _Part:
        mapping, kept = self._fitting(section, _of(section, own), by_hand)
        try:
            built = build(SECTIONS[section], mapping, section)
        except Problem as problem:
            raise self._refused(section, kept, where, problem) from None
        return _Part(built, plain(built), kept)

    def _refused(self, section: str, own: Choice, where: str, problem: Problem) -> Problem:
        """The problem of a combination under its name, or under that of the one key that is at fault."""
        rule = SECTIONS[section]
        nowhere = {each.key for each in problem.all if isinstance(each, UnknownKey)}
        for key, value in own.items():
            name = key.split(".")[1]
            kind = own.get(f"{section}.{rule.decided_by(name)}", "")
            if isinstance(kind, str) and kind and key not in nowhere and not rule.applies(name, kind):
                continue  # what is not for the kind that is set beside it
            try:
                build(SECTIONS[section], self._fitting(section, {key: value}, True)[0], section)
            except Problem as alone:
                if (alone.key, str(alone)) == (problem.key, str(problem)):
                    # once is enough
                    self._at_fault.add((key, id(value)))
                    return Problem(f"{where}.{problem.key}", str(problem))
        name = ", ".join(f"{key}={value}" for key, value in own.items())
        return Problem(where, f"{name}: {problem}" if name else str(problem))


def _of(section: str, params: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if key.split(".")[0] == section}


def _flat(values: Mapping[str, Any]) -> Choice:
    """Dotted keys alone: a whole section among the values is each of its keys."""
    flat = Choice()
    for key, value in values.items():
        whole = key in SECTIONS and isinstance(value, Mapping)
        flat |= {f"{key}.{name}": item for name, item in value.items()} if whole else {key: value}
    return flat


def _combined(order: Iterable[str], parts: Mapping[str, _Part]) -> Combination:
    params = {}
    for key in order:
        section, _, name = key.partition(".")
        if key in parts[section].kept:
            part = parts[section]
            params[key] = part.built.value(name) if section == "data" else get(part.plain, name)
    built = {name: part.built for name, part in parts.items()}
    return Combination(params, **{**built, "train": _read_of(built["train"], built["model"])})


def _read_of(train: Train, model: Model) -> Train:
    """The section with the epochs of a family, and without what that has no use for."""
    own = {field.name: getattr(train, field.name) for field in dataclasses.fields(train)}
    read = {name: value for name, value in own.items() if model.reads(f"train.{name}")}
    epochs = model.epochs(train.epochs)
    return train if (read, epochs) == (own, train.epochs) else Train(**{**read, "epochs": epochs})
