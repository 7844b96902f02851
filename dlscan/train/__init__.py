"""Train the network of one point, and leave what it is worth. Keras is loaded when training starts."""

from dlscan.train.info import Outcome, PointInfo
from dlscan.train.point import train_point

__all__ = ["Outcome", "PointInfo", "train_point"]
