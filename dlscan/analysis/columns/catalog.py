"""What each column of a table is: kind, unit, which split it is from, and a line of meaning."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Literal

from dlscan.analysis.labels import Marked, called

Kind = Literal["text", "parameter", "integer", "number", "auc", "difference", "significance", "spread"]
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
    title : str
        What a picture or a page calls it, a marked text (see `dlscan.analysis.labels`); empty where that is
        the column's own name.
    """

    meaning: str = ""
    unit: str = ""
    split: Split = ""
    family: str = ""
    title: str = ""


@dataclasses.dataclass(frozen=True)
class Naming:
    """What metrics are named after: all classes of the models, and their labels."""

    classes: tuple[str, ...] = ()
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def title(self, name: str) -> str:
        """Of a class."""
        return called(name, self.labels)

    def rest(self, name: str) -> str | None:
        """The other one of two classes: the rest has a name then."""
        others = [other for other in self.classes if other != name]
        return others[0] if len(self.classes) == 2 and len(others) == 1 else None


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
        About("trainable weights of the network", title="trainable parameters"),
    ),
    Fixed("FLOPs", "integer", "flops", About("floating-point operations per event, forward pass")),
    Fixed(
        "Seconds_per_Epoch",
        "number",
        "seconds_per_epoch",
        About(
            "median over epochs, including validation and all networks of its pack",
            "s",
            title="time per epoch",
        ),
    ),
    Fixed(
        "Train_Seconds",
        "number",
        "train_seconds",
        About(
            "training time of all epochs; in a pack, the share of this network", "s", title="training time"
        ),
    ),
    Fixed(
        "Job_Seconds",
        "number",
        "job_seconds",
        About("time of its epochs, including all networks of its pack", "s", title="time of the job"),
    ),
    Fixed(
        "Events_per_Second",
        "number",
        "events_per_second",
        About("training events per second, median", "1/s", title="training events per second"),
    ),
    Fixed(
        "Inference_Events_per_Second",
        "number",
        "inference_events_per_second",
        About("events scored per second by the trained network", "1/s", title="events scored per second"),
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
REPEATS = "Repeats"
RESERVED = (MODEL_NAME, SCAN, REPEATS, *(fixed.name for fixed in BEFORE_METRICS + AFTER_METRICS))

# meaning and title
_METRICS = {
    "test_accuracy": ("fraction of events whose highest score is that of their class", "accuracy"),
    "test_loss": ("cross-entropy with the weights of training, as in the history", "loss"),
    "test_log_loss": ("cross-entropy with the event weights only", "log loss"),
    "test_calibration_error": (
        "mean distance between the highest score and the fraction of correct events",
        "calibration error",
    ),
    "val_kept_accuracy": ("as test_accuracy, with the weights that were kept", "accuracy"),
    "initial_loss": ("training loss after the first epoch", "loss after the first epoch"),
    "final_loss": ("training loss after the last epoch", "loss after the last epoch"),
    "initial_val_loss": ("validation loss after the first epoch", "loss after the first epoch"),
    "final_val_loss": ("validation loss after the last epoch", "loss after the last epoch"),
    "best_val_loss": ("validation loss of the weights that were kept", "loss of the kept weights"),
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


def about_metric(name: str, naming: Naming | None = None) -> About:
    """What the metric called `name` in a record is."""
    naming = naming or Naming()
    split: Split = _SPLITS.get(name, "validation" if name.startswith("val_") else "test")
    bare = name.removeprefix("val_")
    if metric_kind(name) == "auc":
        family = "val_*" if split == "validation" else "AUC"
        meaning, title = _area(bare.removesuffix("_AUC"), naming)
        return About(meaning, split=split, family=family, title=title)
    if cut := re.fullmatch(r"(.+?)_vs_(.+)_Rejection@(\d+)", bare):
        signal, background, percent = cut.groups()
        meaning = f"1 / efficiency for {background} at {percent} % efficiency for {signal}"
        title = (
            f"rejection of {naming.title(background)} at {percent} % efficiency for {naming.title(signal)}"
        )
        family = "val_*" if split == "validation" else "Rejection"
        return About(meaning, split=split, family=family, title=Marked(title))
    family = next((f"{start}*" for start in ("test_", "val_") if name.startswith(start)), name)
    meaning, title = _METRICS.get(name, ("a metric of the record", ""))
    return About(meaning, split=split, family=family, title=title)


def _area(what: str, naming: Naming) -> tuple[str, str]:
    """Meaning and title of an area; what is a class and what a pair, the classes decide."""
    if what == "Mean":
        # of two classes both areas are the same number
        title = "AUC" if len(naming.classes) == 2 else "mean AUC"
        return "unweighted mean of the AUCs of all classes against the rest", title
    signal, pair, background = (what, "", "") if what in naming.classes else what.partition("_vs_")
    other = background if pair else naming.rest(signal)
    title = f"AUC of {naming.title(signal)}" + (f" against {naming.title(other)}" if other else "")
    return f"area under the ROC curve of {signal} against {other or 'all others'}", Marked(title)
