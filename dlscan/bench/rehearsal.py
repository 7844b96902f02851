"""The process of a trial: `python -m dlscan.bench.rehearsal BEGAN`.

It reads two experiments from standard input, trains each network for a moment, and prints what it measured.
BEGAN is when it was started, by the clock that all processes of a machine share.
"""

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dlscan.bench.keep import keep
from dlscan.config import Experiment, experiment_from
from dlscan.config.source import source_of
from dlscan.errors import DlscanError
from dlscan.stream import Batch, Batches
from dlscan.tasks import Standards

# Seconds for each figure, and the fewest and most batches that are trained on over and over.
_SECONDS = 1.0
_FEWEST, _MOST, _KEPT_BYTES = 2, 8, 2**28
# Networks that step together, to tell what each adds.
_SEVERAL = 4


def main() -> None:
    """Serve whoever started this process."""
    began = float(sys.argv[1])
    asked = json.load(sys.stdin)
    file = Path(asked["file"])
    try:
        sources = {path: source_of(item) for path, item in asked["sources"].items()}
        smallest, largest = (experiment_from(asked[name], file, sources) for name in ("smallest", "largest"))
        print(json.dumps(rehearse(smallest, largest, began)))
    except DlscanError as error:
        sys.exit(str(error))


def rehearse(smallest: Experiment, largest: Experiment, began: float) -> dict[str, Any]:
    """Measure what `dlscan.scan.speed.Trial` holds but what the caller knows."""
    from dlscan import models
    from dlscan.train.streams import open_stream

    models.prepare_device(smallest.train)
    with open_stream(smallest, "train") as batches:
        kept = _kept(batches)
        startup = time.monotonic() - began
        with open_stream(smallest, "validation") as validation:
            next(validation.epoch(0))
        stream = _rate(_endless(batches), len)
        stage = _Stage(batches, kept)
        small, large = stage.alone(smallest), stage.alone(largest)
        several = stage.together([smallest] * _SEVERAL)
    return {
        "device": models.device(),
        "accelerated": models.accelerator() is not None,
        "events_per_second": stream,
        "smallest": small[0],
        "largest": large[0],
        "several": (_SEVERAL, several),
        "startup": startup,
        "building": (small[1] + large[1]) / 2,
    }


class _Stage:
    """Batches on the device, for one network after the other."""

    def __init__(self, batches: Batches, kept: list[Batch]) -> None:
        self._manifest, self._steps, self._kept = batches.manifest, batches.steps, kept
        self._fed: list[Any] = []
        # of numbers that all networks predict alike
        self._standards: Standards | None = None

    def alone(self, experiment: Experiment) -> tuple[float, float]:
        """Seconds of a step of a network, and to build and compile it."""
        started = time.perf_counter()
        pack = self._pack([experiment])
        building = time.perf_counter() - started
        return self._seconds(pack), building

    def together(self, experiments: list[Experiment]) -> float:
        """Seconds of a common step of networks."""
        return self._seconds(self._pack(experiments))

    def _seconds(self, pack: Any) -> float:
        """Of a step."""
        from dlscan.train.pack import TrainingBatch

        def step(fed: Any) -> int:
            pack.train(TrainingBatch(fed))
            return int(fed.events)

        return len(self._kept[0]) / _rate(itertools.cycle(self._fed), step, pack.wait)

    def _pack(self, experiments: list[Experiment]) -> Any:
        """Networks in training, compiled."""
        from dlscan import tasks
        from dlscan.models.replicas import replicas
        from dlscan.stream.standards import standards
        from dlscan.train.feed import Feed
        from dlscan.train.pack import Pack, TrainingBatch
        from dlscan.train.starting import starting_learner

        learners, devices = [], replicas(experiments[0].train)
        for experiment in experiments:
            task = tasks.of(experiment, self._manifest.classes)
            if self._standards is None:
                self._standards = standards(experiment, task, self._manifest.config_hash)
            learners.append(
                starting_learner(experiment, task, self._standards, self._manifest, self._steps, devices)
            )
        pack = Pack(learners, experiments[0].train.jit, devices=devices)
        if not self._fed:
            self._fed = list(Feed(learners[0].task, devices)(self._kept, pack.one_length))
        pack.train(TrainingBatch(self._fed[0]))
        pack.look({learner.left_out: self._fed[0] for learner in learners})
        pack.wait()
        return pack


def _rate(
    items: Iterator[Any], use: Callable[[Any], int], wait: Callable[[], object] = lambda: None
) -> float:
    """Events per second of `use`, looked at for a moment."""
    events, started = 0, time.perf_counter()
    for item in items:
        events += use(item)
        if time.perf_counter() - started >= _SECONDS:
            break
    wait()
    return events / (time.perf_counter() - started)


def _endless(batches: Batches) -> Iterator[Batch]:
    for number in itertools.count(1):
        yield from batches.epoch(number)


def _kept(batches: Batches) -> list[Batch]:
    """Some whole batches in memory."""
    first = next(batches.epoch(0))
    most = min(max(_KEPT_BYTES // (len(first) * batches.manifest.event_bytes), _FEWEST), _MOST)
    whole = (batch for batch in _endless(batches) if len(batch) == len(first))
    return [keep(batch, len(batch)) for batch in itertools.islice(whole, most)]


if __name__ == "__main__":
    main()
