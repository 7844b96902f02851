"""Raw files that are no part of a dataset, to which a network is applied: which they are, what they have."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from dlscan.config import Experiment
from dlscan.config.event_labels import LabelColumn
from dlscan.config.selection import Selection
from dlscan.dataset import Manifest
from dlscan.errors import BadFilesError, DataError
from dlscan.prepare.layout import entry_names, roles_of
from dlscan.raw import FileLayout, RawFile, Recipe, check_files
from dlscan.raw.places import ALL_SUFFIXES, by_number


@dataclasses.dataclass(frozen=True)
class NewFiles:
    """Raw files to which a network is applied, checked by their headers.

    Attributes
    ----------
    files : tuple of RawFile
        All, in the order in which they were given.
    layouts : dict of RawFile to FileLayout
        Of those that can be used.
    bad : dict of RawFile to str
        The others, and why.
    column : LabelColumn or None
        What says the class of each event, if all files have it.
    known : bool
        Whether it is known of which class events are.
    extras : tuple of str
        Extras of the dataset that tell the truth, or weigh events, and that all files have.
    """

    files: tuple[RawFile, ...]
    layouts: dict[RawFile, FileLayout]
    bad: dict[RawFile, str]
    column: LabelColumn | None
    known: bool
    extras: tuple[str, ...]


def find_new_files(paths: Sequence[Path], target: Path) -> list[Path]:
    """The HDF5 files that were given, and those in directories that were given, in order, each once.

    Hidden files and directories are left alone, and so is `target`, which is written.

    Raises
    ------
    DataError
        If one is not there, or a directory has none.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise DataError(f"{path}: no such file or directory")
        inside = _inside(path) if path.is_dir() else [path]
        if not inside:
            raise DataError(f"{path}: no HDF5 files here ({', '.join(ALL_SUFFIXES)})")
        for each in inside:
            found.setdefault(each.resolve(), each)
    found.pop(target.resolve(), None)
    if not found:
        raise DataError(f"{target}: is the output, and no other file was given")
    return list(found.values())


def _inside(directory: Path) -> list[Path]:
    found = (
        path
        for path in directory.rglob("*")
        if path.suffix.lower() in ALL_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(directory).parts)
        and path.is_file()
    )
    return sorted(found, key=by_number)


def check_new_files(
    experiment: Experiment,
    manifest: Manifest,
    paths: Sequence[Path],
    wanted: Sequence[str] = (),
    skip_bad: bool = False,
) -> NewFiles:
    """Check that files have what a network of a dataset takes, and see what they have of the truth.

    Parameters
    ----------
    experiment : Experiment
        Of the point: its inputs, cuts, labels and weights.
    manifest : Manifest
        Of the dataset that it was trained on.
    paths : sequence of Path
        The files.
    wanted : sequence of str
        The extras that the task learns from.
    skip_bad : bool
        Leave bad files out instead of stopping.

    Raises
    ------
    BadFilesError
        With every bad file, unless `skip_bad`; in any case if no file is left.
    """
    data = experiment.data
    labels = _directories(data.classes, manifest.classes)
    files = tuple(
        RawFile(
            path,
            str(path.resolve()),
            labels.get(path.resolve().parent.name, -1),
            None if data.follow_links else (path.resolve().parent,),
        )
        for path in paths
    )
    recipes = recipes_of(manifest)
    roles = roles_of(recipes)
    cuts = (each.extra for each in data.where.selections.values())
    cut = [name for name in cuts if name not in entry_names(recipes)]
    needed = list(dict.fromkeys([*manifest.whole.values(), *roles, *cut]))
    layouts, bad = check_files(files, needed, roles)
    for file, layout in list(layouts.items()):
        reason = _unlike(layout, manifest)
        if reason:
            bad[file] = reason
            del layouts[file]
    if bad and (not skip_bad or not layouts):
        raise BadFilesError([(file.path, bad[file]) for file in files if file in bad], skip_bad)

    def have(*numbers: Selection) -> bool:
        """Whether all files that can be used have these too; the first has what all have."""
        names = list(dict.fromkeys([*needed, *(each.extra for each in numbers)]))
        found, lacking = check_files(list(layouts), names, roles)
        if lacking:
            return False
        shapes = next(iter(found.values())).shapes
        return not any(
            each.why_not(shapes[each.extra])
            or (each.extra in manifest.extras and shapes[each.extra] != manifest.extras[each.extra].shape)
            for each in numbers
        )

    column = data.label_column
    if column is not None and not have(column.column):
        column = None
    known = all(file.label >= 0 for file in layouts) if data.label_column is None else column is not None
    targets = list(experiment.task.targets.values()) if wanted else []
    extras = list(wanted) if targets and have(*targets) else []
    weights = data.weights
    if weights is not None and have(weight_of(experiment)):
        extras.append(weights)
    return NewFiles(files, layouts, bad, column, known, tuple(dict.fromkeys(extras)))


def weight_of(experiment: Experiment) -> Selection:
    """The number of an event that `data.weights` names."""
    name = str(experiment.data.weights)
    return experiment.data.implied.get(name) or Selection(name)


def recipes_of(manifest: Manifest) -> dict[str, Recipe]:
    """How inputs are put together that are more than a dataset."""
    return {name: Recipe.from_plain(made.recipe) for name, made in manifest.made.items()}


def _directories(classes: Mapping[str, str] | None, labels: Sequence[str]) -> dict[str, int]:
    """The class of each directory that has one."""
    named = classes or {label: label for label in labels}
    return {Path(named[label]).name: number for number, label in enumerate(labels) if label in named}


def _unlike(layout: FileLayout, manifest: Manifest) -> str:
    """What of a file is not as the dataset has it; empty if nothing is."""
    for name, dataset in manifest.whole.items():
        shape, wanted = layout.shapes.get(dataset), manifest.inputs[name].shape
        if shape is not None and shape != wanted:
            return f"{dataset} has shape {shape}, but the network takes {wanted}"
    return ""
