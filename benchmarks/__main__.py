"""`python -m benchmarks`: generate, prepare, verify, measure, write the tables."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from benchmarks.cases import Case, lcd, make_cases, tabular
from benchmarks.generate import generate
from benchmarks.machine import describe
from benchmarks.readers import READERS
from benchmarks.report import markdown, save
from benchmarks.rounds import ReaderProcesses, Settings, say
from benchmarks.suite import measure_case, measure_memory_of_streams, usual_readers

HERE = Path(__file__).parent
_QUICK = ("lcd-gz32", "lcd-plain", "tabular10-plain")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data", default=HERE / "data", show_default="benchmarks/data", type=click.Path(path_type=Path)
)
@click.option(
    "--out", default=HERE / "results", show_default="benchmarks/results", type=click.Path(path_type=Path)
)
@click.option(
    "--quick", is_flag=True, help="Three cases, small tables, short turns, no memory: a minute or two."
)
@click.option(
    "--long", "long_", is_flag=True, help="Memory up to 40,000 files too, wide tables all compressed."
)
@click.option("--case", "only", multiple=True, help="Only this case; may be given again.")
@click.option("--reader", "chosen", multiple=True, help="Only this reader; may be given again.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Turns of each reader.")
@click.option(
    "--seconds", type=click.FloatRange(0.05), help="Least length of a turn.  [default: 2, quick 0.4]"
)
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1), help="Of each reader.")
@click.option("--cpus", type=click.IntRange(1), help="CPUs to use.  [default: as many as workers]")
@click.option("--tabular-events", type=click.IntRange(1000), help="[default: 10,000,000, quick 1,000,000]")
@click.option("--touch", is_flag=True, help="Sum up every value of every batch.")
def main(
    data: Path,
    out: Path,
    quick: bool,
    long_: bool,
    only: tuple[str, ...],
    chosen: tuple[str, ...],
    rounds: int,
    seconds: float | None,
    workers: int,
    cpus: int | None,
    tabular_events: int | None,
    touch: bool,
) -> None:
    """Measure how fast dlscan and its peers deliver events from HDF5, and what the machine could do at best.

    Writes OUT/latest.md and OUT/latest.json (with --quick quick.*, with --case or --reader part.*); the
    tables go to the standard output too. Every reader is verified, bit by bit, before it is timed; one that
    is wrong is left out, and the exit code is then 1. Run it from the repository, on an idle machine.
    """
    root = data.resolve() / ("quick" if quick else "full")
    events = tabular_events or (1_000_000 if quick else 10_000_000)
    cases = make_cases([lcd(), tabular(10, events), tabular(100, events)], long_)
    for asked, known in ((only, cases), (chosen, READERS)):
        for name in asked:
            if name not in known:
                raise click.UsageError(f"no {name!r}; there are {', '.join(known)}")
    usable = sorted(os.sched_getaffinity(0))
    settings = Settings(
        root=root,
        workers=workers,
        cpus=frozenset(usable[: cpus or workers]),
        rounds=rounds,
        warm=0.5 if quick else 1.0,
        seconds=seconds or (0.4 if quick else 2.0),
        batches=4 if quick else 6,
        check_files=1,
        touch=touch,
    )
    result = _run([cases[name] for name in only or (_QUICK if quick else cases)], list(chosen), settings)
    if not quick and not only:
        measure_memory_of_streams(cases, settings, result, long_)
    # what is only a part of the suite does not take the place of the whole
    name = "part" if only or chosen else "quick" if quick else "latest"
    save(out, name, markdown(result), result)
    click.echo(markdown(result))
    failed = [row for case in result["cases"] for row in case["readers"] if "error" in row]
    sys.exit(1 if failed else 0)


def _run(cases: list[Case], chosen: list[str], settings: Settings) -> dict[str, Any]:
    settings.root.mkdir(parents=True, exist_ok=True)
    result = describe(settings.cpus)
    result |= {"settings": _plain(settings), "cases": [], "prepare": [], "memory": []}
    say(f"files in {settings.root}")
    generate(settings.root, cases, len(settings.cpus))
    with ReaderProcesses(settings) as processes:
        for case in cases:
            measure_case(case, chosen or usual_readers(case), settings, processes, result)
    return result


def _plain(settings: Settings) -> dict[str, Any]:
    return {
        "workers": settings.workers,
        "cpus": len(settings.cpus),
        "rounds": settings.rounds,
        "warm": settings.warm,
        "seconds": settings.seconds,
        "batches": settings.batches,
        "touch": settings.touch,
    }


if __name__ == "__main__":
    main()
