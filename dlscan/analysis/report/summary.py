"""What a report says in words."""

import itertools
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.analysis.columns.cells import UNICODE, entry
from dlscan.analysis.columns.column import Column
from dlscan.analysis.compare.chosen import chosen, sentence
from dlscan.analysis.labels import unicode_of
from dlscan.analysis.points.folds import what_differs
from dlscan.analysis.points.models import groups
from dlscan.analysis.points.tasks import metrics_of
from dlscan.analysis.report.against import against
from dlscan.analysis.report.compare import SIGNIFICANT, Comparison
from dlscan.analysis.report.facts import Facts
from dlscan.analysis.report.matters import matters
from dlscan.analysis.report.states import Unfinished
from dlscan.analysis.report.words import counted, named, number_text
from dlscan.spelling import agree, plural

# what a person reads in a sentence
MOST_PARTS = 5
_ON_TEST = "On the test split, which had no part in the choice,"


def summary(
    facts: Facts, compared: Comparison | None, importance: Sequence[Mapping[str, Any]] = ()
) -> list[str]:
    """Paragraphs, the most important first.

    Parameters
    ----------
    facts : Facts
        What it is about.
    compared : Comparison or None
        The best model and those next to it.
    importance : sequence of mapping
        The numbers behind the picture `importance`, if it could be drawn.
    """
    said = [
        *([_best(facts, compared)] if facts.comparable else _each_best(facts)),
        against(facts),
        _chosen(facts),
        _alike(facts, compared),
        _repeats(facts) if facts.comparable else "",
        matters(facts, importance),
        *facts.notes,
        *_states(facts),
        _problems(facts),
    ]
    return [text for text in said if text]


def _best(facts: Facts, compared: Comparison | None) -> str:
    name = facts.name(facts.best)
    if facts.choice is None:
        return (
            f"There are {counted(len(facts.models.models), 'model')}, and none has a validation result. No "
            "model is called the best here, because a choice made on the test split would be biased. Where "
            f"the page needs one model, it shows {name}."
        )
    found = f"The best model is {facts.best_name}. It was chosen by {facts.chosen_by}: {facts.choice.reason}."
    trainings = len(facts.models.models[facts.choice.position])
    of = f" of the first of its {trainings} trainings" if trainings > 1 else ""
    its = "the" if trainings > 1 else "its"
    if compared is not None:
        parts = [
            f"{facts.called(name)} {number_text(facts.headline, each)}"
            for name, each in compared.parts.items()
        ]
        several = len(parts) > 1 and len(facts.task.each) > 1
        each_part = f" ({', '.join(parts)})" if several and len(parts) <= MOST_PARTS else ""
        word = facts.task.word if several else _title(facts)
        return (
            f"{found} {_ON_TEST} {its} {word}{of} is {number_text(facts.headline, compared.whole)}"
            f"{f', {facts.task.mean_of}' if several else ''}{each_part}. "
            f"The statistical uncertainty (68 %) is that of {counted(compared.events, 'test event')}."
        )
    row, column = facts.rows.points.index(facts.best), facts.headline
    if column.values[row] is None:
        reason = facts.best.record.reasons.get(column.name, "not measured")
        return f"{found} It has no {facts.task.word} on the test split: {reason}."
    title = unicode_of(column.title)
    return f"{found} {_ON_TEST} {its} {title}{of} is {entry(column, row, UNICODE)}."


def _each_best(facts: Facts) -> list[str]:
    """The best model of each group that compares."""
    reason = (
        f"were tested on different events ({facts.different_events})"
        if facts.different_events
        else "have learned different things"
    )
    texts = [f"The models {reason}. Their numbers cannot be compared, so none is called the best of all."]
    for choice, point in facts.choices:
        where = f"Tested on {point.events}: the" if point.events else "The"
        text = (
            f"{where} best by {unicode_of(choice.column.full_title)} is {facts.name(point)} "
            f"({choice.reason})."
        )
        task = metrics_of([point])[0]
        column = facts.rows.columns.get(task.headline)
        row = facts.points.index(point)
        if column is not None and column.values[row] is not None:
            text += f" {_ON_TEST} its {unicode_of(column.title)} is {entry(column, row, UNICODE)}."
        texts.append(text)
    return texts


def _chosen(facts: Facts) -> str:
    """Who else may be the best on validation, and what the choice owes to chance."""
    if facts.choice is None:
        return ""
    models, column, best = facts.models.models, facts.choice.column, facts.choice.position
    found = chosen(models, column, best, facts.choice.considered)
    return "" if found is None else f"{sentence(found, models, column, best, facts.best_name)}."


def _alike(facts: Facts, compared: Comparison | None) -> str:
    if compared is None or not compared.differences:
        return ""
    count = len(compared.differences)
    next_best = (
        "The next best model on validation" if count == 1 else f"the {count} next best models on validation"
    )
    left_out = f" ({compared.left_out} more were not compared)" if compared.left_out else ""
    alike = [facts.name(point) for point in compared.alike]
    beyond = "by less than" if alike else "by more than"
    if count == 1:
        name = facts.name(compared.differences[0][0])
        who = f"{next_best}, {name}, {'cannot' if alike else 'can'} be distinguished"
    elif len(alike) in (0, count):
        who = f"{'None' if alike else 'Each'} of {next_best}{left_out} can be distinguished"
    else:
        who = f"Of {next_best}{left_out}, {len(alike)} cannot be distinguished"
    who += " from it with these test events"
    which = f": {named(alike)}" if alike and count > 1 else ""
    text = (
        f"{who}{which}. The {_title(facts)} differs {beyond} "
        f"{SIGNIFICANT:.0f} standard deviations of the paired difference, event by event. "
        "Another seed would change each of them a little as well."
    )
    if count > 5:
        text += f" Of {count} comparisons about {0.0455 * count:.1f} go beyond that by chance alone."
    better = [facts.name(point) for point in compared.better]
    if better:
        text += (
            f" Better on the test split by more than that: {named(better)}. The choice stands, "
            "because it was made without the test split."
        )
    return text


def _title(facts: Facts) -> str:
    return unicode_of(facts.headline.title)


def _repeats(facts: Facts) -> str:
    """The spread of the best model over its repeats with other seeds."""
    row = facts.rows.points.index(facts.best)
    own = next(group for group in groups(facts.points) if row in group)
    column = facts.headline
    values = [column.values[each] for each in own if column.values[each] is not None]
    if len(values) < 2:
        return ""
    spread = (statistics.stdev(values),)
    mean = entry(Column(column.name, column.kind, (statistics.fmean(values),), spreads=spread), 0, UNICODE)
    over = what_differs([[facts.points[each] for each in own]])
    what = {"repeats": "repeats of this model with other seeds"}.get(
        over, f"trainings of this model ({over})"
    )
    return (
        f"The {len(values)} {what} reach {unicode_of(column.full_title)} "
        f"{mean} "
        "(mean and standard deviation). This mean, not the best of them, is what to expect from training it "
        "again."
    )


def _states(facts: Facts) -> list[str]:
    """A paragraph per scan that is not complete."""
    texts = []
    for scan in facts.scans:
        left, early = scan.not_done, len(scan.unfinished) - len(scan.not_done)
        of = f"Of the {counted(len(scan.points) + len(scan.unfinished), 'point')} of {scan.name}"
        if early:
            texts.append(
                f"{of}, {early} {agree(early, 'is', 'are')} paused or stopped by scan.halving; "
                "`dlscan status` tells which may go on."
            )
        if not left:
            continue
        states = Counter(point.state for point in left)
        parts = ", ".join(f"{count} {state}" for state, count in states.most_common())
        text = f"{of}, {len(left)} {agree(len(left), 'is', 'are')} not done: {parts}."
        texts.append(" ".join([text, *_reasons(left)]))
    return texts


def _reasons(points: Sequence[Unfinished]) -> list[str]:
    """The most common errors, each with its points."""
    failed = sorted((point for point in points if point.error), key=lambda point: point.error)
    by_error = [(error, list(them)) for error, them in itertools.groupby(failed, lambda point: point.error)]
    by_error.sort(key=lambda item: -len(item[1]))
    texts = [
        f"{plural(len(them), 'Point')} {named([str(point.number) for point in them])}: {error.rstrip('.')}."
        for error, them in by_error[:3]
    ]
    return (
        [*texts, f"The list below has {counted(len(by_error) - 3, 'other error')}."]
        if by_error[3:]
        else texts
    )


def _problems(facts: Facts) -> str:
    if not facts.problems:
        return ""
    return f"{counted(len(facts.problems), 'file')} could not be read. The list is below."
