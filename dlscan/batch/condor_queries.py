"""Questions to HTCondor's queue and history."""

from collections.abc import Collection, Iterable
from typing import Any

from dlscan.batch.call import call
from dlscan.batch.condor_ads import ATTRIBUTES, read_ads

# The history is a file that is read backwards: for a job that ended long ago it takes its time.
_HISTORY_SECONDS = 60.0
_HISTORY_DEPTH = 200_000

Ads = list[dict[str, Any]]


def factories(constraint: str) -> Ads:
    """The clusters that make their jobs one after the other and have some still to make."""
    return _asked(["condor_q", "-allusers", "-factory"], constraint)


def queue(constraint: str) -> Ads:
    """The jobs in the queue; of a factory those that it has made."""
    return _asked(["condor_q", "-allusers"], constraint)


def history(constraint: str, most: int) -> Ads:
    """Jobs that have left the queue, at most so many, the latest first."""
    limits = ["-limit", str(most), "-scanlimit", str(_HISTORY_DEPTH)]
    return _asked(["condor_history", *limits], constraint, _HISTORY_SECONDS)


def these_clusters(clusters: Iterable[int]) -> str:
    """A constraint to these clusters."""
    return " || ".join(f"ClusterId == {cluster}" for cluster in sorted(clusters))


def these_jobs(jobs: Collection[tuple[int, int]]) -> str:
    """A constraint to these jobs, as short as intervals make it: a command line is not endless."""
    parts = []
    for cluster in sorted({cluster for cluster, _ in jobs}):
        numbers = sorted(proc for other, proc in jobs if other == cluster)
        spans = " || ".join(
            f"ProcId == {first}" if first == last else f"ProcId >= {first} && ProcId <= {last}"
            for first, last in _spans(numbers)
        )
        parts.append(f"ClusterId == {cluster} && ({spans})")
    return " || ".join(parts)


def key(ad: dict[str, Any]) -> tuple[int, int]:
    """Cluster and process of a job."""
    return int(ad["ClusterId"]), int(ad["ProcId"])


def _asked(command: list[str], constraint: str, seconds: float = 30.0) -> Ads:
    wanted = ["-constraint", constraint, "-json", "-attributes", ",".join(ATTRIBUTES)]
    return read_ads(call([*command, *wanted], seconds=seconds, tries=3))


def _spans(numbers: list[int]) -> list[tuple[int, int]]:
    """Cut ascending numbers where one is missing."""
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return spans
