"""How well a fresh classifier tells generated events from real ones."""

import numpy as np

from dlscan.tasks import Arrays
from dlscan.tasks.generate import CLASSIFIER, CONDITION, GENERATED, REAL


def told_apart(kept: Arrays) -> Arrays:
    """What a classifier says of the events of a split.

    Parameters
    ----------
    kept : dict of str to ndarray, (N, ...) each
        Observables of real and generated events, perhaps what is known of both, and their weights.

    Returns
    -------
    dict of str to ndarray
        `twosample` (N, 2), see `dlscan.trees.twosample`.
    """
    # only trainings of generators need scikit-learn here
    from dlscan.trees.twosample import twosample_scores

    names = [name.removeprefix(REAL) for name in kept if name.startswith(REAL)]
    known = [kept[CONDITION]] if CONDITION in kept else []
    real, made = (
        np.concatenate([*(kept[f"{part}{name}"] for name in names), *known], axis=1)
        for part in (REAL, GENERATED)
    )
    return {CLASSIFIER: twosample_scores(real, made, kept["weights"])}
