"""How far chance carries a count of false alarms."""

import math
from dataclasses import dataclass
from statistics import fmean, pvariance

from scipy.stats import binom, norm

LEVEL = 0.05


@dataclass(frozen=True)
class Band:
    """Where a rate should lie, of one line in 95 of 100 evaluations, and of all lines together in as many."""

    low: float
    high: float
    low_together: float
    high_together: float

    def verdict(self, rate: float) -> str:
        """What a rate says of it."""
        if self.low <= rate <= self.high:
            return "inside"
        if self.low_together <= rate <= self.high_together:
            return "inside that of all lines"
        return "**below**" if rate < self.low else "**above**"


def binomial(n: int, probability: float, n_lines: int) -> Band:
    """The band of the share of alarms in `n` independent windows, each of which alarms with a probability: exact quantiles."""

    def ends(level: float) -> tuple[float, float]:
        low, high = binom.ppf([level / 2, 1 - level / 2], n, probability)
        return low / n, high / n

    return Band(*ends(LEVEL), *ends(LEVEL / n_lines))


def of_references(alarms: list[int], rows: list[int], wanted: float, n_lines: int) -> Band:
    """The band of alarms a row around the wanted rate, from the counts of each reference.

    Alarms of one detector share its reference, and one reference makes more of them than another; so the standard error is that
    of a ratio over references (Cochran 1977, 2.11), which holds both what references and what rows make of it.
    """
    rate = sum(alarms) / sum(rows)
    squares = sum((count - rate * n) ** 2 for count, n in zip(alarms, rows, strict=True))
    error = math.sqrt(squares * len(rows) / (len(rows) - 1)) / sum(rows)

    def ends(level: float) -> tuple[float, float]:
        half = norm.ppf(1 - level / 2) * error
        return wanted - half, wanted + half

    return Band(*ends(LEVEL), *ends(LEVEL / n_lines))


def spread(alarms: list[int]) -> float:
    """By which share of their mean the rates of references differ: the standard deviation of counts, net of what Poisson's law gives them."""
    mean, variance = fmean(alarms), pvariance(alarms)
    return math.sqrt(max(variance - mean, 0.0)) / mean
