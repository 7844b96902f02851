"""What each column of a table is: kind, unit, which split it is from, and a line of meaning."""

import dataclasses
import re
from typing import Literal

Kind = Literal["text", "parameter", "integer", "number", "auc", "difference", "significance"]
Split = Literal["", "train", "validation", "test"]


@dataclasses.dataclass(frozen=True)
class About:
    """What a column is, beside its values.

    Attributes
    ----------
    meaning : str
        One line for a person.
    unit : str
        As in a table of a paper: `s`, `1/s`; empty for a pure number.
    split : {"", "train", "validation", "test"}
        Which events the numbers were measured on, where that matters.
    family : str
        What columns of this sort are called together, such as `val_*`.
    """

    meaning: str = ""
    unit: str = ""
    split: Split = ""
    family: str = ""


@dataclasses.dataclass(frozen=True)
class Fixed:
    """A column that every scan has: its name, its kind, the record's attribute and what it is."""

    name: str
    kind: Kind
    attribute: str
    about: About


BEFORE_METRICS = (
    Fixed("Epochs", "integer", "epochs", About("epochs trained")),
    Fixed("Best_Epoch", "integer", "best_epoch", About("the epoch whose weights were kept")),
)
AFTER_METRICS = (
    Fixed("Parameters", "integer", "model_parameters", About("trainable weights of the network")),
    Fixed("FLOPs", "integer", "flops", About("floating-point operations of one event, forwards")),
    Fixed(
        "Seconds_per_Epoch",
        "number",
        "seconds_per_epoch",
        About("median over epochs, with validation and all of its pack", "s"),
    ),
    Fixed(
        "Train_Seconds",
        "number",
        "train_seconds",
        About("training time, all epochs together; of a pack, its share", "s"),
    ),
    Fixed("Job_Seconds", "number", "job_seconds", About("time of its epochs, with all of its pack", "s")),
    Fixed(
        "Events_per_Second", "number", "events_per_second", About("training events per second, median", "1/s")
    ),
    Fixed(
        "Inference_Events_per_Second",
        "number",
        "inference_events_per_second",
        About("events scored per second by the trained network", "1/s"),
    ),
    Fixed("Point", "integer", "point", About("number of the point in its scan")),
    Fixed("Seed", "integer", "seed", About("seed of weights, dropout and the order of events")),
    Fixed("Host", "text", "host", About("where the last attempt ran")),
    Fixed("Device", "text", "device", About("what it ran on")),
    Fixed("Attempts", "integer", "attempts", About("how many jobs it took")),
    Fixed("Stopped", "text", "stopped", About("why training ended: early or epochs")),
)

MODEL_NAME = "Model Name"
SCAN = "Scan"
REPEATS = "Repeats"
RESERVED = (MODEL_NAME, SCAN, REPEATS, *(fixed.name for fixed in BEFORE_METRICS + AFTER_METRICS))

_METRICS = {
    "test_accuracy": "share of events whose highest score is that of their class",
    "test_loss": "cross-entropy with the weights of training, as in the history",
    "test_log_loss": "cross-entropy with the weights of the events alone",
    "test_calibration_error": "how far the highest score is from the share that is right, on average",
    "val_kept_accuracy": "as test_accuracy, with the weights that were kept",
    "initial_loss": "training loss after the first epoch",
    "final_loss": "training loss after the last epoch",
    "initial_val_loss": "validation loss after the first epoch",
    "final_val_loss": "validation loss after the last epoch",
    "best_val_loss": "validation loss of the weights that were kept",
}
_SPLITS: dict[str, Split] = {
    "initial_loss": "train",
    "final_loss": "train",
    "initial_val_loss": "validation",
    "final_val_loss": "validation",
    "best_val_loss": "validation",
}


def metric_kind(name: str) -> Kind:
    """`auc` for an area under a curve, which is shown to four decimals, else `number`."""
    return "auc" if name.casefold().endswith("_auc") else "number"


def about_metric(name: str) -> About:
    """What the metric called `name` in a record is."""
    split: Split = _SPLITS.get(name, "validation" if name.startswith("val_") else "test")
    bare = name.removeprefix("val_")
    if metric_kind(name) == "auc":
        family = "val_*" if split == "validation" else "AUC"
        return About(_area(bare.removesuffix("_AUC")), split=split, family=family)
    if cut := re.fullmatch(r"(.+?)_vs_(.+)_Rejection@(\d+)", bare):
        signal, background, percent = cut.groups()
        meaning = f"1 / efficiency for {background} where the efficiency for {signal} is {percent} %"
        return About(meaning, split=split, family="val_*" if split == "validation" else "Rejection")
    family = next((f"{start}*" for start in ("test_", "val_") if name.startswith(start)), name)
    return About(_METRICS.get(name, "a metric of the record"), split=split, family=family)


def _area(what: str) -> str:
    if what == "Mean":
        return "plain mean of the AUCs of the classes against the rest"
    signal, pair, background = what.partition("_vs_")
    return f"area under the ROC curve of {signal} against {background if pair else 'all others'}"
