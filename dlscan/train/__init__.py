"""Train the networks of points, and leave what it is worth. Keras is loaded when training starts."""

import os
import sys
import types
from collections.abc import Mapping
from typing import Any

import dlscan
from dlscan.train.info import Outcome, PointInfo
from dlscan.train.points import train_point, train_points

__all__ = ["Outcome", "PointInfo", "train_point", "train_points"]

_train = dlscan.train


class _Callable(types.ModuleType):
    """Python binds `dlscan.train` to this package once it is loaded; it can still be called."""

    def __call__(
        self, experiment: str | os.PathLike[str] | Mapping[str, Any], directory: str | os.PathLike[str]
    ) -> Any:
        return _train(experiment, directory)


sys.modules[__name__].__class__ = _Callable
