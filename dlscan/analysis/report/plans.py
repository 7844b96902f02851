"""How the points of a scan were chosen and how each is trained, as its plan says it."""

from collections.abc import Mapping

from dlscan import event_losses
from dlscan.analysis.points.folds import fold_of
from dlscan.analysis.points.models import choice_of, groups
from dlscan.analysis.points.tasks import metrics_of
from dlscan.analysis.report.facts import ReportedScan
from dlscan.analysis.report.words import counted, named
from dlscan.config.dotted import get
from dlscan.config.folds import validating
from dlscan.config.halving import Halving

_MOST_RUNGS = 12


def how_chosen(scan: ReportedScan) -> str:
    """A sentence each on its search, its halving, its folds and repeats; empty for a grid without these."""
    try:
        return " ".join(filter(None, (_search(scan), _halving(scan), _trainings(scan))))
    except (KeyError, TypeError, ValueError, AttributeError):
        return ""  # a plan of another version; the page has its configuration as it stands


def _search(scan: ReportedScan) -> str:
    search = get(scan.plan, "config.scan.search")
    if not isinstance(search, Mapping):
        return ""
    proposals = scan.plan.get("proposals") or [search]
    methods = ", then ".join(dict.fromkeys(str(proposal["method"]) for proposal in proposals))
    metric = search.get("metric") or [task.chosen_by[0] for task in metrics_of(scan.points)][:1]
    columns = named([metric] if isinstance(metric, str) else list(metric))
    number, most = len({choice_of(point["params"]) for point in scan.plan["points"]}), search.get("points")
    tried = f"{number:,} of at most {counted(most, 'choice')}" if most else counted(number, "choice")
    return f"Search with {methods}{f' for {columns}' if columns else ''}: {tried} of parameters."


def _halving(scan: ReportedScan) -> str:
    value = get(scan.plan, "config.scan.halving")
    if not isinstance(value, Mapping):
        return ""
    halving = Halving(value["first"], value["factor"], bool(value.get("racing")))
    usual = get(scan.plan, "config.train.epochs")
    epochs = max(point["params"].get("train.epochs", usual) for point in scan.plan["points"])
    *before, last = halving.rungs(epochs)
    rungs = named([*map(str, before), counted(last, "epoch")], _MOST_RUNGS)
    said = f"Halving: after {rungs} the best of every {halving.factor} points continues"
    if not halving.racing:
        return f"{said}."
    models = ([scan.points[number] for number in model] for model in groups(scan.points))
    few = event_losses.too_few([(fold_of(point), point.paths) for point in model] for model in models)
    said += ", and with racing every point that is not significantly worse than the best."
    return f"{said} {few}." if few else said


def _trainings(scan: ReportedScan) -> str:
    folds = {validating(point.get("params", {})) for point in scan.plan.get("points", [])} - {()}
    repeats = get(scan.plan, "config.scan.repeats") or 1
    what = "choices of folds" if any(len(left_out) > 1 for left_out in folds) else "folds"
    parts = [f"{count} {noun}" for count, noun in ((len(folds), what), (repeats, "seeds")) if count > 1]
    return f"Each choice of parameters is trained once for each of {named(parts)}." if parts else ""
