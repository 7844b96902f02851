"""Which points are trained together, in one job on one stream. `docs/packs.md` has the rules and reasons."""

import logging
import math
import signal
import sys
from collections import defaultdict
from collections.abc import Sequence

from dlscan.attempts import Attempt, last_attempt
from dlscan.config import BatchOptions
from dlscan.dataset import Manifest
from dlscan.errors import DlscanError
from dlscan.many import each
from dlscan.record import PointPaths
from dlscan.scan.costs import Cost, costs_of, measuring_bytes
from dlscan.scan.estimate import known_speed
from dlscan.scan.load_balance import Item, distribute
from dlscan.scan.plan import Plan
from dlscan.scan.resources import Resources, find_resources
from dlscan.scan.space import Point
from dlscan.scan.speed import Speed

log = logging.getLogger("dlscan")

# `auto` goes no further: the networks of a pack are built and compiled before its first step.
_MOST = 64
# Of a device's memory: the count is of what networks need, and back ends take more.
_SHARE = 0.75
# A back end with its libraries, and batches on their way to the device.
_FRAMEWORK, _BATCHES = 2**30, 8
# Without memory the kernel kills by SIGKILL, which a shell gives as 128 more; None is what nobody saw.
_KILLED = (None, -signal.SIGKILL, 128 + signal.SIGKILL)


def pack(
    plan: Plan,
    points: Sequence[Point],
    batch: BatchOptions,
    manifest: Manifest | None = None,
    speed: Speed | None = None,
    resources: Resources | None = None,
) -> list[tuple[Point, ...]]:
    """Group points into jobs.

    Points share a job only if they can share its stream: the same `data` and `stream` sections and the same
    `train.batch_size`, `jit`, `gpu_memory`, `devices` and `parallel`. A job gets at most
    `batch.models_per_job` of them, and jobs take about equally long. A point whose last attempt, in a pack of
    K, ran out of memory or ended without a word is put into a pack of at most K/2.

    Parameters
    ----------
    plan : Plan
        Of the scan; it need not be on disk.
    points : sequence of Point
        Those to train, in order.
    batch : BatchOptions
        Where and how they run.
    manifest : Manifest, optional
        Of the dataset; without it only epochs tell the costs of points apart.
    speed : Speed, optional
        As measured; by default what `known_speed` says, else the figures of a middling machine.
    resources : Resources, optional
        What jobs find where they run; `find_resources` by default.

    Returns
    -------
    list of tuple of Point
        Each point once. The points of a job, and jobs by their first point, are in the order of `points`.
    """
    if batch.models_per_job == 1:
        return [(point,) for point in points]
    resources = resources or find_resources(batch)
    if speed is None:
        speed, _ = known_speed(plan, manifest, resources) or (
            Speed.guess(resources.accelerated, manifest),
            "",
        )
    at_most = _MOST if batch.models_per_job == "auto" else batch.models_per_job
    costed = costs_of(plan, points, manifest)
    costs = [cost for _, cost in costed]
    kinds: dict[tuple[str, int], list[int]] = defaultdict(list)
    limits = each(lambda point: _limit(plan.paths(point)), points)
    for index, (limit, (common, _)) in enumerate(zip(limits, costed, strict=True)):
        kinds[common, min(at_most, limit)].append(index)
    packs: list[list[int]] = []
    for (_, most), indices in kinds.items():
        members = [costs[index] for index in indices]
        own = [speed.own(member) for member in members]
        fewest = 1
        if batch.models_per_job == "auto":
            slots = (
                None
                if resources.slots is None
                else max(1, round(resources.slots * len(members) / len(points)))
            )
            fewest = packs_wanted(own, speed.shared(members), slots)
        items = list(map(Item, indices, own, [member.memory for member in members]))
        groups = distribute(items, most, fewest, _bytes_for_networks(resources, members[0], manifest))
        if batch.models_per_job != "auto" and len(groups) > math.ceil(len(items) / most):
            log.warning(
                "%d points need %d jobs: no more networks fit into the memory of a job%s",
                len(items),
                len(groups),
                "" if batch.memory is None else "; raise batch.memory",
            )
        packs += groups
    return [tuple(points[index] for index in indices) for indices in sorted(packs)]


def packs_wanted(own: Sequence[float], shared: float, slots: int | None) -> int:
    """How many packs `auto` makes of networks that can share a stream, if memory allows.

    Parameters
    ----------
    own : sequence of float
        Seconds that a job spends on each network.
    shared : float
        Seconds that a job spends whatever is in it: to start, to stream, to step.
    slots : int or None
        Jobs that can run at once.
    """
    total = sum(own)
    # what adds no more than a job takes anyway, or than the largest network does, holds nobody up
    fewest = math.ceil(total / max(shared, *own) - 1e-9)
    if slots is None:
        return max(fewest, 1)
    # a free slot is put to use as long as no job then spends more on what is shared than on its networks
    busy = math.floor(total / shared + 1e-9)
    return max(1, min(slots, max(fewest, busy), len(own)))


def _limit(paths: PointPaths) -> int:
    """How many points a pack with this one may have."""
    try:
        attempt = last_attempt(paths)
    except DlscanError:
        return 1  # nobody knows what it died of, and alone it harms no other
    if attempt is None or not _may_lack_memory(attempt):
        return sys.maxsize
    return max(1, attempt.pack // 2)


def _may_lack_memory(attempt: Attempt) -> bool:
    if attempt.outcome != "failed":
        return attempt.outcome in (None, "oom")
    # a job that ended before it began leaves an attempt too, of one point that is at no epoch
    began = attempt.pack > 1 or attempt.resumed_after is not None
    return began and attempt.exit_code in _KILLED


def _bytes_for_networks(resources: Resources, first: Cost, manifest: Manifest | None) -> float:
    if resources.memory is None or manifest is None:
        return math.inf
    batches = _BATCHES * first.batch_size * manifest.event_bytes
    return _SHARE * resources.memory - _FRAMEWORK - batches - measuring_bytes(manifest, first.outputs)
