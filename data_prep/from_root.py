"""Class directories of HDF5 files from the trees of ROOT files."""

from __future__ import annotations

import dataclasses
import fnmatch
import functools
import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from writing import (
    OFFSETS,
    Lists,
    RawWriter,
    Rows,
    expand,
    parse_pairs,
    parse_sources,
    rename,
    require,
    run,
    split_names,
)

from dlscan.errors import DataError, DlscanError, UsageError

STEP = "50 MB"  # of all branches that are read: what is in memory at once, however long the tree is
MANY = 100  # branches that take long enough to look at to say so
WILD = re.compile(r"[*?[]")
REMOTE = "(root|https?)://"
# by module: what needs it, and the package
NEEDED = {
    "uproot": ("ROOT files are read by uproot", "'dlscan[root]'"),
    "awkward": ("ROOT files are read by uproot", "'dlscan[root]'"),
    "XRootD": ("root:// addresses are read by XRootD", "xrootd"),
}
NUMBERS = "a number per event"
ARRAY = "an array of fixed size"
JAGGED = "a list whose length changes"
TEXT = "a text"
NUMBER = r"(bool|u?int\d+|float\d+)"  # as awkward writes the type of one event
KINDS = {NUMBER: NUMBERS, rf"(\d+ \* )+{NUMBER}": ARRAY, rf"var \* {NUMBER}": JAGGED, "string": TEXT}


@dataclasses.dataclass(frozen=True)
class Tree:
    """A tree in a file, perhaps one with an address; without a name, the only one there is."""

    path: Path | str
    name: str | None

    def __str__(self) -> str:
        return f"{self.path}:{self.name}" if self.name else str(self.path)

    def kinds(self, branches: Sequence[str] | None) -> dict[str, str]:
        """What each of the branches, or of all, holds per event."""
        return _kinds(self, None if branches is None else tuple(sorted({*branches})))

    def expanded(self, names: Sequence[str] | None) -> list[str] | None:
        """Names of branches, patterns such as `Jet_*` replaced by what they stand for."""
        if not any(WILD.search(name) for name in names or ()):
            return None if names is None else list(names)
        with self._opened() as file:
            leaves = _leaves(self._find(file))
        found: dict[str, None] = {}
        for name in names or ():
            own = fnmatch.filter(leaves, name) if WILD.search(name) else [name]
            if not own:
                raise DataError(f"{self}: no branch matches {name}")
            found |= dict.fromkeys(own)
        return list(found)

    def look(self, branches: Sequence[str] | None) -> dict[str, str]:
        """See `kinds`."""
        if re.match(REMOTE, str(self.path)):
            click.echo(f"opening {self.path}", err=True)  # which may take minutes
        with self._opened() as file:
            tree = self._find(file)
            require(branches or [], tree.keys(), str(self), "branch")
            wanted = branches or _leaves(tree)
            if len(wanted) > MANY:
                click.echo(f"{self}: looking at {len(wanted)} branches", err=True)
            return {name: self._kind(tree, name) for name in wanted}

    def chunks(self, branches: Sequence[str]) -> Iterator[tuple[int, Any]]:
        """The events in pieces, each with the number of its first event."""
        first = 0
        with self._opened() as file:
            tree = self._find(file)
            pieces = tree.iterate(list(branches), step_size=STEP, library="ak")
            while (piece := self._next(pieces, tree, branches)) is not None:
                yield first, piece
                first += len(piece)

    def _next(self, pieces: Iterator[Any], tree: Any, branches: Sequence[str]) -> Any:
        """The next piece; if it cannot be read, the branch that is at fault is named."""
        try:
            return next(pieces, None)
        except Exception as error:
            for name in branches:
                self._tried(functools.partial(_read_through, tree, name), name)
            raise self._unreadable(error) from None

    def _opened(self) -> Any:
        uproot = _load("uproot")
        options = {}
        if str(self.path).startswith("root://"):
            _load("XRootD")
            # fsspec hands numpy's integers on to XRootD, which refuses them
            options["handler"] = uproot.source.xrootd.XRootDSource
        # an address may have colons of its own
        return self._tried(lambda: uproot.open({str(self.path): None}, **options))

    def _tried(self, action: Callable[[], Any], branch: str | None = None) -> Any:
        try:
            return action()
        except Exception as error:  # on a damaged file uproot raises whatever its decoders stumble over
            raise self._unreadable(error, branch) from None

    def _unreadable(self, error: Exception, branch: str | None = None) -> DataError:
        what, advice = (f" branch {branch!r}", "; leave it out by --branches") if branch else ("", "")
        # behind the reason, uproot explains how files may be named
        reason = " ".join(str(error).partition("Files may be specified as")[0].split()) or repr(error)
        return DataError(f"{self}:{what} cannot be read ({reason}){advice}")

    def _find(self, file: Any) -> Any:
        kinds = file.classnames(cycle=False)
        trees = [name for name, kind in kinds.items() if kind == "TTree" or kind.endswith("RNTuple")]
        if self.name is None and len(trees) != 1:
            hint = f"say which: {self.path}:TREE" if trees else "dlscan reads trees alone"
            raise DataError(f"{self.path}: has {len(trees)} trees ({', '.join(trees) or 'none'}); {hint}")
        require([self.name] if self.name else [], trees, str(self.path), "tree")
        return self._tried(lambda: file[self.name or trees[0]])

    def _kind(self, tree: Any, name: str) -> str:
        event = self._tried(lambda: str(_of(tree.arrays([name], entry_stop=0), name).type.content), name)
        for pattern, kind in KINDS.items():
            if re.fullmatch(pattern, event):
                return kind
        raise DataError(f"{self}: branch {name!r} holds {event}, not numbers; choose by --branches")


@functools.cache
def _kinds(tree: Tree, branches: tuple[str, ...] | None) -> dict[str, str]:
    return tree.look(branches)


def _leaves(tree: Any) -> list[str]:
    """The branches; of the collections of an RNTuple their fields, such as jets.pt."""
    if not type(tree).__name__.endswith("RNTuple"):
        found: list[str] = tree.keys(recursive=False)
        return found
    names: list[str] = tree.keys()
    collections = {name.rpartition(".")[0] for name in names}
    return [name for name in names if name not in collections]


def _of(piece: Any, name: str) -> Any:
    """A branch of a piece; fields of collections lie within these."""
    return piece[name] if name in piece.fields else piece[tuple(name.split("."))]


@dataclasses.dataclass(frozen=True)
class Roles:
    """What each branch is for; `arrays` and `extras` become datasets of their own."""

    label: str | None
    features: list[str]
    arrays: list[str]
    extras: list[str]
    pad: dict[str, int]

    @property
    def branches(self) -> list[str]:
        """All that are read."""
        return list(dict.fromkeys(filter(None, [*self.features, *self.arrays, *self.extras, self.label])))

    def check(self, tree: Tree, kinds: dict[str, str]) -> None:
        """Complain about a branch that cannot play its role in this tree, or that has none."""
        require(self.branches, list(kinds), str(tree), "branch")
        if new := [name for name in kinds if name not in self.branches]:
            raise DataError(f"{tree}: branch {new[0]!r} is not in the first file; choose by --branches")
        for name, kind in kinds.items():
            if kind != NUMBERS and name in self.features:
                raise DataError(f"{tree}: branch {name!r} is {kind} here, and was {NUMBERS} before")
            if kind not in (NUMBERS, TEXT) and name == self.label:
                raise DataError(f"{tree}: branch {name!r} is {kind} and cannot say the label")
            if kind == TEXT and name != self.label:
                raise DataError(f"{tree}: branch {name!r} is {TEXT}, not numbers; leave it out by --branches")
            if kind != JAGGED and name in self.pad:
                raise UsageError(f"--pad {name}: the branch is {kind} in {tree}, there is nothing to pad")

    def rows(self, piece: Any, first: int, tree: Tree) -> Rows:
        """The datasets of a piece of the tree, checked."""
        own = {name: self._own(_of(piece, name), name) for name in [*self.arrays, *self.extras]}
        scalars = {name: self._dense(_of(piece, name), name) for name in self.features}
        with np.errstate(over="ignore"):  # becomes infinite, and is found below
            columns = {name: values.astype(np.float32) for name, values in scalars.items()}
            own |= {name: _as_float32(own[name]) for name in self.arrays}
        for name, values in (columns | own).items():
            numbers = values.values if isinstance(values, Lists) else values
            good = np.isfinite(numbers).all(axis=tuple(range(1, numbers.ndim)))
            if not good.all():
                wrong = int(np.argmin(good))
                if isinstance(values, Lists):
                    wrong = int(np.searchsorted(values.offsets, wrong, side="right")) - 1
                raise DataError(
                    f"{tree}, event {first + wrong}, branch {name!r}: is not finite (as {numbers.dtype}); "
                    "choose others by --branches"
                )
        return {"features": np.column_stack(list(columns.values())), **own} if columns else own

    def labels(self, piece: Any) -> NDArray[Any]:
        """The label of each event as text: whole numbers without a point, booleans as 0 and 1."""
        values, index = np.unique(
            self._dense(_of(piece, str(self.label)), str(self.label)), return_inverse=True
        )
        if values.dtype.kind == "f":
            return np.array([np.format_float_positional(value, trim="-") for value in values], object)[index]
        return (
            values.astype(np.int8 if values.dtype == bool else values.dtype).astype(str).astype(object)[index]
        )

    def _own(self, values: Any, name: str) -> NDArray[Any] | Lists:
        """The values of a branch: lists stay lists unless they are padded."""
        awkward = _load("awkward")
        if name in self.pad or not isinstance(values.type.content, awkward.types.ListType):
            return self._dense(values, name)
        counts = np.asarray(awkward.to_numpy(awkward.num(values)))
        return Lists(counts, np.asarray(awkward.to_numpy(awkward.flatten(values))))

    def _dense(self, values: Any, name: str) -> NDArray[Any]:
        awkward = _load("awkward")
        if name in self.pad:
            values = awkward.fill_none(awkward.pad_none(values, self.pad[name], clip=True), 0)
        return np.asarray(awkward.to_numpy(values))


def _read_through(tree: Any, branch: str) -> None:
    for _ in tree.iterate([branch], step_size=STEP, library="ak"):
        pass


def _as_float32(values: NDArray[Any] | Lists) -> NDArray[Any] | Lists:
    if isinstance(values, Lists):
        return Lists(values.counts, values.values.astype(np.float32))
    return values.astype(np.float32)


def _load(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        what, package = NEEDED[name]
        raise DlscanError(f"{what}: pip install {package}") from None


def _choose(
    tree: Tree, branches: list[str] | None, extras: list[str], pad: dict[str, int], label: str | None
) -> Roles:
    others = [*extras, label] if label else extras
    kinds = tree.kinds(None if branches is None else [*branches, *others])
    require([*others, *pad], list(kinds), str(tree), "branch")
    inputs = [name for name in branches or kinds if name not in others]
    features = [name for name in inputs if kinds[name] == NUMBERS]
    roles = Roles(label, features, [name for name in inputs if name not in features], extras, pad)
    if not inputs:
        raise DataError(f"{tree}: no branch is left to be an input")
    if "features" in (*roles.arrays, *roles.extras):
        raise DataError(f"{tree}: 'features' is the dataset of the scalar branches; rename that branch")
    for name in (*roles.arrays, *roles.extras):
        if kinds[name] == JAGGED and name + OFFSETS in (*roles.arrays, *roles.extras):
            raise DataError(
                f"{tree}: {name + OFFSETS!r} says where the lists of {name!r} begin; leave it out"
            )
    return roles


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("sources", nargs=-1, required=True, metavar="FILE[:TREE]... | LABEL=FILE[:TREE]...")
@click.option("--label-column", metavar="BRANCH", help="Its value is the class; without it, give LABEL=FILE.")
@click.option("--labels", metavar="A=B,...", help="Call the class with value A of the label branch B.")
@click.option(
    "--branches", metavar="A,B,...", help="The inputs; 'Jet_*' works.  [default: all without another role]"
)
@click.option(
    "--extras", metavar="A,B,...", help="Branches to carry along, a dataset each, of their own type."
)
@click.option(
    "--pad",
    multiple=True,
    metavar="BRANCH=N",
    help="Cut or fill with zeros to N instead of keeping lists; may be repeated.",
)
@click.option("--events-per-file", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--force", is_flag=True, help="Replace files that an earlier run wrote; others stay.")
def from_root(
    out: Path,
    sources: tuple[str, ...],
    label_column: str | None,
    labels: str | None,
    branches: str | None,
    extras: str | None,
    pad: tuple[str, ...],
    events_per_file: int,
    force: bool,
) -> None:
    """Make class directories for dlscan from trees (TTree or RNTuple) in ROOT files, without ROOT.

    An event is an entry. Branches with a number per event become the columns of the dataset `features`,
    float32 (events, branches); a branch with an array of fixed size becomes a dataset of its name, float32.
    One whose length changes from event to event becomes a dataset of all its values, and NAME_offsets says
    where each event begins: data.inputs: {jets: {datasets: [jet_pt, jet_eta], offsets: jet_pt_offsets,
    longest: 20}}. With --pad it becomes an array of fixed size instead.

    \b
    Files per class ('quotes' keep the shell from expanding the wildcard); a file's only TREE need no name:
      from_root.py raw 'Signal=sig*.root:events' Background=bkg.root:events --pad jet_pt=4 --extras run,event

    \b
    Files in which a branch says the class:
      from_root.py raw 'all*.root:events' --label-column is_signal --labels 0=Background,1=Signal

    A file may be an address, root://host//path/file.root:TREE, if xrootd is installed, or http://
    with aiohttp. Every value must be finite. On any error OUT stays as it was.
    """
    if labels and not label_column:
        raise UsageError("--labels renames the values of --label-column, which is not given")
    names, lengths = parse_pairs(labels, "--labels"), _parse_lengths(pad)
    trees = list(_find_trees(sources, label_column))
    chosen = trees[0][1].expanded(split_names(branches))
    roles = _choose(trees[0][1], chosen, split_names(extras) or [], lengths, label_column)
    with RawWriter(out, "from_root", roles.features, events_per_file, force) as writer:
        for label, tree in trees:
            roles.check(tree, tree.kinds(None if chosen is None else roles.branches))
            _convert(tree, label, roles, names, writer)
    click.echo(writer.summary())


def _convert(tree: Tree, label: str | None, roles: Roles, names: dict[str, str], writer: RawWriter) -> None:
    events = 0
    for first, piece in tree.chunks(roles.branches):
        rows = roles.rows(piece, first, tree)
        found = np.full(len(piece), label, dtype=object) if label else roles.labels(piece)
        writer.add(rename(found, names, str(tree)), rows)
        events = first + len(piece)
    if not events:
        raise DataError(f"{tree}: holds no events")


def _parse_lengths(texts: Sequence[str]) -> dict[str, int]:
    lengths = {}
    for name, length in parse_pairs(",".join(texts), "--pad").items():
        if not (length.isascii() and length.isdecimal() and int(length)):
            raise UsageError(f"--pad {name}={length}: not a number of values to keep")
        lengths[name] = int(length)
    return lengths


def _find_trees(sources: Sequence[str], label_column: str | None) -> Iterator[tuple[str | None, Tree]]:
    for label, source in parse_sources(sources, labelled=label_column is None):
        if "://" in source:
            found = re.fullmatch(r"(.+?://.+?\.root)(?::(.+))?", source)
            yield label, Tree(found[1], found[2]) if found else Tree(source, None)
            continue
        pattern, colon, name = source.rpartition(":")
        for path in expand(pattern if colon else source):
            yield label, Tree(path, name if colon else None)


if __name__ == "__main__":
    run(from_root)
