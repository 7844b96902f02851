"""What each column of a table is: kind, unit, which split it is from, and a line of meaning."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

from dlscan.tasks.metric import About, Better, Called, Metric, Split, TaskMetrics

Kind = Literal[
    "text", "parameter", "integer", "number", "auc", "difference", "change", "significance", "spread"
]


@dataclasses.dataclass(frozen=True)
class Fixed:
    """A column that every scan has: its name, its kind, the record's attribute and what it is."""

    name: str
    kind: Kind
    attribute: str
    about: About


BEFORE_METRICS = (
    Fixed("Epochs", "integer", "epochs", About("epochs trained", title="epochs")),
    Fixed(
        "Best_Epoch", "integer", "best_epoch", About("the epoch whose weights were kept", title="best epoch")
    ),
)
AFTER_METRICS = (
    Fixed(
        "Parameters",
        "integer",
        "model_parameters",
        About(
            "trainable weights of the network, or leaves of the trees",
            title="trainable parameters",
            better="less",
        ),
    ),
    Fixed(
        "FLOPs", "integer", "flops", About("floating-point operations per event, forward pass", better="less")
    ),
    Fixed(
        "Seconds_per_Epoch",
        "number",
        "seconds_per_epoch",
        About(
            "median over epochs, including validation and all networks of its pack",
            "s",
            title="time per epoch",
            better="less",
        ),
    ),
    Fixed(
        "Train_Seconds",
        "number",
        "train_seconds",
        About(
            "training time of all epochs; in a pack, the share of this network",
            "s",
            title="training time",
            better="less",
        ),
    ),
    Fixed(
        "Job_Seconds",
        "number",
        "job_seconds",
        About(
            "time of its epochs, including all networks of its pack",
            "s",
            title="time of the job",
            better="less",
        ),
    ),
    Fixed(
        "Events_per_Second",
        "number",
        "events_per_second",
        About("training events per second, median", "1/s", title="training events per second", better="more"),
    ),
    Fixed(
        "Inference_Events_per_Second",
        "number",
        "inference_events_per_second",
        About(
            "events scored per second by the trained network",
            "1/s",
            title="events scored per second",
            better="more",
        ),
    ),
    Fixed("Point", "integer", "point", About("number of the point in its scan")),
    Fixed("Seed", "integer", "seed", About("seed of weights, dropout and the order of events")),
    Fixed("Host", "text", "host", About("host of the last attempt")),
    Fixed("Device", "text", "device", About("device of the last attempt")),
    Fixed("Attempts", "integer", "attempts", About("number of jobs it took")),
    Fixed("Stopped", "text", "stopped", About("why training ended: early or epochs")),
)

MODEL_NAME = "Model Name"
SCAN = "Scan"
EVENTS = "Events"
REPEATS = "Repeats"
FOLDS = "Folds"
RESERVED = (
    *(MODEL_NAME, SCAN, EVENTS, REPEATS, FOLDS),
    *(fixed.name for fixed in BEFORE_METRICS + AFTER_METRICS),
)


def describe(name: str, tasks: Sequence[TaskMetrics], called: Called = str) -> Metric:
    """What the metric called `name` in a record is.

    Parameters
    ----------
    name : str
        Of the metric.
    tasks : sequence of TaskMetrics
        Those that are asked, in order.
    called : callable
        From a class or a target to what people call it.
    """
    found = (task.metric(name, called) for task in tasks)
    return next((metric for metric in found if metric is not None), None) or _unknown(name)


def _unknown(name: str) -> Metric:
    """A metric that no task knows, such as one of a newer version."""
    split: Split = "validation" if name.startswith("val_") else "test"
    family = next((f"{start}*" for start in ("test_", "val_") if name.startswith(start)), name)
    better: Better = "less" if name.casefold().endswith(("loss", "error")) else None
    return Metric("number", About("a metric of the record", split=split, family=family, better=better))
