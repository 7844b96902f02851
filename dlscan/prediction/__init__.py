"""Apply trained models to raw files."""

from dlscan.prediction.predict import Predicted, predict

__all__ = ["Predicted", "predict"]
