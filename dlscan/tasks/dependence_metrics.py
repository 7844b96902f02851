"""Columns that tell how much scores depend on a nuisance."""

from dlscan.metrics.dependence import DEPENDENCE, DIFFERENCE
from dlscan.tasks.metric import About, Metric, Split

_MEANINGS = {
    DEPENDENCE: "distance correlation of scores and {} within a class: 0 if they are independent",
    DIFFERENCE: "largest distance of the distributions of a score between a bin of {} and all others",
}


def dependence_metric(name: str) -> Metric | None:
    """What a column about a nuisance is; None for any other."""
    split: Split = "validation" if name.startswith("val_") else "test"
    bare = name.removeprefix("val_")
    for ending, meaning in _MEANINGS.items():
        nuisance = bare.removesuffix(ending)
        if nuisance not in ("", bare):
            title = (
                f"{ending.strip('_').lower()} on {nuisance}"
                if ending == DEPENDENCE
                else f"difference by {nuisance}"
            )
            family = "val_*" if split == "validation" else ending.strip("_")
            about = About(meaning.format(nuisance), split=split, family=family, title=title, better="less")
            return Metric("number", about)
    return None
