"""One sentence of advice."""

import math

from dlscan.bench.figures import Figures
from dlscan.spelling import counted

# Training that keeps this share of its speed is as fast as it gets.
_ENOUGH = 0.9


def advice(found: Figures) -> str:
    """What limits this training, and what would help."""
    limit = _limit(found)
    if found.reached >= _ENOUGH or found.points <= found.networks:
        return limit
    more = "more of" if found.networks > 1 else "several of"
    return f"{limit} Or let {more} the {found.points} points share the stream (batch.models_per_job)."


def _limit(found: Figures) -> str:
    kept = f"{100 * min(found.reached, 1):.0f} %"
    if found.reached >= _ENOUGH:
        return (
            f"Training is the bottleneck: it runs at {kept} of its speed with data in memory, so more "
            "workers would not help."
        )
    if not found.workers:
        return (
            f"The stream reads in the training process, which runs at {kept} of its speed; set "
            "stream.workers: 1."
        )
    if found.stream < found.training:
        return f"The stream is the bottleneck: training runs at {kept} of its speed; {_faster_stream(found)}."
    if found.on_processor:
        return (
            f"Training and stream share {counted(found.cpus, 'CPU')}: training runs at "
            f"{kept} of its speed; more CPUs would help, more workers would not."
        )
    if found.transport == "dense" and found.sparse_inputs and not found.indexed:
        return (
            f"The transfer to the device is the bottleneck: training runs at {kept} of its speed; "
            "stream.transport: sparse would make it faster."
        )
    return (
        f"The transfer to the device is the bottleneck: training runs at {kept} of its speed; a larger "
        "network would take little more time."
    )


def _faster_stream(found: Figures) -> str:
    if found.indexed:
        return "`dlscan prepare` without --index-only would deliver several times as many events"
    wanted = math.ceil(found.workers * found.training / found.stream)
    most = min(wanted, max(found.cpus - 1, 1))
    if found.workers < most:
        return f"raise stream.workers from {found.workers} to {most}"
    if found.transport == "sparse":
        return "only more CPUs would help"
    share = 100 * found.stream / found.memory_set
    return f"it delivers {share:.0f} % of what memory bandwidth allows here, and only more CPUs would help"
