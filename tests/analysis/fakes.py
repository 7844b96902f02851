"""A scan's directory as training leaves it, with made-up numbers from a seed."""

import csv
import itertools
import json

import h5py
import numpy as np

from dlscan.claims import note_end
from dlscan.metrics import (
    measure,
    measure_reconstruction,
    measure_regression,
    measure_regression_validation,
    measure_validation,
)
from dlscan.record import PointPaths, Record

CLASSES = ("Ele", "Gamma", "Pi0", "ChPi")
GRID = {"model.width": [64, 256], "model.depth": [2, 3]}
# what a regression predicts: where it is in the file; the angle has both signs
TARGETS = {"Energy": "target[:,0,1]", "Angle": "target[:,0,2]"}
FORTY = {"model.width": [16, 32, 64, 128, 256, 512, 1024, 2048], "model.depth": [1, 2, 3, 4, 5]}


def write_scan(
    directory,
    grid=None,
    *,
    classes=CLASSES,
    seed=1,
    done=None,
    events=400,
    epochs=12,
    repeats=1,
    change=None,
    targets=None,
    train_on=None,
):
    """Write a scan of which `done` points are done; `change(number, record)` alters a record's mapping.

    With `targets`, a name and a selection each, it is a regression; with `train_on` autoencoders.
    """
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
        if train_on is not None:
            measured = write_reconstruction(paths.predictions, rng, skill, classes, events, train_on)
        elif targets is None:
            measured = write_predictions(paths.predictions, rng, skill, classes, events)
        else:
            measured = write_regression(paths.predictions, rng, skill, classes, events, targets)
        record = record_of(directory.name, point, tuple(grid), classes, measured, epochs)
        record["seed"] = 1 + (point["number"] - 1) % repeats
        if change is not None:
            change(point["number"], record)
        if targets is not None:
            record["task"] = {"kind": "regress", "targets": dict(targets)}
        if train_on is not None:
            record["task"] = {"kind": "reconstruct", "train_on": list(train_on)}
        Record(**record).write(paths.record)
    return directory


def stop_early(scan, epochs, *numbers):
    """Make finished points such that have paused at a rung, each with epochs of 2 s."""
    plan = json.loads((scan / "plan.json").read_text())
    plan.setdefault("config", {}).setdefault("scan", {})["halving"] = {"first": epochs, "factor": 3}
    (scan / "plan.json").write_text(json.dumps(plan))
    for number in numbers:
        (folder,) = scan.glob(f"points/{number:04}-*")
        paths = PointPaths(folder)
        paths.record.unlink()
        rows = [f"{epoch},2,2" for epoch in range(1, epochs + 1)]
        paths.history.write_text("\n".join(["epoch,seconds,networks", *rows]) + "\n")
        note_end(paths, "paused", "")


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
    with h5py.File(path, "w") as file:
        scores, labels, energies = write_scores(file, rng, skill, classes, events)
        target = np.stack([labels, energies], axis=1)[:, None]
        file["extras/target"] = target.astype(np.float32)
        file["sources"] = np.stack([np.zeros(events), np.arange(events)], axis=1).astype(np.uint32)
        file.attrs["classes"] = list(classes)
        file.attrs["split"] = "test"
        validation = write_scores(file.create_group("validation"), rng, skill, classes, events)
        write_scores(file.create_group("train"), rng, 1.1 * skill, classes, 2 * events)
    test = measure(scores, labels, classes)
    test.values["test_loss"], test.errors["test_loss"] = 0.512345678, [0.0123, 0.0123]
    return test | measure_validation(*validation[:2], classes)


def write_scores(group, rng, skill, classes, events):
    """Write what each split has; an event is easier the higher its energy, from 10 to 510."""
    labels = rng.integers(0, len(classes), events)
    logits = rng.normal(size=(events, len(classes)))
    energies = 10 + 500 * rng.random(events)
    logits[np.arange(events), labels] += skill * (0.75 + energies / 1000)
    scores = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    group["scores"], group["labels"] = scores, labels.astype(np.int32)
    group["weights"] = np.ones(events, np.float32)
    return scores, labels, energies


def write_regression(path, rng, skill, classes, events, targets):
    names = tuple(targets)
    with h5py.File(path, "w") as file:
        file.attrs["classes"], file.attrs["targets"], file.attrs["split"] = list(classes), list(names), "test"
        file.attrs["task"] = ["regress"]
        file["sources"] = np.stack([np.zeros(events), np.arange(events)], axis=1).astype(np.uint32)
        test = write_targets(file, rng, skill, classes, events, names)
        validation = write_targets(file.create_group("validation"), rng, skill, classes, events, names)
        write_targets(file.create_group("train"), rng, 1.1 * skill, classes, 2 * events, names)
    measured = measure_regression(*test[:2], names, sigmas=test[2])
    measured.values["test_loss"], measured.errors["test_loss"] = 0.0512345678, [0.00123, 0.00123]
    return measured | measure_regression_validation(*validation[:2], names, sigmas=validation[2])


def write_targets(group, rng, skill, classes, events, names):
    """Write what each split has: energies from 10 to 110, of a calorimeter's resolution; angles around 0.

    All points have the same events.
    """
    truth = np.random.default_rng(events)
    energies = 10 + 100 * truth.random(events)
    columns = {"Energy": energies, "Angle": truth.normal(size=events)}
    widths = {
        "Energy": np.sqrt(0.8**2 / energies + 0.04**2 + 0.5**2 / energies**2) * energies / skill,
        "Angle": np.full(events, 0.1 / skill),
    }
    targets, sigmas = (
        np.stack([each[name] for name in names], axis=1).astype(np.float32) for each in (columns, widths)
    )
    predictions = (targets + sigmas * rng.normal(size=targets.shape)).astype(np.float32)
    group["predictions"], group["targets"], group["sigmas"] = predictions, targets, sigmas
    group["labels"] = truth.integers(0, len(classes), events).astype(np.int32)
    group["weights"] = np.ones(events, np.float32)
    group["losses"] = np.mean(((predictions - targets) / sigmas) ** 2, axis=1)
    return predictions, targets, sigmas


def write_reconstruction(path, rng, skill, classes, events, train_on):
    with h5py.File(path, "w") as file:
        file.attrs["classes"], file.attrs["train_on"], file.attrs["split"] = list(classes), train_on, "test"
        file.attrs["task"] = ["reconstruct"]
        file["sources"] = np.stack([np.zeros(events), np.arange(events)], axis=1).astype(np.uint32)
        found = {}
        for split in ("test", "validation", "train"):
            group = file if split == "test" else file.create_group(split)
            labels = np.random.default_rng(events).integers(0, len(classes), events).astype(np.int32)
            codes = rng.normal(size=(events, 3)) + skill * labels[:, None]
            group["errors"] = rng.exponential(1 + skill * labels).astype(np.float32)
            group["codes"], group["labels"] = codes.astype(np.float32), labels
            group["distances"], group["losses"] = np.linalg.norm(codes, axis=1), group["errors"][:]
            group["weights"] = np.ones(events, np.float32)
            columns = (group[name][:] for name in ("errors", "labels"))
            found[split] = measure_reconstruction(
                *columns, classes, train_on, group["weights"][:], group["distances"][:]
            )
    test, validation = found["test"], found["validation"]
    test.values["test_loss"], test.errors["test_loss"] = 1.0512345678, [0.0123, 0.0123]
    return test | validation.renamed({name: f"val_{name}" for name in validation.values})


def record_of(scan, point, varied, classes, measured, epochs):
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
        "metrics": measured.values,
        "errors": measured.errors,
        "reasons": measured.reasons,
        "flops": 20000 * point["number"],
        "inference_events_per_second": 654321.5,
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
