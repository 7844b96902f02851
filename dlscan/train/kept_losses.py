"""The losses of single events, for what compares points event by event."""

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.models import keras
from dlscan.train.feed import Fed
from dlscan.train.learner import Learner


class KeptLosses:
    """Those of the validation events of an epoch, for each learner of a pack."""

    def __init__(self) -> None:
        self._parts: defaultdict[Learner, list[NDArray[np.float32]]] = defaultdict(list)

    def add(self, learner: Learner, raw: dict[str, Any], batch: Fed) -> None:
        """Take the losses of a batch, of what the heads of a learner gave; waits for them."""
        losses = learner.objective.events(raw, batch.truth) * batch.weights
        # a copy: the batch goes back to its ring
        self._parts[learner].append(np.array(keras.ops.convert_to_numpy(losses), np.float32))

    def of(self, learner: Learner) -> NDArray[np.float32]:
        """The losses of all events (N,), each with the weight of the event; their mean is `val_loss`."""
        return np.concatenate(self._parts[learner])
