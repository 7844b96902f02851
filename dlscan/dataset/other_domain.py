"""The events of another domain: whether they are prepared, and as those of the dataset."""

import dataclasses

from dlscan.config import Experiment
from dlscan.dataset import fits
from dlscan.dataset.manifest import Manifest
from dlscan.errors import DataError


def require_domain(experiment: Experiment, manifest: Manifest) -> Manifest | None:
    """Check that the other domain of an experiment, if it has one, is prepared with the same inputs.

    Returns
    -------
    Manifest or None
        Of the other domain.

    Raises
    ------
    ConfigError, DataError
        If it is not prepared, or was with other values of `data`.
    """
    other = experiment.other_domain
    if other is None:
        return None
    found, where = Manifest.of(other), other.data.prepared
    if found.raw is not None:
        raise DataError(f"{where}: is an index of raw files; prepare the other domain without --index-only")
    # whether its directories were the classes is known to whoever prepared it: raw files may be elsewhere now
    classes = None if found.config.get("classes") is None else experiment.data.classes
    fits.require(found, dataclasses.replace(other, data=dataclasses.replace(other.data, classes=classes)))
    for name, column in manifest.inputs.items():
        there = found.inputs.get(name)
        if there is None or there.shape != column.shape:
            shape = "x".join(map(str, column.shape))
            of = "it is missing" if there is None else f"they are {'x'.join(map(str, there.shape))}"
            raise DataError(f"{where}: {name} must have the shape {shape}, but there {of}")
    return found
