"""Which points can train on when a scan gets more epochs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dlscan.config import Train
from dlscan.config.train import BY_EPOCHS
from dlscan.errors import ScanError
from dlscan.files import read_json, write_json
from dlscan.record import PointPaths, is_done
from dlscan.scan.plan import AFRESH
from dlscan.scan.point_files import is_tried


def require_to_train_on(directory: Path, points: Sequence[tuple[PointPaths, Train]]) -> None:
    """Check that points which have been trained can go on to the epochs that they are to have now.

    What they have then must be what they would have if they had had these epochs from the start.

    Parameters
    ----------
    directory : Path
        Of the scan, for the message.
    points : sequence of (PointPaths, Train)
        Those that are to have more epochs, each with what its training is to be.

    Raises
    ------
    ScanError
        If one cannot: its checkpoint is gone, or its learning rate depended on the number of epochs.
    """
    begun = [each for each in points if is_tried(each[0]) and not is_done(each[0], each[1].epochs)]
    for paths, train in begun:
        if train.schedule in BY_EPOCHS:
            raise ScanError(
                f"{directory}: {paths.directory.name} cannot train for more epochs: with train.schedule: "
                f"{train.schedule} its learning rates so far depended on the number of epochs; set "
                f"train.epochs back, or {AFRESH}"
            )
    gone = [paths for paths, _ in begun if paths.record.exists() and not (paths.last / "state.json").exists()]
    if gone:
        raise ScanError(
            f"{directory}: {len(gone)} of {len(points)} points have ended without a checkpoint to continue "
            f"from (train.keep_checkpoint was false), first {gone[0].directory.name}; set train.epochs "
            f"back, or {AFRESH}"
        )


def note_more_epochs(paths: PointPaths, epochs: int) -> None:
    """Say in the record of a point that stopped early how many epochs it could have had."""
    record: dict[str, Any] = read_json(paths.record)
    if record["stopped"] == "early" and record["params"].get("train.epochs", epochs) != epochs:
        record["params"]["train.epochs"] = epochs
        write_json(paths.record, record)
