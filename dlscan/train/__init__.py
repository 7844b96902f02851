"""Train the networks of points, and leave what it is worth. Keras is loaded when training starts."""

from dlscan.train.info import Outcome, PointInfo
from dlscan.train.points import train_point, train_points

__all__ = ["Outcome", "PointInfo", "train_point", "train_points"]
