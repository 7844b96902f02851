"""From scans to the file of a report."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import dlscan
from dlscan.analysis.output import home, output
from dlscan.analysis.report import sections
from dlscan.analysis.report.compare import compare
from dlscan.analysis.report.facts import Facts, gather
from dlscan.analysis.report.models import choose_columns, hidden_columns
from dlscan.analysis.report.page import page
from dlscan.analysis.report.pictures import draw_all
from dlscan.analysis.report.sources import datasets
from dlscan.analysis.report.words import counted, named
from dlscan.spelling import plural

log = logging.getLogger("dlscan")


def report(
    scans: Sequence[Path],
    file: Path | None = None,
    by: str | None = None,
    labels: Mapping[Path, Mapping[str, str]] | None = None,
) -> Path:
    """Write the page about all points of `scans`.

    Parameters
    ----------
    scans : sequence of Path
        Directories of scans.
    file : Path, optional
        Where to; by default `report.html` in `home(scans)`.
    by : str, optional
        Which per-event variable the plot against energy goes by: `target[:,0,1]`.
    labels : mapping, optional
        Of classes and datasets: see `dlscan.analysis.points.records.load`.

    Returns
    -------
    Path
        The file. The same scans give the same bytes.

    Raises
    ------
    ScanError
        If a directory is no scan, or no point of any scan is done.
    UsageError
        If `by` is no per-event variable.
    DlscanError
        If the file cannot be written.
    """
    facts = gather(scans, labels)
    text = document(facts, by)
    if facts.problems:
        log.warning("%s could not be read: the page says which", counted(len(facts.problems), "file"))
    target = file or home(scans) / "report.html"
    with output(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return target


def document(facts: Facts, by: str | None = None) -> str:
    """The page as a text."""
    shown = choose_columns(facts)
    compared = compare(facts)
    drawn = draw_all(facts, by)
    parts = {
        # what could not be read is known once all has been read: the summary comes last
        "models": sections.models(facts, shown),
        "pictures": sections.pictures(drawn),
        "configuration": sections.configuration(facts),
        "provenance": sections.origin(facts, datasets(facts.points)),
    }
    first = {"summary": sections.overview(facts, compared, drawn), "not-done": sections.not_done(facts)}
    names = named([scan.name for scan in facts.scans], 3)
    return page(
        title=f"{plural(len(facts.scans), 'Scan')} {names}",
        subtitle=f"{facts.how_many}, the newest of {facts.created}",
        sections=first | parts,
        hidden=hidden_columns(shown),
        footer=f"dlscan {dlscan.__version__}, from records up to {facts.created}. This page loads nothing.",
        version=dlscan.__version__,
    )
