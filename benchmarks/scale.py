"""`python -m benchmarks.scale`: what a billion events need, from what thousands were measured to need."""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import yaml

from benchmarks.cases import GZIP_AUTO, Case, lcd
from benchmarks.generate import generate

# Networks of the lecture's scan and epochs of each; workers of `prepare`, GPUs of a node.
NETWORKS, EPOCHS = 20, 30
WORKERS, GPUS = 64, 8
# Events per second that one GPU trains: nobody has measured yours, so that the page has three.
RATES = (50_000, 200_000, 800_000)
# Events that are prepared in no time.
FEWEST = 160


@dataclasses.dataclass(frozen=True)
class Measured:
    """What events were measured to need.

    Attributes
    ----------
    raw, prepared, dense, entries : float
        Bytes of an event in gzipped files, in shards, as float32, and on the way to a GPU as entries.
    prepare : float
        Seconds of one processor for `dlscan prepare` of an event.
    stream : float
        Events per second that one worker of a stream delivers from shards.
    """

    raw: float
    prepared: float
    dense: float
    entries: float
    prepare: float
    stream: float


# Calorimeter-shaped events: `raw`, `prepared` and `stream` from results/latest.md (gzip, automatic chunks; a
# stream of two workers), `prepare` from docs/prepare.md (15,000 events/s on two cores), `entries` from the
# cells that are not zero, 12 bytes each. `--check` measures all but `stream`.
LCD = Measured(raw=4_790, prepared=4_857, dense=68_500, entries=9_670, prepare=2 / 15_000, stream=361_697 / 2)


def tables(events: float, one: Measured) -> str:
    """What so many events need, as Markdown."""
    total = one.prepare * events
    hours = total / WORKERS / 3600
    # raw files are read twice, once for their checksums; runs are written and read, shards are written
    moved = events * (2 * one.raw + 3 * one.prepared)
    lines = [
        "| step | | |",
        "|---|---|---:|",
        f"| data | raw files, gzip | {_tb(events * one.raw)} |",
        f"| | prepared | {_tb(events * one.prepared)} |",
        f"| | the same as float32 | {_tb(events * one.dense)} |",
        f"| `prepare` | processor time | {total / 3600:,.0f} h |",
        f"| | with {WORKERS} workers | {hours:.1f} h |",
        f"| | read and written | {_tb(moved)} |",
        f"| | the disk, for that | {moved / hours / 3600 / 1e9:.1f} GB/s |",
        f"| | with a disk of 2 GB/s | {moved / 2e9 / 3600:.1f} h |",
        f"| | room for runs and shards at once | {_tb(2 * events * one.prepared)} |",
        "",
        f"| events/s of a GPU | {GPUS} GPUs | disk | bus, entries | bus, dense | workers | epoch |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for rate in RATES:
        every = rate * GPUS
        rates = [every * one.prepared, rate * one.entries, rate * one.dense]
        cells = [f"{rate:,}", f"{every:,}", *(f"{each / 1e9:.1f} GB/s" for each in rates)]
        cells += [f"{-(-every // one.stream):.0f}", f"{0.8 * events / every / 60:,.0f} min"]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| events/s of a GPU | node hours | read, a job for each network | read, one pack |"]
    lines.append("|---:|---:|---:|---:|")
    for rate in RATES:
        passed = EPOCHS * 0.8 * events
        hours = NETWORKS * passed / rate / GPUS / 3600
        read = passed * one.prepared
        lines.append(f"| {rate:,} | {hours:,.0f} | {_tb(NETWORKS * read)} | {_tb(read)} |")
    return "\n".join(lines) + "\n"


def check(events: int) -> Measured:
    """Measure what generated events need on this machine."""
    with tempfile.TemporaryDirectory() as place:
        # what starting takes belongs to no event
        start = _prepared(Path(place) / "few", FEWEST)[0]
        seconds, raw, shards, case = _prepared(Path(place) / "all", events)
        lit = json.loads((shards / "manifest.json").read_text())["statistics"]
        cells = {name: dense for name, dense in (("ECAL", 25**3), ("HCAL", 5 * 5 * 60))}
        # a row, a cell and a value of each entry
        entries = sum(12 * lit[name]["occupancy"] * count for name, count in cells.items())
        return Measured(
            _size(raw) / events,
            _size(shards) / events,
            case.sample.event_bytes,
            entries,
            (seconds - start) / (events - FEWEST),
            LCD.stream,
        )


def _prepared(home: Path, events: int) -> tuple[float, Path, Path, Case]:
    """Generate so many events and prepare them: seconds of processor, raw files, shards, what they are."""
    home.mkdir()
    case = Case("lcd-gzauto", lcd(files=4, events=events // 16), GZIP_AUTO)
    generate(home, [case], len(os.sched_getaffinity(0)))
    raw = home / case.sample.name / case.layout.name
    classes = {label: label for label in case.sample.labels}
    data = {"raw": str(raw), "classes": classes, "inputs": list(case.sample.inputs)}
    file = home / "scale.yaml"
    file.write_text(yaml.safe_dump({"name": "scale", "data": data}))
    before = _cpu()
    command = [sys.executable, "-m", "dlscan", "prepare", str(file), "--workers", "1"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return _cpu() - before, raw, home / "prepared" / "scale", case


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def _tb(size: float) -> str:
    return f"{size / 1e12:,.1f} TB"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--events", default=1e9, show_default=True)
@click.option(
    "--check", "measured", type=click.IntRange(10 * FEWEST), help="Measure with so many generated events."
)
def main(events: float, measured: int | None) -> None:
    """Print what so many events need, by what is noted here or is measured now."""
    one = LCD
    if measured is not None:
        one = check(measured)
        for field in dataclasses.fields(Measured):
            noted, found = getattr(LCD, field.name), getattr(one, field.name)
            how = "not measured" if field.name == "stream" else f"{found / noted:.2f} of what is noted"
            click.echo(f"{field.name}: {found:.6g}, {how}")
    click.echo(tables(events, one))


if __name__ == "__main__":
    main()
