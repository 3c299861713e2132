"""Confidence intervals with Student's t, without a statistics package."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, stdev

from hookean.conformance.queueing.intervals import t_quantile

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
    return Interval(fmean(values), t_quantile(len(values) - 1, 1 - CONFIDENCE) * stdev(values) / math.sqrt(len(values)))


def difference(values: list[float], reference: list[float]) -> Interval:
    """Returns the interval of mean(values) - mean(reference).

    Both samples are taken to have the spread of the reference, so that even a single value can be judged.
    """
    spread = math.sqrt(1 / len(values) + 1 / len(reference)) * stdev(reference)
    return Interval(fmean(values) - fmean(reference), t_quantile(len(reference) - 1, 1 - CONFIDENCE) * spread)
