"""A plan that grows: a search proposes points, under the plan's lock, and the plan keeps them."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Literal

from dlscan import clock
from dlscan.config import BatchOptions, Experiment
from dlscan.config.build import Problem
from dlscan.files import read_json, remove
from dlscan.many import each
from dlscan.record import PointPaths
from dlscan.scan.changing import changing
from dlscan.scan.choices import choices_of
from dlscan.scan.halving import growing
from dlscan.scan.known import space_of, trials_elsewhere, trials_of
from dlscan.scan.objective import Target
from dlscan.scan.plan import Plan
from dlscan.scan.point_files import is_tried, make_point
from dlscan.scan.proposals import Proposal, learned_before, versions
from dlscan.scan.space import Point, numbered
from dlscan.search import Ask, Draw, Trial, propose, seed_of
from dlscan.search.space import Values

# points that share a job where nobody has said how many
_PACK = 8
# a search that is not told how many jobs run at once proposes its budget in so many parts
_PARTS = 8
# methods that need no result
BLIND = ("grid", "random", "sobol")

State = Literal["grown", "wait", "stop"]


@dataclasses.dataclass(frozen=True)
class Grown:
    """A plan after a proposal.

    Attributes
    ----------
    plan : Plan
        As it is now.
    points : list of Point
        Those that are new.
    state : {"grown", "wait", "stop"}
        "wait" where results of points that run are needed before; "stop" where the search is over.
    """

    plan: Plan
    points: list[Point]
    state: State


def grow(
    plan: Plan,
    experiment: Experiment,
    targets: Sequence[Target],
    batch: BatchOptions,
    room: Callable[[Sequence[Trial]], int],
) -> Grown:
    """Let a search propose points, and write them into its plan, one process at a time.

    Parameters
    ----------
    plan : Plan
        Of the search, as it was last read.
    experiment : Experiment
        That of the plan, with how its points run now.
    targets : sequence of Target
        What is to become good.
    batch : BatchOptions
        How the points run: retries, and how many share a job.
    room : callable
        How many more choices of parameters are wanted, where so much is known.
    """
    with changing(plan.directory):
        plan = Plan.read(plan.directory)
        search, space = plan.experiment.scan.search, space_of(plan.experiment)
        assert search is not None
        own = trials_of(plan, space, targets, batch.retries)
        others = [] if search.known is None else trials_elsewhere(search.known, plan, space, targets)
        tried = len(choices_of(plan))
        many = room(own)
        if search.points is not None:
            if tried >= search.points:
                return Grown(plan, [], "stop")
            many = min(many, search.points - tried)
        if many < 1:
            return Grown(plan, [], "wait")
        ask = Ask(
            many,
            seed_of(search.seed, tried),
            search.seed,
            pack_of(batch),
            search.population,
            search.rounds,
            len(targets),
        )
        found = propose(search.method, space, [*others, *own], ask, lambda values: can_be(plan, values))
        if isinstance(found, str):
            if found == "stop" and plan.experiment.scan.halving is not None and growing(plan):
                # an empty proposal: no others will come to the rungs, so those that wait there are all
                plan = _written(plan, experiment, [], own, len(others), ask).plan
            return Grown(plan, [], found)
        return _written(plan, experiment, found, own, len(others), ask)


def pack_of(batch: BatchOptions) -> int:
    """How many points share a job."""
    return _PACK if batch.models_per_job == "auto" else batch.models_per_job


def in_flight(plan: Plan, batch: BatchOptions, slots: int | None, all_at_once: bool) -> int:
    """How many choices may wait or run at a time.

    Parameters
    ----------
    plan : Plan
        Of the search.
    batch : BatchOptions
        How its points run.
    slots : int or None
        Jobs that run at once; None if nobody knows.
    all_at_once : bool
        Nobody will propose more: then a method that needs no result proposes all.
    """
    search, trainings = plan.experiment.scan.search, plan.trainings
    assert search is not None
    if all_at_once and search.method in BLIND:
        return search.points or 10**6
    pack = pack_of(batch)
    if slots is None:
        most = -(-(search.points or _PARTS * pack) * trainings // _PARTS)
        points = -(-most // pack) * pack
    else:
        points = slots * pack
    return max(1, points // trainings)


def can_be(plan: Plan, values: Values) -> bool:
    """Whether networks can be trained with these values of the keys that a search draws."""
    try:
        combinations = plan.experiment.combinations.drawn(values)
        for each in combinations:
            plan.experiment.task.require_fit(each.train, each.model)
    except Problem:
        return False
    return True


def _written(
    plan: Plan,
    experiment: Experiment,
    found: Sequence[Draw],
    known: Sequence[Trial],
    others: int,
    ask: Ask,
) -> Grown:
    """Freeze what was proposed, directories first: once the plan has a point, jobs may look for it."""
    search = plan.experiment.scan.search
    assert search is not None
    new: list[Point] = []
    firsts = []
    for draw in found:
        firsts.append(len(plan.points) + len(new) + 1)
        new += numbered(plan.experiment, plan.experiment.combinations.drawn(draw.values), firsts[-1])
    before = learned_before(plan.proposals)
    now = {
        str(t.number): list(t.worth) if t.state == "done" else t.state for t in known if t.state != "running"
    }
    proposal = Proposal(
        firsts,
        search.method,
        ask.seed,
        {number: said for number, said in now.items() if before.get(number) != said},
        others,
        [dict(draw.notes) for draw in found],
        versions(),
        clock.now(),
    )
    more = dataclasses.replace(plan, points=(*plan.points, *new), proposals=(*plan.proposals, proposal))
    _clear_leftovers(plan)
    each(lambda point: make_point(more.paths(point), point, experiment), new)
    more.write(read_json(plan.directory / "plan.json").get("created"))
    return Grown(more, new, "grown")


def _clear_leftovers(plan: Plan) -> None:
    """Remove the directories of points that a proposal which was killed has left outside of the plan."""
    planned = {point.directory for point in plan.points}
    for path in (plan.directory / "points").iterdir():
        if path.name not in planned and not is_tried(PointPaths(path)):
            remove(path)
