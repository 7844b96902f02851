"""One point and its owner: lock, attempt, reasons to stop. No Keras here: it takes seconds to load."""

import logging

from dlscan.attempts import Attempt, begin_attempt, end_attempt
from dlscan.config import load
from dlscan.errors import DivergedError, DlscanError, ScanError
from dlscan.files import locked
from dlscan.record import PointPaths, Record
from dlscan.train.info import Outcome, PointInfo, Progress
from dlscan.train.interruption import Interruption

log = logging.getLogger("dlscan")


def train_point(paths: PointPaths, point: PointInfo, on_step: Progress | None = None) -> Outcome:
    """Train a point, or go on with it, until it is done or something asks to stop.

    SIGTERM, SIGUSR1 and `train.time_limit` stop it after an epoch; call it again to go on.

    Parameters
    ----------
    paths : PointPaths
        The point's directory; it holds the point's experiment file.
    point : PointInfo
        What goes into the record beside.
    on_step : callable, optional
        Called after each training step with the epoch, from 1, the step, from 1, and the steps of an epoch.

    Returns
    -------
    {"done", "preempted", "timeout"}

    Raises
    ------
    ScanError
        If another process trains the point, or its checkpoint is damaged or of another dataset.
    DivergedError
        If a loss is no longer a number.
    DlscanError
        If the experiment file, the dataset, the stream or the back end is at fault.
    """
    if not paths.config.exists():
        raise ScanError(f"{paths.directory}: no point here, there is no {paths.config.name}")
    busy = ScanError(f"{point} is being trained by another process, which holds {paths.lock}")
    with locked(paths.lock, busy):
        if _is_done(paths):
            log.info(f"{point} is done already; its record is {paths.record}")
            return "done"
        attempt = begin_attempt(paths)
        try:
            outcome = _fit(paths, point, attempt, on_step)
        except BaseException as error:
            end_attempt(paths, attempt, _outcome(error), _last_line(error))
            raise
        end_attempt(paths, attempt, outcome)
        return outcome


def _fit(paths: PointPaths, point: PointInfo, attempt: Attempt, on_step: Progress | None) -> Outcome:
    experiment = load(paths.config)
    with Interruption(experiment.train.time_limit) as interruption:
        # not for a point that is done or taken
        from dlscan.train.fit import Fit

        return Fit(paths, point, experiment).run(attempt, interruption, on_step)


def _outcome(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "preempted"
    return "diverged" if isinstance(error, DivergedError) else "failed"


def _last_line(error: BaseException) -> str | None:
    if isinstance(error, KeyboardInterrupt):
        return None
    lines = str(error).strip().splitlines() or [""]
    return lines[-1] if isinstance(error, DlscanError) else f"{type(error).__name__}: {lines[-1]}"


def _is_done(paths: PointPaths) -> bool:
    if not paths.record.exists():
        return False
    try:
        Record.read(paths.record)
    except ScanError as error:
        kept = paths.record.with_suffix(".damaged")
        paths.record.replace(kept)
        log.warning("%s; it is kept as %s, and the point is trained again", error, kept.name)
        return False
    return True
