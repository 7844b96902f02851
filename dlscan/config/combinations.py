"""The points of a scan as combinations of keys: which there are, and whether each can be. Pure.

A point sets some keys of `model` and `train`, and perhaps how inputs are normalised. These are merged with
those of the file, and what nobody sets gets its default then: so each combination is checked as a whole, in
whatever family of networks it is.
"""

import copy
import dataclasses
import functools
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dlscan.config.adversary import Adversary
from dlscan.config.axes import Choice, choices_by_hand, grid_axes
from dlscan.config.build import Collected, Problem
from dlscan.config.data import Data
from dlscan.config.dotted import get
from dlscan.config.families.nested import with_family
from dlscan.config.fitting import SECTIONS
from dlscan.config.models import Model
from dlscan.config.point_parts import Built, Part, Parts, of_section
from dlscan.config.scan import ScanOptions
from dlscan.config.source import InFile, functions_in
from dlscan.config.train import Train
from dlscan.config.trainings import TRAININGS, Trainings

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


class Combinations:
    """The points of an experiment.

    A key that only some families have, or only some optimizers, is left out of the points of the others.

    Parameters
    ----------
    written : mapping of str to mapping
        The sections as they stand in the file, without defaults.
    scan : ScanOptions
        Which keys to vary.
    built : Built, optional
        Sections that have been built already.

    Attributes
    ----------
    trainings : Trainings
        The repeats and folds of each point.

    Raises
    ------
    Problem
        If what varies is no key of these sections, or there are too many points.
    """

    def __init__(
        self, written: Mapping[str, Mapping[str, Any]], scan: ScanOptions, built: Built | None = None
    ) -> None:
        # what is null is not there
        self.written = {section: written.get(section) or {} for section in SECTIONS}
        self.written["model"] = with_family(self.written["model"])
        self._axes = grid_axes(scan, SECTIONS)
        self._searches = scan.search is not None
        if self._searches != bool(self._axes if self._searches else scan.space):
            where, missing = ("space", "search") if scan.space else ("search", "space")
            raise Problem(f"scan.{where}", f"needs scan.{missing} too")
        self._by_hand = choices_by_hand(scan.points, SECTIONS)
        # without a grid the file itself is the point, unless points are written by hand
        self._has_grid = bool(self._axes) or not scan.points
        self._require_few(scan)
        choices = itertools.chain((choice for axis in self._axes for choice in axis.choices), self._by_hand)
        self.trainings = Trainings(scan, self.written, list(choices))
        if self._has_grid and not self._searches:
            self._axes += self.trainings.axes
        self._in_files = {
            str(each): each for each in functions_in([self.written, *map(vars, self._axes), self._by_hand])
        }
        self._parts = Parts(self.written, self._axes, self._has_grid, self._by_hand, built)

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
            for own in self.trainings.of(choice):
                with found.collecting():
                    where = f"scan.points[{number}]"
                    by_hand.append((where, own, self._parts.of(own, where, True)))
        found.settle()
        seen: dict[tuple[str, ...], str] = {}
        combinations = []
        for where, own, every in itertools.chain(self._grid(grids), by_hand):
            parts = self._parts.read(every, where)
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
                if not self._parts.is_at_fault(own):
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
        return [self._drawn(each) for each in self.trainings.of(own)]

    def applies(self, key: str, values: Mapping[str, Any]) -> bool:
        """Whether a key of `scan.space` is for points with these values of keys that decide it."""
        own = _flat(values)
        families = own.get("model.family", self.written["model"].get("family", Model.family))
        for name in next(axis for axis in self._axes if axis.key == key).choices[0]:
            section, _, rest = name.partition(".")
            kept = self._parts.fitting(section, {**of_section(section, own), name: None}, False)[1]
            if name in kept and (section == "model" or Model(families).reads(f"{section}.{rest}")):
                return True
        return False

    def _drawn(self, own: Choice) -> Combination:
        parts = self._parts.of(own, "scan.space", False)
        order = [key for axis in self._axes for choice in axis.choices for key in choice]
        return _combined(dict.fromkeys([*order, *own]), self._parts.read(parts, "scan.grid"))

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
        choices = [choice for axis in self._axes for choice in axis.choices if axis.where not in TRAININGS]
        order = dict.fromkeys(key for choice in [*choices, *self._by_hand] for key in choice)
        used = {key for combination in self.examples for key in combination.params}
        last = self.trainings.keys
        return tuple(key for key in [*order, *last] if key in used or key in last)

    @property
    def functions(self) -> list[InFile]:
        """The functions in files that points have."""
        return list(self._in_files.values())

    def base(self, section: str) -> dict[str, Any]:
        """The section of the file without what is only there for points of other families."""
        return self._parts.fitting(section, {}, False)[0]

    def left_out(self, section: str) -> dict[str, Any]:
        """What `base` leaves out."""
        base = self.base(section)
        return {name: value for name, value in self.written[section].items() if name not in base}

    def at(self, params: Mapping[str, Any]) -> "Combinations":
        """The single point that sets these keys."""
        known = self._with_functions(params)
        fitted = {
            section: self._parts.fitting(section, of_section(section, known), True)[0] for section in SECTIONS
        }
        return Combinations(fitted, ScanOptions(), self._parts.built)

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

    def _section_of_grid(self, section: str) -> dict[tuple[int, ...], Part]:
        """What the grid makes of one section, by the positions of the values on the axes of that section."""
        found, parts = Collected(), dict[tuple[int, ...], Part]()
        first: dict[str, tuple[int, ...]] = {}
        axes = [axis for axis in self._axes if axis.section == section]
        if not self._has_grid:
            return parts
        for place in itertools.product(*(range(len(axis.choices)) for axis in axes)):
            chosen = [axis.choices[n] for axis, n in zip(axes, place, strict=True)]
            own = {key: value for choice in chosen for key, value in choice.items()}
            if self._parts.is_at_fault(own):
                continue
            with found.collecting():
                part = parts[place] = self._parts.part(section, own, "scan.grid", False)
                same = first.setdefault(part.content, place)
                for axis, before, now in zip(axes, same, place, strict=True):
                    if before != now and axis.choices[now].keys() & part.kept.keys():
                        raise Problem(axis.where, f"lists {axis.values[now]!r} twice")
        found.settle()
        return parts

    def _grid(
        self, grids: Mapping[str, Mapping[tuple[int, ...], Part]]
    ) -> Iterator[tuple[str, Choice, dict[str, Part]]]:
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

    def _require_read(self, grids: Mapping[str, Mapping[tuple[int, ...], Part]]) -> None:
        """Check that each list of the grid matters to a family."""
        families: dict[str, Model] = {part.built.family: part.built for part in grids["model"].values()}
        for axis in self._axes:
            for key in axis.choices[0]:
                if axis.section != "model" and not any(model.reads(key) for model in families.values()):
                    raise Problem(axis.where, f"{' and '.join(families)} has no use for {key}; remove it")


def _flat(values: Mapping[str, Any]) -> Choice:
    """Dotted keys alone: a whole section among the values is each of its keys."""
    flat = Choice()
    for key, value in values.items():
        whole = key in SECTIONS and isinstance(value, Mapping)
        flat |= {f"{key}.{name}": item for name, item in value.items()} if whole else {key: value}
    return flat


def _combined(order: Iterable[str], parts: Mapping[str, Part]) -> Combination:
    params = {}
    for key in order:
        section, _, name = key.partition(".")
        if key in parts[section].kept:
            part = parts[section]
            # the parts are shared by many points
            params[key] = (
                part.built.value(name) if section == "data" else copy.deepcopy(get(part.plain, name))
            )
    built = {name: part.built for name, part in parts.items()}
    return Combination(params, **{**built, "train": _read_of(built["train"], built["model"])})


def _read_of(train: Train, model: Model) -> Train:
    """The section with the epochs of a family, and without what that has no use for."""
    own = {field.name: getattr(train, field.name) for field in dataclasses.fields(train)}
    read = {name: value for name, value in own.items() if model.reads(f"train.{name}")}
    epochs = model.epochs(train.epochs)
    return train if (read, epochs) == (own, train.epochs) else Train(**{**read, "epochs": epochs})
