"""How the inputs of an experiment are put together, found out from its raw files."""

import dataclasses
from collections.abc import Sequence

from dlscan.config import Experiment, Input
from dlscan.prepare.layout import raw_datasets, raw_names, whole_datasets
from dlscan.raw import RawError, RawFile, Recipe
from dlscan.raw.handle import RawHandle
from dlscan.raw.offsets import ENDS
from dlscan.raw.resolve import recipe_of


def find_recipes(experiment: Experiment, files: Sequence[RawFile]) -> dict[str, Recipe]:
    """How inputs that are more than a dataset are put together, as the first good file has it.

    Raises
    ------
    ConfigError
        If no file has what an input says; with what the first one has instead.
    """
    wanted = {
        name: own
        for name, own in experiment.data.stored.items()
        if name not in whole_datasets(experiment.data)
    }
    first: tuple[str, RawFile, RawError] | None = None
    for file in files if wanted else ():
        try:
            with RawHandle(file.path, file.roots) as handle:
                found = _found(wanted, handle)
                if isinstance(found, dict):
                    _require_events(experiment, found)
                    return _settled(experiment, found, handle)
        except RawError:
            continue  # checking all files will say so
        first = first or (found[0], file, found[1])
    if first is not None:
        name, file, error = first
        raise experiment.problem(f"data.inputs.{name}", f"{file.path}: {error}")
    return {}


def _found(wanted: dict[str, Input], handle: RawHandle) -> dict[str, Recipe] | tuple[str, RawError]:
    recipes = {}
    for name, own in wanted.items():
        try:
            recipes[name] = recipe_of(name, own, handle)
        except RawError as error:
            return name, error
    return recipes


def _require_events(experiment: Experiment, recipes: dict[str, Recipe]) -> None:
    """Check that what is asked of each event is not in a dataset without a row of numbers for each event."""
    others = {
        name: own
        for own, recipe in recipes.items()
        for name, role in recipe.roles.items()
        if role != "events" or recipe.layout == "lists"
    }
    for key, names in raw_names(experiment.data, recipes).items():
        for name in names if key != "inputs" else ():
            if name in others:
                raise experiment.problem(
                    f"data.{key}",
                    f"{name} has no row of numbers for each event, as data.inputs.{others[name]} says",
                )


def _settled(experiment: Experiment, recipes: dict[str, Recipe], handle: RawHandle) -> dict[str, Recipe]:
    """Offsets that are as many as events say where each event ends; with one more, where each begins.

    Where nothing else says how many events there are, they are ends if they are called as in LEGEND's files.
    """
    roles = {name: role for recipe in recipes.values() for name, role in recipe.roles.items()}
    others = [
        name for name in raw_datasets(experiment.data, recipes) if roles.get(name, "events") == "events"
    ]
    events = {handle.find(name).shape[0] for name in others[:1]}
    settled = {}
    for name, recipe in recipes.items():
        if recipe.edges == "edges":
            (offsets,) = recipe.offsets
            named = not events and offsets.rpartition("/")[2] == ENDS
            if named or events == {handle.find(offsets).shape[0]}:
                recipe = dataclasses.replace(recipe, edges="ends")
        settled[name] = recipe
    return settled
