"""What was planned of a scan."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from dlscan.config.event_labels import titles_of
from dlscan.errors import DlscanError
from dlscan.files import read_json


@dataclasses.dataclass(frozen=True)
class Planned:
    """What the plan of a scan says that its records do not.

    Attributes
    ----------
    points : int
        How many there are; 0 where that is unknown.
    labels : mapping of str to str
        `data.labels`.
    epochs : int
        Of each point, unless a point has its own.
    halves : bool
        Whether `scan.halving` ends most points early.
    method : str
        Of its search; empty without one.
    metrics : tuple of str
        What its search makes good, as in the file; empty for what the task chooses by.
    problem : str
        Why it cannot be used; empty where it can, or where there is none.
    """

    points: int = 0
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    epochs: int = 0
    halves: bool = False
    method: str = ""
    metrics: tuple[str, ...] = ()
    problem: str = ""


def planned(directory: Path) -> Planned:
    """Read the plan of a scan as far as it can be read."""
    try:
        plan = read_json(directory / "plan.json")
        config = plan.get("config", {})
        texts = titles_of(config.get("data", {}).get("labels") or {})
        scan = config.get("scan") or {}
        epochs = int(config.get("train", {}).get("epochs", 0))
        search = scan.get("search") or {}
        method, metric = str(search.get("method", "")), search.get("metric") or ()
        metrics = (metric,) if isinstance(metric, str) else tuple(map(str, metric))
        return Planned(len(plan["points"]), texts, epochs, bool(scan.get("halving")), method, metrics)
    except FileNotFoundError:
        return Planned()
    except (DlscanError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Planned(problem=f"{directory / 'plan.json'}: damaged; the number of planned points is unknown")
