"""What may be asked of a stream, and what is chosen where nothing was asked."""

from collections.abc import Collection, Mapping, Sequence

from dlscan.dataset import SPLITS, Manifest
from dlscan.errors import DataError, UsageError
from dlscan.machine import usable_cpus

CHOICES = {
    "split": SPLITS,
    "balance": ("none", "weights", "oversample"),
    "cache": ("none", "ram"),
    "transport": ("dense", "sparse"),
}
# Below this many dense bytes an epoch is read in less time than a process takes to start: one that is read
# again and again, and one that is read in order, which a prepared dataset allows at once.
_SMALL_EPOCH, _SMALL_IN_ORDER = 64 * 2**20, 512 * 2**20
_MOST_WORKERS = 8


def require_valid(chosen: Mapping[str, str], numbers: Mapping[str, tuple[int | str, int]]) -> None:
    """Check options.

    Parameters
    ----------
    chosen : mapping of str to str
        Those of `CHOICES`.
    numbers : mapping of str to (int or str, int)
        Each with the least that it may be; `workers` may be "auto".

    Raises
    ------
    UsageError
        If one is wrong.
    """
    for name, value in chosen.items():
        if value not in CHOICES[name]:
            raise UsageError(f"{name} must be one of {', '.join(CHOICES[name])}, got {value!r}")
    for name, (number, least) in numbers.items():
        if isinstance(number, str):
            if (name, number) != ("workers", "auto"):
                raise UsageError(f"{name} must be a number, got {number!r}")
        elif number < least:
            raise UsageError(f"{name} must be at least {least}, got {number}")


def require_weights(manifest: Manifest, name: str | None) -> None:
    """Check that the extra `name`, if there is one, holds one number per event; else a `UsageError`."""
    if name is None:
        return
    if name not in manifest.extras:
        known = ", ".join(manifest.extras) or "none"
        raise UsageError(f"event_weights must be one of the extras ({known}), got {name!r}")
    if manifest.extras[name].size != 1:
        raise UsageError(
            f"event_weights: {name} holds {manifest.extras[name].size} numbers per event, not one"
        )


def require_events(manifest: Manifest, split: str, counts: Sequence[int], classes: Collection[str]) -> None:
    """Check that a split has events of some classes; else a `DataError`."""
    if classes and not counts:
        raise DataError(f"the {split} split has no events of {' and '.join(classes)}")


def sparse_inputs(manifest: Manifest, cache: str) -> tuple[str, ...]:
    """The inputs that can travel as entries; a `UsageError` if none can."""
    names = tuple(name for name, column in manifest.inputs.items() if column.encoding == "sparse")
    if not names:
        raise UsageError("transport: no input of this dataset is stored sparse; choose dense")
    if manifest.raw is not None and cache == "none":
        raise UsageError(
            "transport: raw files are read dense; choose dense or cache: ram, or prepare without --index-only"
        )
    return names


def auto_workers(manifest: Manifest, events: int, shuffle: bool) -> int:
    """None for what is small, one for what is read in order to evaluate, else all CPUs but one."""
    epoch = events * manifest.event_bytes
    if epoch < _SMALL_EPOCH:
        return 0
    if not shuffle and manifest.raw is None:
        return 0 if epoch < _SMALL_IN_ORDER else 1
    return min(_MOST_WORKERS, max(1, usable_cpus() - 1))
