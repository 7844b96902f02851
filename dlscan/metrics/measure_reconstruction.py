"""Every number of a reconstruction on a split, by the name it has in a record and in the table."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlscan.config.labels import MEAN
from dlscan.errors import DataError
from dlscan.metrics.checks import Floats, checked_weights, weight_sum
from dlscan.metrics.delong import Area, area, mean_area
from dlscan.metrics.measure import Measured, why_nothing
from dlscan.metrics.regression import LEAST_FOR_MEAN, mean_estimate, not_negative

MSE = "Reconstruction_MSE"
# What the areas of anomalies are called, by the number of an event that they are areas of.
ANOMALY = {"errors": "_Anomaly_AUC", "distances": "_Code_AUC"}


def anomalies_of(classes: Sequence[str], train_on: Sequence[str]) -> tuple[str, ...]:
    """The classes that are not trained on; nothing in `train_on` stands for all."""
    return tuple(name for name in classes if train_on and name not in train_on)


def code_distances(codes: ArrayLike, known: ArrayLike) -> Floats:
    """How far each code is from the mean of known ones, in units of their spread.

    It is the Mahalanobis distance over the root of the number of directions in which known codes differ;
    other directions do not count.

    Parameters
    ----------
    codes : array_like, shape (N, K)
        Of the events.
    known : array_like, shape (M, K)
        Of events that are none of the anomalies.

    Returns
    -------
    ndarray, shape (N,)
        Zeros where known codes do not differ at all; nan if a known code is not finite.
    """
    given, reference = np.asarray(codes, np.float64), np.asarray(known, np.float64)
    if len(reference) < 2:
        return np.zeros(len(given))
    if not np.isfinite(reference).all():
        return np.full(len(given), np.nan)
    centre = reference.mean(axis=0)
    spread = np.atleast_2d(np.cov(reference, rowvar=False))
    values, axes = np.linalg.eigh(spread)
    # float32 codes: less than its rounding is none
    there = values > 1e-10 * max(values[-1], np.finfo(np.float32).tiny)
    if not there.any():
        return np.zeros(len(given))
    along = (given - centre) @ axes[:, there] / np.sqrt(values[there])
    return np.asarray(np.sqrt(np.mean(along**2, axis=1)))


def measure_reconstruction(
    errors: ArrayLike,
    labels: ArrayLike,
    classes: Sequence[str],
    train_on: Sequence[str] = (),
    weights: ArrayLike | None = None,
    distances: ArrayLike | None = None,
) -> Measured:
    """Measure everything of a split.

    Parameters
    ----------
    errors : array_like, shape (N,)
        Of each event the mean square of what the reconstruction is off, over all scaled cells.
    labels : array_like of int, shape (N,)
        Indices into `classes`.
    classes, train_on : sequence of str
        All, and those that were trained on: without any, all.
    weights : array_like, shape (N,), optional
        Event weights, 1 by default.
    distances : array_like, shape (N,), optional
        See `code_distances`.

    Returns
    -------
    Measured
        `Reconstruction_MSE` of the classes that were trained on; for each other class `<Class>_Anomaly_AUC`
        and, with `distances`, `<Class>_Code_AUC`, and the means of several: see docs/autoencoders.md.

    Raises
    ------
    DataError
        If an error, a distance or a weight is not finite.
    """
    truth = np.asarray(labels)
    counts = checked_weights(weights, len(truth))
    found = {"errors": np.asarray(errors, np.float64)}
    if distances is not None:
        found["distances"] = np.asarray(distances, np.float64)
    normal, anomalies = is_normal(truth, classes, train_on), anomalies_of(classes, train_on)
    measured = Measured()
    own = counts[normal]
    few = f"fewer than {LEAST_FOR_MEAN} effective events, which tell no interval"
    why = why_nothing(own) if not len(own) or weight_sum(own) <= 0 else few
    measured.add(MSE, not_negative(mean_estimate(_finite(found["errors"], "errors")[normal], own)), why)
    for kind, values in found.items():
        areas = []
        for name in anomalies:
            each = anomaly_area(_finite(values, kind), truth, classes.index(name), normal, counts)
            reason = f"no events of {name}, or none of {' and '.join(train_on)}, with weights above 0"
            measured.add(f"{name}{ANOMALY[kind]}", None if each is None else each.estimate, reason)
            areas += [] if each is None else [each]
        if len(anomalies) > 1:
            mean = mean_area(areas).estimate if areas else None
            measured.add(f"{MEAN}{ANOMALY[kind]}", mean, "no class has an area")
    return measured


def is_normal(
    labels: NDArray[np.int64], classes: Sequence[str], train_on: Sequence[str]
) -> NDArray[np.bool_]:
    """Which events are of classes that are trained on, (N,)."""
    return np.isin(labels, [number for number, name in enumerate(classes) if name in (train_on or classes)])


def anomaly_area(
    values: Floats, labels: NDArray[np.int64], anomaly: int, normal: NDArray[np.bool_], weights: Floats
) -> Area | None:
    """The area of one class, whose values are larger, against all that is normal; influences of all events.

    None where one of the two is absent or weighs nothing.
    """
    ours = normal | (labels == anomaly)
    found = area(values[ours], labels[ours] == anomaly, weights[ours])
    if found is None:
        return None
    influence = np.zeros(len(labels))
    influence[ours] = found.influence
    return dataclasses.replace(found, influence=influence)


def _finite(values: Floats, what: str) -> Floats:
    wrong = np.count_nonzero(~np.isfinite(values))
    if wrong:
        raise DataError(
            f"the {what} of {wrong} of {len(values)} events are not finite; its training diverged"
        )
    return values
