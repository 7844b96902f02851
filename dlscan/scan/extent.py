"""How many combinations there are for a search, and how many of them it has not proposed."""

import dataclasses

from dlscan.scan.choices import choices_of
from dlscan.scan.growth import can_be
from dlscan.scan.known import located, space_of
from dlscan.scan.plan import Plan
from dlscan.scan.proposals import notes_by_point
from dlscan.search.methods.zoom import round_of
from dlscan.search.propose import identity_of

# a space with more combinations is not gone through: `dlscan status` would wait for it
_LISTED = 1000


@dataclasses.dataclass(frozen=True)
class Extent:
    """How much there is for a search.

    Attributes
    ----------
    combinations : int
        Of the space, or of the present round of `zoom`, that can be trained; at most so many where `exact`
        is false.
    left : int or None
        How many of the space no point has; None where that is unknown.
    round, rounds : int
        Of `zoom`; 0 for other methods.
    exact : bool
        Whether each of the combinations was looked at.
    """

    combinations: int
    left: int | None
    round: int = 0
    rounds: int = 0
    exact: bool = True


def extent_of(plan: Plan) -> Extent | None:
    """How much there is for the search of a plan; None without one, or where it is too much to count."""
    search = plan.experiment.scan.search
    if search is None:
        return None
    space, number, rounds = space_of(plan.experiment), 0, 0
    if search.method == "zoom":
        number, space = round_of(space, notes_by_point(plan.proposals).values())
        rounds = search.rounds
    if space.size is None:
        return None
    if space.size > _LISTED:
        return Extent(space.size, None, number, rounds, exact=False)
    every = {identity_of(values) for values in space.every() if can_be(plan, values)}
    if search.method == "zoom" or search.known is not None:
        # what another scan has tried is not proposed again
        return Extent(len(every), None, number, rounds)
    firsts = (located(plan, space, first) for first, *_ in choices_of(plan))
    return Extent(len(every), len(every - {identity_of(values) for values in firsts if values is not None}))
