"""ROC curves as they are drawn."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from dlscan.analysis.plots.questions import Question
from dlscan.analysis.points.results import Floats, Predictions
from dlscan.metrics import Estimate, auc_estimate, background_efficiencies, roc_curve

CURVE_POINTS = 1000
# dense where the curve falls to 1
SIGNAL_EFFICIENCIES = tuple(np.round([*np.arange(0.01, 0.985, 0.01), 0.985, 0.99, 0.995, 0.999], 4).tolist())
# an interval costs a pass over all events, and its relative width changes slowly
BAND_EFFICIENCIES = tuple(
    np.round([0.02, *np.arange(0.05, 0.96, 0.05), 0.98, 0.985, 0.99, 0.995, 0.999], 4).tolist()
)

# of the background's interval: beyond it the curve is a few events, and only its band says anything
FEW = 0.5
FEW_POINTS = 5


@dataclasses.dataclass(frozen=True)
class Curve:
    """One model, one question.

    Attributes
    ----------
    signal, background : ndarray, shape (K,)
        Efficiencies.
    low, high : ndarray, shape (K,)
        68 % interval of the background efficiency; empty for the plain curve.
    area : Estimate
        Below the curve.
    """

    signal: Floats
    background: Floats
    low: Floats
    high: Floats
    area: Estimate

    @property
    def rejection(self) -> Floats:
        """One over the background efficiency; nan where no background passes."""
        return inverse(self.background)

    @property
    def band(self) -> tuple[Floats, Floats]:
        """The interval of the rejection; its upper end is infinite where the background may be 0."""
        with np.errstate(divide="ignore"):
            return 1 / self.high, np.where(self.background > 0, 1 / self.low, np.inf)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where the background is more than a few events, without holes, such as negative weights make."""
        enough = (self.background > 0) & (self.high - self.low < 2 * FEW * self.background)
        before, behind = np.logical_or.accumulate(enough), np.logical_or.accumulate(enough[::-1])[::-1]
        return np.asarray(before & behind & (self.background > 0))

    @property
    def hardly_starts(self) -> bool:
        """Whether almost no background passes, so that the curve is a few events nearly everywhere."""
        return bool(np.count_nonzero(self.known) < FEW_POINTS)

    @property
    def drawn(self) -> NDArray[np.bool_]:
        """Where a line is drawn: where the curve is known; of one that hardly starts, all there is."""
        return self.background > 0 if self.hardly_starts else self.known

    @property
    def is_line(self) -> bool:
        """Whether anything can be seen of it: one point is no line."""
        return bool(np.count_nonzero(self.drawn) > 1)


def inverse(values: Floats) -> Floats:
    """`1 / values`, and nan for 0."""
    return np.asarray(np.divide(1.0, values, out=np.full(len(values), np.nan), where=values > 0))


def plain_curve(question: Question, scored: Predictions) -> Curve | None:
    """Every step of the curve that can be seen; None without signal or background."""
    events = question.events(scored)
    area = None if events is None else auc_estimate(*events)
    if events is None or area is None:
        return None
    signal, background, _ = roc_curve(*events)
    kept = _thinned(signal, background)
    none = np.empty(0)
    return Curve(signal[kept], background[kept], none, none, area)


def banded_curve(question: Question, scored: Predictions) -> Curve | None:
    """The background efficiency, with its interval, at even signal efficiencies; None as for `plain_curve`.

    Between `BAND_EFFICIENCIES` the relative width of the interval is interpolated.
    """
    events = question.events(scored)
    area = None if events is None else auc_estimate(*events)
    if events is None or area is None:
        return None
    efficiencies = np.array(SIGNAL_EFFICIENCIES)
    value = _background(*roc_curve(*events)[:2], efficiencies)
    found = background_efficiencies(*events, BAND_EFFICIENCIES) or []
    # no interval can be relative to 0: where nothing passes, nothing is interpolated
    some = [(where, each) for where, each in zip(BAND_EFFICIENCIES, found, strict=True) if each.value > 0]
    if not some:
        return Curve(efficiencies, value, np.zeros(len(value)), np.full(len(value), np.nan), area)
    places = [where for where, _ in some]
    down = np.interp(efficiencies, places, [each.down / each.value for _, each in some])
    up = np.interp(efficiencies, places, [each.up / each.value for _, each in some])
    return Curve(efficiencies, value, value * (1 - down), np.minimum(value * (1 + up), 1.0), area)


def _background(signal: Floats, background: Floats, wanted: Floats) -> Floats:
    """The background efficiency of the first point that passes as much signal, as in `dlscan.metrics`."""
    after = np.searchsorted(signal, wanted).clip(1, len(signal) - 1)
    width = signal[after] - signal[after - 1]
    part = np.divide(wanted - signal[after - 1], width, out=np.ones(len(wanted)), where=width > 0)
    return np.asarray(background[after - 1] + part * (background[after] - background[after - 1]))


def _thinned(signal: Floats, background: Floats) -> NDArray[np.int64]:
    """Positions of at most `CURVE_POINTS` points that look like the whole curve: even steps of its length."""
    if len(signal) <= CURVE_POINTS:
        return np.arange(len(signal))
    length = signal + background
    wanted = np.linspace(0, length[-1], CURVE_POINTS)
    positions: NDArray[np.int64] = np.unique(np.searchsorted(length, wanted).clip(max=len(signal) - 1))
    return positions
