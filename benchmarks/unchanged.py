"""`python -m benchmarks.unchanged OLD NEW`: do two versions of dlscan give the same numbers?"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import yaml

HERE = Path(__file__).parents[1]
LCD = {"Ele": "EleEscan", "Gamma": "GammaEscan", "Pi0": "Pi0Escan", "ChPi": "ChPiEscan"}
SPLIT = {"train": 0.8, "validation": 0.1, "test": 0.1, "seed": 1}
# what differs from run to run, whatever the version
TIMES = {"seconds", "events_per_second"}
RUN = {
    *(
        "seconds_per_epoch",
        "train_seconds",
        "events_per_second",
        "inference_events_per_second",
        "beside_seconds",
        "job_seconds",
        "pack",
    ),
    *("started", "ended", "attempts", "host", "versions", "git_commit", "dataset", "flops", "files"),
}


def showers(raw: Path) -> dict[str, Any]:
    """Four classes of calorimeter showers, two inputs, with weights for the balance and early stopping."""
    return {
        "data": {
            "raw": str(raw),
            "classes": LCD,
            "inputs": ["ECAL", "HCAL"],
            "extras": ["target"],
            "split": SPLIT,
            "normalize": {"ECAL": {"scale": 100}, "HCAL": {"scale": 100}},
            "balance": "weights",
        },
        "model": {"family": "dense", "width": 32, "depth": 1},
        "train": {"epochs": 4, "batch_size": 128, "early_stopping": {"monitor": "val_loss", "patience": 2}},
        "scan": {"grid": {"model.width": [16, 32], "model.depth": [1, 2]}},
    }


def table(raw: Path) -> dict[str, Any]:
    """Two classes of rows of numbers, with repeats."""
    return {
        "data": {
            "raw": str(raw),
            "classes": {"Gamma": "Gamma", "Hadron": "Hadron"},
            "inputs": ["features"],
            "split": SPLIT,
            "normalize": "standard",
        },
        "model": {"family": "dense", "width": 16, "depth": 2, "batch_norm": True, "dropout": 0.1},
        "train": {"epochs": 6, "batch_size": 512, "early_stopping": None, "schedule": "cosine"},
        "scan": {"grid": {"model.activation": ["relu", "tanh"]}, "repeats": 2},
    }


def digits(raw: Path) -> dict[str, Any]:
    """Ten classes of images."""
    return {
        "data": {
            "raw": str(raw),
            "classes": {f"Digit{n}": f"Digit{n}" for n in range(10)},
            "inputs": ["images"],
            "split": SPLIT,
            "normalize": {"images": "minmax"},
        },
        "model": {"family": "dense", "width": 32, "depth": 1},
        "train": {"epochs": 3, "batch_size": 256, "optimizer": "sgd", "momentum": 0.9},
        "scan": {"grid": {"train.learning_rate": [0.01, 0.1]}},
    }


# by name: experiment, directory below --data (simulated without), options of `prepare`, whether to interrupt
CASES: dict[str, tuple[Any, str, tuple[str, ...], dict[str, Any], bool]] = {
    "demo": (showers, "", (), {}, False),
    "demo-index": (showers, "", ("--index-only",), {}, False),
    "demo-pack": (showers, "", (), {"models_per_job": 4}, False),
    "lcd_g3": (showers, "lcd_g3", (), {}, False),
    "lcd_g3-resumed": (showers, "lcd_g3", (), {"models_per_job": 2}, True),
    "magic": (table, "magic", (), {}, False),
    "magic-pack": (table, "magic", (), {"models_per_job": 4}, False),
    "mnist10k": (digits, "mnist10k", (), {}, False),
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("old", type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path))
@click.argument("new", type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path))
@click.option(
    "--data",
    default=os.environ.get("DLSCAN_TEST_DATA"),
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the real data are (lcd_g3, magic, mnist10k); DLSCAN_TEST_DATA by default.",
)
@click.option(
    "--case",
    "only",
    multiple=True,
    type=click.Choice(sorted(CASES)),
    help="Only this one; may be given again.",
)
@click.option(
    "--new-set", multiple=True, metavar="KEY=VALUE", help="For NEW alone, such as the default of OLD."
)
def main(old: Path, new: Path, data: Path | None, only: tuple[str, ...], new_set: tuple[str, ...]) -> None:
    """Run the same scans with the dlscan commands OLD and NEW, and compare what they leave.

    Compared are every column of the histories but times, every metric with its interval and its reason, and
    what `table` prints. Exit code 1 if something differs.
    """
    different = False
    with tempfile.TemporaryDirectory() as scratch:
        for name in only or CASES:
            make, below, options, batch, interrupted = CASES[name]
            if below and data is None:
                click.echo(f"{name}: SKIPPED, no --data")
                continue
            raw = data / below if below and data else _simulated(Path(scratch))
            found = []
            for which, command in (("old", old), ("new", new)):
                place = Path(scratch) / f"{name}-{which}"
                place.mkdir()
                experiment = {"name": name, **make(raw), "batch": {"system": "local", **batch}}
                (place / "e.yaml").write_text(yaml.safe_dump(experiment, sort_keys=False), encoding="utf-8")
                found.append(_run(command, place, options, new_set if which == "new" else (), interrupted))
                shutil.rmtree(place / "prepared", ignore_errors=True)
            differences = list(_differences(*found))
            different = different or bool(differences)
            click.echo(f"{name}: {'DIFFERENT' if differences else 'the same'}, {len(found[0])} numbers")
            for line in differences[:20]:
                click.echo(f"  {line}")
    sys.exit(different)


def _simulated(scratch: Path) -> Path:
    raw = scratch / "raw"
    if not raw.exists():
        script = HERE / "data_prep" / "simulate_showers.py"
        subprocess.run([sys.executable, script, raw, "--events", "1000", "--files", "2"], check=True)
    return raw


def _run(
    command: Path, place: Path, options: tuple[str, ...], overrides: tuple[str, ...], interrupted: bool
) -> dict[str, Any]:
    """Every number that a scan leaves, by its name."""

    def dlscan(*arguments: str) -> str:
        done = subprocess.run([command, *arguments], cwd=place, capture_output=True, text=True)
        if done.returncode:
            raise click.ClickException(f"{command} {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    dlscan("prepare", "e.yaml", *options, *overrides)
    if interrupted:
        _interrupt([str(command), "scan", "e.yaml", *overrides], place)
    dlscan("scan", "e.yaml", *overrides)
    numbers: dict[str, Any] = {"table": dlscan("table", f"scans/{place.name.rsplit('-', 1)[0]}")}
    for record in sorted(place.glob("scans/*/points/*/record.json")):
        point = record.parent.name.split("-")[0]
        content = json.loads(record.read_text(encoding="utf-8"))
        numbers.update(_flat({key: value for key, value in content.items() if key not in RUN}, point))
        with (record.parent / "history.csv").open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                epoch = row["epoch"]
                numbers.update({f"{point} epoch {epoch} {k}": v for k, v in row.items() if k not in TIMES})
    return numbers


def _interrupt(command: list[str], place: Path) -> None:
    """Start a scan and end it by SIGTERM once its first point has ended an epoch."""
    with subprocess.Popen(command, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as scan:
        end = time.monotonic() + 300
        while not any(place.glob("scans/*/points/*/history.csv")) and time.monotonic() < end:
            time.sleep(0.05)
        scan.send_signal(signal.SIGTERM)


def _flat(value: Any, above: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{above} {key}")
    else:
        yield above, value


def _differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """What of OLD is missing in NEW or differs; NEW may say more."""
    for key, value in old.items():
        if key not in new:
            yield f"{key}: only the old version has it"
        elif new[key] != value:
            yield f"{key}: {value!r}, new {new[key]!r}"


if __name__ == "__main__":
    main()
