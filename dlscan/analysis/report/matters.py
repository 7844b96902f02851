"""Which parameters matter, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.analysis.columns.cells import cell
from dlscan.analysis.columns.column import Column
from dlscan.analysis.compare.importance import TOGETHER
from dlscan.analysis.labels import unicode_of
from dlscan.analysis.report.effects import Effect, effects
from dlscan.analysis.report.facts import Facts
from dlscan.analysis.report.words import named, percent


def extremes(effect: Effect, column: Column) -> str:
    """`0.91 at Width=8 and 0.94 at Width=64`, or of halves `0.91 at Width ≤ 20 and 0.94 at Width > 20`."""
    (low, least), *_, (high, most) = effect.means.items()
    name = f"{effect.name} " if effect.halves else f"{effect.name}="
    return f"{cell(least, column)} at {name}{low} and {cell(most, column)} at {name}{high}"


def matters(facts: Facts, importance: Sequence[Mapping[str, Any]]) -> str:
    """Which parameter matters most: by the analysis of variance if it was made, else by means alone."""
    if facts.choice is None:
        return ""
    column = facts.choice.column
    title = unicode_of(column.full_title)
    found = {each.name: each for each in effects(facts.models, column)}
    if importance:
        return _by_variance(importance, found, column)
    if not found:
        return ""
    seen = next(iter(found.values()))
    return (
        f"{seen.name} seems to matter most, but there are too few models to be sure. On average the "
        f"{title} is {extremes(seen, column)}. That accounts for "
        f"{percent(seen.share)} of the variance between them; a parameter without effect would account for "
        f"{percent(seen.chance)}."
    )


def _by_variance(importance: Sequence[Mapping[str, Any]], found: Mapping[str, Effect], column: Column) -> str:
    title = unicode_of(column.full_title)
    alone = [
        row
        for row in importance
        if "more_than_chance" in row and row["share"] is not None and row["parameter"] != TOGETHER
    ]
    told = [row for row in alone if row["more_than_chance"]]
    chance = [str(row["parameter"]) for row in alone if not row["more_than_chance"]]
    texts = []
    if told:
        first = told[0]
        texts.append(
            f"Of the varied parameters, {first['parameter']} matters most: it explains "
            f"{percent(first['share'])} (68 % interval {percent(first['low'])} to {percent(first['high'])}) "
            f"of the variance of the {title} between the models"
        )
        if first["parameter"] in found:
            texts.append(f"on average it is {extremes(found[first['parameter']], column)}")
        texts.append(named([f"{row['parameter']} explains {percent(row['share'])}" for row in told[1:]]))
        texts.append(f"compatible with chance: {named(chance)}" if chance else "")
    elif chance:
        which = "the other" if _together(importance) else "the varied"
        texts.append(f"None of {which} parameters changes the {title} by more than chance would")
    texts.append(_together(importance))
    events = next((row["share"] for row in importance if row["parameter"] == "(number of events)"), None)
    if events is not None:
        texts.append(f"the finite number of events alone causes {percent(events)} of the variance on average")
    text = "; ".join(filter(None, texts))
    return f"{text[0].upper()}{text[1:]}."


def _together(importance: Sequence[Mapping[str, Any]]) -> str:
    """Which parameters nothing tells apart, and what they explain as a group; empty without such."""
    names = [str(row["parameter"]) for row in importance if row["share"] is None]
    if not names:
        return ""
    text = f"the effects of {named(names)}, which vary together, cannot be separated"
    group = next((row for row in importance if row["parameter"] == TOGETHER), None)
    if group is None:
        return text
    told = f"explain {percent(group['share'])}" if group["more_than_chance"] else "are compatible with chance"
    return f"{text} (as a group they {told})"
