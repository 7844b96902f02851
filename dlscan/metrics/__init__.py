"""How well scores separate classes or predictions meet the truth, and how sure that is: numbers, no files.

Throughout, N is the number of events and C the number of classes; an event is *positive* when it is of the
class in question (signal) and negative otherwise (background). Every interval is the 68.27 % one. What each
number means stands in docs/evaluate.md.
"""

from dlscan.metrics.bins import in_bins
from dlscan.metrics.checks import weight_sum
from dlscan.metrics.classification import (
    Reliability,
    accuracy,
    accuracy_estimate,
    calibration_error,
    confusion,
    event_losses,
    log_loss,
    losses_from_logits,
    reliability,
)
from dlscan.metrics.delong import auc_difference, auc_estimate
from dlscan.metrics.energy_resolution import ResolutionFit, fit_resolution
from dlscan.metrics.estimate import Estimate, efficiency_estimate, share_estimate, weighted_mean
from dlscan.metrics.measure import EFFICIENCIES, Measured, measure, measure_validation
from dlscan.metrics.measure_reconstruction import (
    anomalies_of,
    anomaly_area,
    code_distances,
    is_normal,
    measure_reconstruction,
)
from dlscan.metrics.measure_regression import measure_regression, measure_regression_validation
from dlscan.metrics.pairs import discriminant, pair
from dlscan.metrics.quantiles import half_width_estimate, quantile_estimate, quantiles
from dlscan.metrics.ranking import auc, one_against_rest, roc_curve
from dlscan.metrics.regression import (
    TruthBin,
    bias,
    in_bins_of_truth,
    mean_absolute_error,
    mean_estimate,
    resolution,
    root_mean_square_error,
)
from dlscan.metrics.rejection import background_efficiencies, rejection_estimate

__all__ = [
    "EFFICIENCIES",
    "Estimate",
    "Measured",
    "Reliability",
    "ResolutionFit",
    "TruthBin",
    "accuracy",
    "accuracy_estimate",
    "anomalies_of",
    "anomaly_area",
    "auc",
    "auc_difference",
    "auc_estimate",
    "background_efficiencies",
    "bias",
    "calibration_error",
    "code_distances",
    "confusion",
    "discriminant",
    "efficiency_estimate",
    "event_losses",
    "fit_resolution",
    "half_width_estimate",
    "in_bins",
    "in_bins_of_truth",
    "is_normal",
    "log_loss",
    "losses_from_logits",
    "mean_absolute_error",
    "mean_estimate",
    "measure",
    "measure_reconstruction",
    "measure_regression",
    "measure_regression_validation",
    "measure_validation",
    "one_against_rest",
    "pair",
    "quantile_estimate",
    "quantiles",
    "rejection_estimate",
    "reliability",
    "resolution",
    "roc_curve",
    "root_mean_square_error",
    "share_estimate",
    "weight_sum",
    "weighted_mean",
]
