"""The two passes over all tasks, but for those that an unfinished build has ended."""

from collections.abc import Callable
from pathlib import Path

from dlscan.prepare.gather import Gathered, GatherTask, gather, neighbours, note_of
from dlscan.prepare.layout import Format
from dlscan.prepare.notes import SPILL, read_note, remove_others
from dlscan.prepare.processes import RunTasks
from dlscan.prepare.scatter import PieceSummary, ScatterTask, scatter
from dlscan.raw.links import first_changed

# (what is being done, how much is done, of how much)
Progress = Callable[[str, int, int], None]


def scatter_all(
    run: RunTasks, tasks: list[ScatterTask], events: int, progress: Progress
) -> list[PieceSummary]:
    """Do the first pass; gives what is known of each piece, in order."""
    notes = _noted(tasks, progress)
    remove_others(tasks[0].spill, "*.h5", [file for note in notes if note for file in note[0]])
    known: list[list[PieceSummary] | None] = [note and note[1] for note in notes]
    seen = 0

    def done(result: list[PieceSummary]) -> None:
        nonlocal seen
        seen += sum(item.read for item in result)
        progress("reading", seen, events)

    progress("reading", 0, events)
    for result in known:
        if result is not None:
            done(result)
    left = [task for task, result in zip(tasks, known, strict=True) if result is None]
    found = iter(run(scatter, left, done))
    return [item for result in known for item in (next(found) if result is None else result)]


def _noted(
    tasks: list[ScatterTask], progress: Progress
) -> list[tuple[list[Path], list[PieceSummary]] | None]:
    """What an unfinished build has left of each task; None unless it is whole and no link has changed."""
    notes: list[tuple[list[Path], list[PieceSummary]] | None] = [None] * len(tasks)
    there = [number for number, task in enumerate(tasks) if task.note.exists()]
    for checked, number in enumerate(there, 1):
        note = read_note(tasks[number].note, tasks[number].spill)
        if note and not any(first_changed(item.linked) for item in note[1]):
            notes[number] = note
        progress("checking", checked, len(there))
    if None in notes:
        # its files may have other events now, and shards were written from all tasks
        remove_others(tasks[0].spill, note_of(tasks[0].spill, Path("*")).name, [])
    return notes


def gather_all(
    run: RunTasks, place: Path, form: Format, bad: frozenset[int], together: int, progress: Progress
) -> list[Gathered]:
    """Do the second pass; gives the shards of all parts, in order.

    Parameters
    ----------
    place : Path
        Where to write them.
    bad : frozenset of int
        Numbers of the files to leave out.
    together : int
        How many neighbours are gathered at once, at most.
    """
    shards = [
        (split, place / f"{split}-{number:05d}.h5")
        for split, count in zip(form.parts, form.shards, strict=True)
        for number in range(count)
    ]
    known = _gathered(place, [path for _, path in shards], bad)
    left = [number for number, result in enumerate(known) if result is None]
    inputs, extras = ([f"{kind}/{name}" for name in getattr(form, kind)] for kind in ("inputs", "extras"))
    columns = ["labels", "sources", *inputs, *extras]
    tasks = [
        GatherTask(tuple(shards[first:last]), first, place / SPILL, columns, bad, form.classes)
        for first, last in neighbours(left, together)
    ]
    written = len(shards) - len(left)

    def done(result: list[Gathered]) -> None:
        nonlocal written
        written += len(result)
        progress("mixing", written, len(shards))

    progress("mixing", written, len(shards))
    found = (result for group in run(gather, tasks, done) for result in group)
    return [result or next(found) for result in known]


def _gathered(place: Path, shards: list[Path], bad: frozenset[int]) -> list[Gathered | None]:
    """The shards that are whole, in their places; what else is there is removed."""
    known: list[Gathered | None] = []
    for path in shards:
        note = read_note(note_of(place / SPILL, path), place)
        fits = note is not None and note[1].bad == tuple(sorted(bad))
        known.append(note[1] if note and fits else None)
    whole = [path for path, result in zip(shards, known, strict=True) if result is not None]
    remove_others(place, "*.h5", whole)
    return known
