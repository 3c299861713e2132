"""Confidence intervals with Student's t, without a statistics package."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, stdev

CONFIDENCE = 0.999
"""Of every check: with some twenty of them a run fails by chance about once in fifty."""


@dataclass(frozen=True)
class Interval:
    """A mean with the half-width of its confidence interval.

    Attributes:
        mean: The mean.
        half_width: Half of the interval's width.
    """

    mean: float
    half_width: float

    def holds(self, value: float) -> bool:
        """Whether the interval contains a value."""
        return abs(value - self.mean) <= self.half_width


def interval(values: list[float]) -> Interval:
    """Returns mean and interval of independent values, at least two."""
    return Interval(fmean(values), t_quantile(len(values) - 1) * stdev(values) / math.sqrt(len(values)))


def difference(values: list[float], reference: list[float]) -> Interval:
    """Returns the interval of mean(values) - mean(reference).

    Both samples are taken to have the spread of the reference, so that even a single value can be judged.
    """
    spread = math.sqrt(1 / len(values) + 1 / len(reference)) * stdev(reference)
    return Interval(fmean(values) - fmean(reference), t_quantile(len(reference) - 1) * spread)


def t_quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """Returns the t with P(|T| <= t) = confidence, by bisection."""
    low, high = 0.0, 1.0
    while _inside(high, freedom) < confidence:
        high *= 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _inside(middle, freedom) < confidence else (low, middle)
    return high


def _inside(t: float, freedom: int) -> float:
    """Returns P(|T| <= t): Abramowitz and Stegun 26.7.3 (odd degrees of freedom) and 26.7.4 (even)."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= square * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
