"""Apply trained models to raw files."""

from dlscan.prediction.applied import is_model, model_in
from dlscan.prediction.outputs import BesideEvents, Hdf5File, Output, RootFile
from dlscan.prediction.predict import Predicted, predict

__all__ = ["BesideEvents", "Hdf5File", "Output", "Predicted", "RootFile", "is_model", "model_in", "predict"]
