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
    trainings = experiment.scan.trainings(plan.config["data"].get("folds"))
    if plan.searches and trainings < plan.trainings:
        raise ScanError(
            f"{plan.directory}: each choice of this search is trained {plan.trainings} times, which is now "
            f"{trainings}; trainings can be added but not removed: restore scan.repeats and scan.folds, or "
            f"{AFRESH}"
        )
    tried, search = len(choices_of(plan)), experiment.scan.search
    if search is not None and search.points is not None and search.points < tried:
        raise ScanError(
            f"{plan.directory}: scan.search.points is {search.points}, but {tried} points were proposed "
            f"already; set it to {tried} at least"
        )
