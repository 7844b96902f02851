"""A scan's directory as training leaves it, with made-up numbers from a seed."""

import csv
import itertools
import json

import h5py
import numpy as np

from dlscan.metrics import one_against_rest
from dlscan.record import PointPaths, Record

CLASSES = ("Ele", "Gamma", "Pi0", "ChPi")
GRID = {"model.width": [64, 256], "model.depth": [2, 3]}
FORTY = {"model.width": [16, 32, 64, 128, 256, 512, 1024, 2048], "model.depth": [1, 2, 3, 4, 5]}


def write_scan(
    directory, grid=None, *, classes=CLASSES, seed=1, done=None, events=400, epochs=12, repeats=1, change=None
):
    """Write a scan of which `done` points are done; `change(number, record)` alters a record's mapping."""
    grid = GRID if grid is None else grid
    combinations = list(itertools.product(*grid.values()))
    points = [
        {"number": number, "name": name_of(params), "params": params}
        for number, params in enumerate(
            (dict(zip(grid, values, strict=True)) for values in combinations for _ in range(repeats)), 1
        )
    ]
    (directory / "points").mkdir(parents=True)
    (directory / "plan.json").write_text(json.dumps({"points": points}))
    for point in points[:done]:
        rng = np.random.default_rng([seed, point["number"]])
        paths = PointPaths(
            directory / "points" / f"{point['number']:04}-{point['name'].replace('/', '_')[:80]}"
        )
        paths.directory.mkdir()
        skill = 0.8 + 1.5 * (point["number"] / len(points)) + 0.3 * rng.random()
        write_history(paths.history, rng, skill, epochs)
        metrics = write_predictions(paths.predictions, rng, skill, classes, events)
        record = record_of(directory.name, point, tuple(grid), classes, metrics, epochs)
        record["seed"] = 1 + (point["number"] - 1) % repeats
        if change is not None:
            change(point["number"], record)
        Record(**record).write(paths.record)
    return directory


def name_of(params):
    return "-".join(f"{key.rpartition('.')[2]}={value}" for key, value in params.items()) or "only"


def write_history(path, rng, skill, epochs):
    number = np.arange(1, epochs + 1)
    falling = 0.35 + np.exp(-skill * number / 6) + 0.01 * rng.normal(size=epochs)
    columns = {
        "epoch": number,
        "loss": falling,
        "accuracy": 1 - falling / 2,
        "val_loss": falling + 0.002 * number + 0.02 * rng.random(epochs),
        "val_accuracy": 0.98 - falling / 2,
        "seconds": 2 + rng.random(epochs),
        "events_per_second": 1e5 + 1e4 * rng.random(epochs),
    }
    with path.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def write_predictions(path, rng, skill, classes, events):
    labels = rng.integers(0, len(classes), events)
    logits = rng.normal(size=(events, len(classes)))
    logits[np.arange(events), labels] += skill
    scores = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    with h5py.File(path, "w") as file:
        file["scores"], file["labels"] = scores, labels
        file["extras/target"] = rng.random((events, 2)).astype(np.float32)
        file.attrs["classes"] = list(classes)
        file.attrs["split"] = "test"
    return one_against_rest(scores, labels, classes) | {"test_accuracy": 0.8125, "test_loss": 0.512345678}


def record_of(scan, point, varied, classes, metrics, epochs):
    return {
        "point": point["number"],
        "name": point["name"],
        "scan": scan,
        "varied": varied,
        "params": {
            "model.family": "dense",
            "train.epochs": 100,
            "train.learning_rate": 0.001,
            "train.seed": 1,
        }
        | point["params"],
        "classes": classes,
        "metrics": metrics,
        "epochs": epochs,
        "best_epoch": epochs - 2,
        "stopped": "early",
        "seconds_per_epoch": 2.5,
        "train_seconds": 2.5 * epochs,
        "events_per_second": 123456.789,
        "model_parameters": 1000 * point["number"],
        "seed": 1,
        "started": "2025-01-01T00:00:00Z",
        "ended": "2025-01-01T00:10:00Z",
        "attempts": 1,
        "host": "node7",
        "device": "CPU",
        "backend": "tensorflow",
        "versions": {"dlscan": "0.1.0"},
        "git_commit": None,
        "dataset": {"path": "prepared/lcd", "config_hash": "0123"},
    }
