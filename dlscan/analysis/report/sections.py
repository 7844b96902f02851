"""The sections of the page: facts as markup."""

import itertools
from collections.abc import Sequence

import yaml

from dlscan.analysis.columns.cells import UNICODE, entry
from dlscan.analysis.labels import unicode_of
from dlscan.analysis.points.folds import what_differs
from dlscan.analysis.points.tasks import metrics_of
from dlscan.analysis.report.compare import Comparison
from dlscan.analysis.report.facts import Facts
from dlscan.analysis.report.markup import (
    escaped,
    escaped_lines,
    listed,
    paragraphs,
    scrolling,
    section,
    simple_table,
    tag,
)
from dlscan.analysis.report.models import MOST_SHOWN_PARTS, Shown, models_table
from dlscan.analysis.report.pictures import IMPORTANCE, Picture
from dlscan.analysis.report.plans import how_chosen
from dlscan.analysis.report.sources import Dataset, provenance, training_hours
from dlscan.analysis.report.summary import summary
from dlscan.analysis.report.words import counted, number_text
from dlscan.analysis.tables.notes import presented

MOST_PROBLEMS = 50
MOST_LEFT = 500
MOST_FILES = 5000


def overview(facts: Facts, compared: Comparison | None, drawn: Sequence[Picture]) -> str:
    """The summary: a few figures, then words."""
    importance = next((picture.rows for picture in drawn if picture.wanted.kind == IMPORTANCE), ())
    words = summary(facts, compared, importance)
    return section("summary", "Summary", _tiles(facts, compared), paragraphs(words))


def not_done(facts: Facts) -> str:
    """Points that are not done and files that could not be read; empty if there are none."""
    parts = []
    for scan in facts.scans:
        if scan.not_done:
            left = scan.not_done
            rows = [
                (str(point.number), point.name, point.state, point.error or "-") for point in left[:MOST_LEFT]
            ]
            first = (
                f"; the first {len(rows)} are shown, dlscan status has more" if len(rows) < len(left) else ""
            )
            caption = f"{scan.name}: {counted(len(left), 'point')} not done{first}"
            parts.append(simple_table(caption, ("Point", "Parameters", "State", "Last error"), rows))
    if facts.problems:
        shown = facts.problems[:MOST_PROBLEMS]
        more = len(facts.problems) - len(shown)
        parts.append(tag("h3", "Files that could not be read"))
        parts.append(listed([*shown, *([f"and {more:,} more"] if more else [])]))
    return section("not-done", "Not done, not readable", *parts) if parts else ""


def models(facts: Facts, shown: Shown) -> str:
    """The table of all models."""
    notes = []
    if shown.left_out:
        notes.append(
            f"{counted(shown.left_out, 'more column')} would make the page slow; dlscan table has them all."
        )
    notes += [
        f"Of {len(task.names)} {task.noun} the first {MOST_SHOWN_PARTS} are shown; Columns has the others."
        for task in metrics_of(facts.points)
        if len(task.names) > MOST_SHOWN_PARTS
    ]
    table = models_table(facts, shown)
    return section("models", "Models", paragraphs(_which_lines(facts, shown)), table, paragraphs(notes))


def _which_lines(facts: Facts, shown: Shown) -> list[str]:
    """What the lines of the table are, and which are not there, where it does not have all trainings."""
    said = []
    if shown.of_models:
        every = f"all {len(facts.points):,} trainings"
        said.append(f"A line is the mean of a model's trainings; dlscan table --repeats each has {every}.")
    if shown.not_shown:
        best = "best on the validation split" if facts.choice else "first"
        said.append(
            f"The {len(shown.order):,} {best} are shown; the other {shown.not_shown:,} are not on this page. "
            "dlscan table has them all."
        )
    return said


def pictures(drawn: Sequence[Picture]) -> str:
    """All pictures; those that are not there say why."""
    parts = []
    for picture in drawn:
        parts.append(tag("h3", escaped(picture.wanted.title), id=f"picture-{picture.wanted.kind}"))
        if picture.absent:
            parts.append(tag("p", escaped(f"Not drawn: {picture.absent}.".replace("..", "."))))
            continue
        parts.append(_figure(picture))
    return section("pictures", "Pictures", *parts)


def configuration(facts: Facts) -> str:
    """The experiment of each scan as it was frozen."""
    parts = []
    for scan in facts.scans:
        parts.append(tag("h3", escaped(scan.name)))
        config = scan.plan.get("config")
        if not config:
            parts.append(paragraphs([f"Not known: {scan.plan_error or 'plan.json has no configuration'}."]))
            continue
        parts.append(paragraphs(filter(None, [how_chosen(scan)])))
        text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=100)
        label = f"Configuration of {scan.name}"
        parts.append(tag("pre", escaped_lines(text), tabindex="0", role="region", aria_label=label))
    return section("configuration", "Configuration", *parts)


def origin(facts: Facts, used: Sequence[Dataset]) -> str:
    """Code, machines, times, datasets and raw files."""
    entries = [tag("dt", escaped(word)) + tag("dd", escaped(value)) for word, value in provenance(facts)]
    return section(
        "provenance",
        "Provenance",
        tag("dl", "\n".join(entries), class_="facts"),
        *itertools.chain.from_iterable(map(_dataset, used)),
    )


def _tiles(facts: Facts, compared: Comparison | None) -> str:
    planned = sum(len(scan.points) + len(scan.unfinished) for scan in facts.scans)
    tiles = []
    if facts.choice is not None:
        tiles.append(("Best on validation", facts.best_name))
        trainings = facts.models.models[facts.choice.position]
        mean = f", mean over {what_differs([trainings])}" if len(trainings) > 1 else ""
        tiles.append((f"Its {unicode_of(facts.headline.title)} (test{mean})", _headline(facts, compared)))
    tiles.append(("Points done", f"{len(facts.points):,} of {planned:,}"))
    tiles += [(f"Training on {kind}", text) for kind, text in training_hours(facts.points)]
    return tag(
        "dl",
        "\n".join(tag("div", tag("dt", escaped(word)), tag("dd", escaped(value))) for word, value in tiles),
        class_="tiles",
    )


def _headline(facts: Facts, compared: Comparison | None) -> str:
    columns, choice = facts.models.columns, facts.choice
    if (
        choice is not None
        and len(facts.models.models[choice.position]) > 1
        and facts.headline.name in columns
    ):
        (column,) = presented([columns[facts.headline.name]], errors=False)
        return entry(column, choice.position, UNICODE)
    if compared is not None:
        return number_text(facts.headline, compared.whole)
    return entry(facts.headline, facts.points.index(facts.best), UNICODE)


def _figure(picture: Picture) -> str:
    text = " ".join(filter(None, (picture.selection, picture.caption)))
    title = picture.wanted.title
    images = []
    for number, image in enumerate(picture.images, 1):
        page = f", page {number} of {len(picture.images)}" if len(picture.images) > 1 else ""
        alt = f"{title}{page}. {picture.selection} The caption has the numbers."
        made = tag("img", src=image.address, width=image.width, height=image.height, alt=alt)
        images.append(scrolling(made, f"{title}{page}"))
    return tag("figure", *images, tag("figcaption", escaped(text)))


def _dataset(dataset: Dataset) -> list[str]:
    parts = [
        tag("h3", escaped(f"Dataset {dataset.path}")),
        paragraphs([f"Configuration hash {dataset.config_hash}."]),
    ]
    manifest = dataset.manifest
    if manifest is None:
        return [*parts, paragraphs([f"Its raw files are not listed: {dataset.absent}."])]
    counts = [
        (split, f"{info.events:,}", *(f"{count:,}" for count in info.counts))
        for split, info in manifest.splits.items()
    ]
    parts.append(simple_table("Events", ("Split", "All", *manifest.classes), counts))
    shown = manifest.sources[:MOST_FILES]
    rows = [
        (source.file, source.label, f"{source.events:,}", f"{source.size:,}", source.checksum)
        for source in shown
    ]
    table = simple_table("Raw files", ("File", "Class", "Events", "Bytes", "Checksum"), rows)
    more = len(manifest.sources) - len(shown)
    note = [f"{more:,} more are in {dataset.path}/manifest.json."] if more else []
    heading = tag("summary", escaped(counted(len(manifest.sources), "raw file")))
    parts.append(tag("details", heading, table, paragraphs(note)))
    if manifest.bad_files:
        left_out = [f"{bad.file}: {bad.reason}" for bad in manifest.bad_files]
        heading = tag("summary", escaped(f"{counted(len(left_out), 'file')} left out by --skip-bad"))
        parts.append(tag("details", heading, listed(left_out)))
    return parts
