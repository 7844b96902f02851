"""What replicas say together: reached against exact, coverage, the bias of a choice. Pure."""

import dataclasses
import math
import statistics
from collections.abc import Sequence

from dlscan.closure.replica import Replica
from dlscan.spelling import counted

NOMINAL = 0.6827
# so many standard errors away is no chance any more
# below that, neither a coverage nor a bias can be told from chance
_FEW = 20
_MOST = 2.5


@dataclasses.dataclass(frozen=True)
class Mean:
    """A mean over replicas and its standard error; None for a single one."""

    value: float
    error: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Mean":
        """The mean of values."""
        count = len(values)
        error = statistics.stdev(values) / math.sqrt(count) if count > 1 else None
        return cls(statistics.fmean(values), error)

    @property
    def differs(self) -> bool:
        """Whether it is not 0, beyond what chance does."""
        return bool(self.error) and abs(self.value) > _MOST * (self.error or 0.0)

    def text(self, digits: int, sign: str = "") -> str:
        """`0.92135 +- 0.00012`."""
        error = "" if self.error is None else f" +- {self.error:.{digits}f}"
        return f"{self.value:{sign}.{digits}f}{error}"


@dataclasses.dataclass(frozen=True)
class Summary:
    """The replicas together.

    Attributes
    ----------
    metric : str
        What was measured.
    count, models : int
        Replicas; models of each, of which the best by validation was chosen.
    reached, exact, gap : Mean
        The true number of the chosen model, the best possible, and reached less exact.
    covered : int
        Replicas whose 68.27 % interval of the test split holds the truth.
    test_bias, validation_bias : Mean
        What test and validation say less the truth.
    pull : float
        Mean of the errors in units of their intervals; 0 is right.
    width : float or None
        Their standard deviation; 1 is right.
    best_covered : int or None
        Replicas whose test events give the exact answer an interval that holds what is true of it; None where
        there is no answer.
    """

    metric: str
    count: int
    models: int
    reached: Mean
    exact: Mean
    gap: Mean
    covered: int
    test_bias: Mean
    validation_bias: Mean
    pull: float
    width: float | None
    best_covered: int | None = None

    @property
    def coverage(self) -> float:
        """The share of the intervals that hold the truth."""
        return self.covered / self.count

    @property
    def coverage_error(self) -> float:
        """By how much chance moves the coverage of right intervals: that of a binomial distribution."""
        return math.sqrt(NOMINAL * (1 - NOMINAL) / self.count)

    @property
    def covers(self) -> bool:
        """Whether the coverage is what it should be, as far as so many replicas tell."""
        return abs(self.coverage - NOMINAL) <= _MOST * self.coverage_error

    @property
    def pulls(self) -> str:
        """`mean +0.03, width 1.02`."""
        width = "" if self.width is None else f", width {self.width:.2f}"
        return f"mean {self.pull:+.2f}{width}"

    @property
    def sentence(self) -> str:
        """What can be believed, in a sentence or two."""
        if self.count < _FEW:
            return f"{counted(self.count, 'replica')} cannot tell whether to believe it; make {_FEW} or more."
        if self.covers:
            first = "The intervals of the test split hold the truth as often as they should"
        else:
            word = "less" if self.coverage < NOMINAL else "more"
            first = f"The intervals of the test split hold the truth {word} often than they should"
        second = "the test split is biased" if self.test_bias.differs else "the test split shows no bias"
        third = ""
        if self.models > 1:
            third = (
                "; the validation split, by which the best was chosen, promises too much: do not quote it"
                if self.validation_bias.differs
                else "; the choice of the best leaves no bias that these replicas can see"
            )
        return f"{first}, and {second}{third}."


def summarize(replicas: Sequence[Replica], best_covered: int | None = None) -> Summary:
    """The summary of replicas, of which there is at least one; `best_covered` as in `Summary`."""
    pulls = [each.pull for each in replicas]
    return Summary(
        replicas[0].metric,
        len(replicas),
        max(each.models for each in replicas),
        Mean.of([each.true for each in replicas]),
        Mean.of([each.exact for each in replicas]),
        Mean.of([each.true - each.exact for each in replicas]),
        sum(each.covered for each in replicas),
        Mean.of([each.test - each.true for each in replicas]),
        Mean.of([each.validation - each.true for each in replicas]),
        statistics.fmean(pulls),
        statistics.stdev(pulls) if len(pulls) > 1 else None,
        best_covered,
    )
