"""`python -m benchmarks.packs`: generate, prepare, train every scan in every way, write the tables."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from benchmarks.machine import describe
from benchmarks.packs.report import complete, markdown
from benchmarks.packs.run import measure_scan, usual_ways
from benchmarks.packs.scans import first_models, make_scans
from benchmarks.packs.ways import WAYS, Place
from benchmarks.report import save

HERE = Path(__file__).parents[1]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data", default=HERE / "data", show_default="benchmarks/data", type=click.Path(path_type=Path)
)
@click.option(
    "--out", default=HERE / "results", show_default="benchmarks/results", type=click.Path(path_type=Path)
)
@click.option("--quick", is_flag=True, help="Fewer events and epochs.")
@click.option("--scan", "only", multiple=True, help="Only this scan; may be given again.")
@click.option("--way", "chosen", multiple=True, help="Only this way; may be given again.")
@click.option("--rounds", type=click.IntRange(1), help="Turns of each way.  [default: 3, quick 1]")
@click.option("--cpus", default=2, show_default=True, type=click.IntRange(1), help="CPUs to use.")
@click.option("--events", type=click.IntRange(10), help="Of each file, in place of 1280 or 9500.")
@click.option("--epochs", type=click.IntRange(1), help="Of each network.")
@click.option("--models", type=click.IntRange(1), help="Only so many of each scan, for a trial.")
@click.option(
    "--auc-within",
    default=0.02,
    show_default=True,
    type=click.FloatRange(0),
    help="How far the area under the ROC curve of a network may be from that of the peer's.",
)
def main(
    data: Path,
    out: Path,
    quick: bool,
    only: tuple[str, ...],
    chosen: tuple[str, ...],
    rounds: int | None,
    cpus: int,
    events: int | None,
    epochs: int | None,
    models: int | None,
    auc_within: float,
) -> None:
    """Measure how long whole scans take with dlscan, in packs and one point a job, and with Keras and h5py.

    Writes OUT/packs.md and OUT/packs.json (with --quick packs-quick.*, with any choice packs-part.*); the
    tables go to the standard output too. A way that trains fewer networks than it should, or worse ones, is
    left out, and the exit code is then 1. Run it from the repository, on an idle machine.
    """
    scans = make_scans(quick, events, epochs)
    for asked, known in ((only, scans), (chosen, WAYS)):
        for name in asked:
            if name not in known:
                raise click.UsageError(f"no {name!r}; there are {', '.join(known)}")
    place = Place(
        (data / ("packs-quick" if quick else "packs")).resolve(),
        frozenset(sorted(os.sched_getaffinity(0))[:cpus]),
    )
    place.root.mkdir(parents=True, exist_ok=True)
    turns = rounds or (1 if quick else 3)
    settings = {"rounds": turns, "cpus": len(place.cpus), "auc_within": auc_within}
    result: dict[str, Any] = describe(place.cpus) | {"settings": settings, "scans": []}
    for name in only or scans:
        scan = scans[name] if models is None else first_models(scans[name], models)
        names = list(chosen) or usual_ways(scan)
        entry = measure_scan(scan, names, place, turns, auc_within)
        complete(entry)
        result["scans"].append(entry)
    part = only or chosen or any(option is not None for option in (events, epochs, models))
    kind = "packs-part" if part else "packs-quick" if quick else "packs"
    save(out, kind, markdown(result), result)
    click.echo(markdown(result))
    failed = [row for scan in result["scans"] for row in scan["rows"] if "error" in row]
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
