"""`python -m benchmarks.points`: what commands take on thousands of points, and on a slow file system."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from benchmarks.machine import describe
from benchmarks.points.scan import finish, make_commands, make_experiment
from benchmarks.process import clean_environment
from benchmarks.report import made_with, save

HERE = Path(__file__).parent
# of those that draw every model, or read the scores of many
PLOTS = ("bar", "pareto", "parallel", "importance", "history")
GOALS = {
    "scan": 30.0,
    "status, none done": 5.0,
    "status, all done": 5.0,
    "table, first": 5.0,
    "table, again": 5.0,
    "table, the best": 60.0,
    "report": 120.0,
    **{f"plot {kind}": 60.0 for kind in PLOTS},
}
# megabytes of the page
MOST_PAGE = 10.0


class Commands:
    """Runs dlscan on a file system where calls take time, and notes seconds and calls."""

    def __init__(self, home: Path, python_path: Path | None, milliseconds: float) -> None:
        self._home, self._library = home, home / "slow_files.so"
        source = HERE / "slow_files.c"
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", self._library, source, "-ldl"], check=True)
        commands = make_commands(home)
        self._environment = {
            **clean_environment(),
            "PATH": f"{commands}:{os.environ['PATH']}",
            "SLOW_FILES": str(home / "scans"),
            "SLOW_FILES_US": str(int(milliseconds * 1000)),
            "SLOW_FILES_COUNT": str(home / "calls"),
        }
        if python_path is not None:
            self._environment["PYTHONPATH"] = str(python_path)

    def time(self, *arguments: object) -> dict[str, float]:
        """Seconds of a command, and how often it asked the file system."""
        count = self._home / "calls"
        count.unlink(missing_ok=True)
        start, before = time.perf_counter(), _cpu()
        subprocess.run(
            [sys.executable, "-m", "dlscan", *map(str, arguments)],
            env={**self._environment, "LD_PRELOAD": str(self._library)},
            stdout=subprocess.DEVNULL,
            cwd=self._home,
            check=True,
        )
        seconds, cpu = time.perf_counter() - start, _cpu() - before
        calls = sum(map(int, count.read_text().split())) if count.exists() else 0
        return {"seconds": round(seconds, 2), "cpu": round(cpu, 2), "calls": calls}


def _cpu() -> float:
    """Seconds of processor that children have taken so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def _directory(place: Path | None) -> Iterator[Path]:
    if place is not None:
        place.mkdir(parents=True)
        yield place
        return
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def measure(
    home: Path, points: int, repeats: int, milliseconds: float, before: Path | None, report: bool
) -> dict[str, Any]:
    """What each command takes, from a plan to the table of a scan whose points are all done."""
    own = clean_environment() | ({} if before is None else {"PYTHONPATH": str(before)})
    file = make_experiment(home, points, repeats, own)
    commands = Commands(home, before, milliseconds)
    directory = home / "scans" / "many"
    found: dict[str, Any] = {}

    def time_one(name: str, *arguments: object) -> None:
        found[name] = commands.time(*arguments)
        click.echo(f"{name}: {found[name]}")

    time_one("scan", "scan", file)
    time_one("scan, again", "scan", file)
    time_one("status, none done", "status", directory)
    finish(directory, own)
    time_one("status, all done", "status", directory)
    time_one("table, first", "table", directory)
    time_one("table, again", "table", directory)
    if report:
        time_one("table, the best", "table", directory, "--best", "val_auc")
        time_one("report", "report", directory)
        found["report"]["page"] = round((directory / "report.html").stat().st_size / 1e6, 2)
        for kind in PLOTS:
            time_one(f"plot {kind}", "plot", kind, directory)
    return found


def page(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    found = result["found"]
    lines = [
        "# Scans of thousands of points",
        "",
        *made_with(result),
        f"{result['points']:,} points, {result['repeats']} repeats of each network, jobs of 20 points.",
        "",
        "A call opens, makes, renames, links or pushes a file, or asks about one. Each takes",
        f"{result['milliseconds']:g} ms (`benchmarks/points/slow_files.c`). CPU: seconds of processor of all",
        "threads. On a machine with other work, seconds are more than on a quiet one.",
        "",
        "| command | " + " | ".join(f"calls, {name} | CPU, {name} | seconds, {name}" for name in found),
    ]
    lines[-1] += " | ratio | goal |" if len(found) > 1 else " | goal |"
    lines.append("|---|" + "---:|" * (lines[-1].count("|") - 2))
    for command in found["now"]:
        own = [each[command] for each in found.values()]
        cells = [f"{one['calls']:,} | {one['cpu']:.1f} | {one['seconds']:.1f}" for one in own]
        if len(own) > 1:
            cells.append(f"{own[0]['seconds'] / own[1]['seconds']:.1f}")
        cells.append(f"{GOALS[command]:g}" if command in GOALS else "")
        lines.append(f"| {command} | {' | '.join(cells)} |")
    if "report" in found["now"]:
        megabytes = found["now"]["report"]["page"]
        lines += ["", f"The page of the report has {megabytes:.1f} MB; the goal is {MOST_PAGE:g}."]
    return "\n".join(lines) + "\n"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--points", default=10_000, show_default=True, type=click.IntRange(20))
@click.option("--repeats", default=20, show_default=True, type=click.IntRange(1))
@click.option("--milliseconds", default=5.0, show_default=True, help="Of a call to the file system.")
@click.option(
    "--before",
    type=click.Path(exists=True, resolve_path=True, path_type=Path),
    help="Measure this checkout first.",
)
@click.option(
    "--report/--no-report",
    default=True,
    help="Measure `report`, plots and the best model too, which takes minutes.",
)
@click.option("--home", type=click.Path(path_type=Path), help="Leave the scans in this new directory.")
@click.option("--out", default=HERE.parent / "results", type=click.Path(path_type=Path))
def main(
    points: int,
    repeats: int,
    milliseconds: float,
    before: Path | None,
    report: bool,
    home: Path | None,
    out: Path,
) -> None:
    """Measure what commands take on a scan of many points, on a slow file system."""
    found = {}
    with _directory(home) as place:
        for name, checkout in {"before": before, "now": None}.items():
            if name == "before" and before is None:
                continue
            (place / name).mkdir()
            found[name] = measure(place / name, points, repeats, milliseconds, checkout, report)
    own = {"points": points, "repeats": repeats, "milliseconds": milliseconds, "found": found}
    result = describe(frozenset(os.sched_getaffinity(0))) | own
    save(out, "points", page(result), result)


if __name__ == "__main__":
    main()
