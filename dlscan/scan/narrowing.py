"""How the space of a search may change while it goes on: wider by `--extend`, narrower by `--narrow`."""

from dlscan.config import Experiment
from dlscan.errors import ScanError
from dlscan.scan.choices import choices_of
from dlscan.scan.plan import AFRESH, Plan


def require_going_on(plan: Plan, experiment: Experiment, narrow: bool) -> None:
    """Check that a search can go on in the space that its file has now. All that is known stays known.

    Parameters
    ----------
    plan : Plan
        As it is.
    experiment : Experiment
        As it is to be.
    narrow : bool
        Whether the space may be narrower; else it may be wider.

    Raises
    ------
    ScanError
        If it is not so, or the budget is spent already.
    """
    before, now = plan.experiment.scan.dimensions, experiment.scan.dimensions
    gone = [key for key in before if key not in now]
    if gone:
        raise ScanError(
            f"{plan.directory}: {gone[0]} is not searched any more; keep it in scan.space, with a single "
            f"value ([...]) and --narrow, or {AFRESH}"
        )
    for key in before:
        one, other = (now[key], before[key]) if narrow else (before[key], now[key])
        if plan.experiment.scan.search is not None and not one.within(other):
            how, option = ("narrower", "--extend") if narrow else ("wider", "--narrow")
            raise ScanError(
                f"{plan.directory}: scan.space.{key} is {now[key].plain()!r}, which is not {how} than "
                f"{before[key].plain()!r}; use {option}, or {AFRESH}"
            )
    if experiment.scan.search is not None:
        _require_trainings(plan, experiment)
    tried, search = len(choices_of(plan)), experiment.scan.search
    if search is not None and search.points is not None and search.points < tried:
        raise ScanError(
            f"{plan.directory}: scan.search.points is {search.points}, but {tried} points were proposed "
            f"already; set it to {tried} at least"
        )


def _require_trainings(plan: Plan, experiment: Experiment) -> None:
    """Check that each repeat and fold of before is one still: a mean over others cannot be compared."""
    before, now = (each.combinations.trainings.of({}) for each in (plan.experiment, experiment))
    for training in before:
        if not any(training == {key: each.get(key) for key in training} for each in now):
            said = ", ".join(f"{key}: {value}" for key, value in training.items())
            raise ScanError(
                f"{plan.directory}: each choice of this scan has a training with {said}, which scan.repeats "
                "and scan.folds no longer give; trainings can be added to a search, but not removed or "
                f"exchanged: restore both keys, or {AFRESH}"
            )
