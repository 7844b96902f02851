"""Areas under ROC curves by the names that columns have."""

from collections.abc import Sequence

from dlscan.analysis.points.results import Predictions
from dlscan.config.labels import MEAN, pair_name
from dlscan.metrics.delong import Area, area, mean_area
from dlscan.metrics.pairs import pair


def areas(scored: Predictions, names: Sequence[str]) -> dict[str, Area]:
    """The areas called `names` that are defined, with the influence of each event.

    Parameters
    ----------
    scored : Predictions
        Of any split.
    names : sequence of str
        `Ele_AUC`, `Mean_AUC`, `Ele_vs_Pi0_AUC`.
    """
    classes = list(scored.classes)
    truth, weights = scored.labels, scored.weights

    def against_rest(number: int) -> Area | None:
        return area(scored.scores[:, number], truth == number, weights)

    def called(name: str) -> Area | None:
        if name == MEAN:
            every = [each for number in range(len(classes)) if (each := against_rest(number)) is not None]
            return mean_area(every) if every else None
        if name in classes:
            return against_rest(classes.index(name))
        for a, signal in enumerate(classes):
            for b, background in enumerate(classes):
                if name == pair_name(signal, background):
                    return area(*pair(scored.scores, truth, a, b, weights))
        return None

    found = {name: called(name.removesuffix("_AUC")) for name in names}
    return {name: each for name, each in found.items() if each is not None}
