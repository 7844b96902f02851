"""Questions to HTCondor's queue and history."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from dlscan.batch.answers import no_answer
from dlscan.batch.call import call
from dlscan.batch.condor_ads import ATTRIBUTES, read_ads

# The history is a file that is read backwards: for a job that ended long ago it takes its time.
_HISTORY_SECONDS = 60.0
_HISTORY_DEPTH = 200_000

# of one cluster
_MOST_SPANS = 200

Ads = list[dict[str, Any]]


def schedd() -> str:
    """The name of the schedd that answers here.

    Raises
    ------
    BatchError
        If none does. A list without jobs is no sign of it: that is what a command prints that did not ask.
    """
    answer = call(["condor_q", "-allusers", "-totals"], tries=3)
    found = re.search(r"^-- Schedd: (\S+)", answer, re.MULTILINE)
    if found is None:
        raise no_answer("condor_q", answer)
    return found[1]


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


def these_clusters(clusters: Mapping[int, str]) -> str:
    """A constraint to these clusters, each with its tag: a number alone may be somebody else's by now."""
    return " || ".join(f"({_one(cluster, tag)})" for cluster, tag in sorted(clusters.items()))


def these_jobs(jobs: Collection[tuple[int, int]], clusters: Mapping[int, str]) -> tuple[str, int]:
    """A constraint to these jobs, and how many fit it: more than were asked for where they are scattered.

    A command line is not endless, so it is made of intervals, of which there are not too many.
    """
    parts, count = [], 0
    for cluster in sorted({cluster for cluster, _ in jobs}):
        spans = _spans(sorted(proc for other, proc in jobs if other == cluster))
        if len(spans) > _MOST_SPANS:
            spans = [(spans[0][0], spans[-1][1])]
        count += sum(last - first + 1 for first, last in spans)
        within = " || ".join(f"ProcId >= {first} && ProcId <= {last}" for first, last in spans)
        parts.append(f"({_one(cluster, clusters[cluster])} && ({within}))")
    return " || ".join(parts), count


def key(ad: dict[str, Any]) -> tuple[int, int]:
    """Cluster and process of a job."""
    return int(ad["ClusterId"]), int(ad["ProcId"])


def _asked(command: list[str], constraint: str, seconds: float = 30.0) -> Ads:
    wanted = ["-constraint", constraint, "-json", "-attributes", ",".join(ATTRIBUTES)]
    return read_ads(call([*command, *wanted], seconds=seconds, tries=3))


def _one(cluster: int, tag: str) -> str:
    return f'ClusterId == {cluster} && JobBatchName == "{tag}"'


def _spans(numbers: list[int]) -> list[tuple[int, int]]:
    """Cut ascending numbers where one is missing."""
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return spans
