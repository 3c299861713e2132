"""Confidence intervals from batch means.

Every figure is a smooth function of means (a mean, a variance, a ratio, the phase of a harmonic). The jackknife over
batches gives its estimate and interval: with `k` batches, pseudo-values `k f(all) - (k - 1) f(all but one)` are
averaged and Student's t with `k - 1` degrees of freedom is applied (Miller, *The jackknife: a review*, Biometrika 61,
1974). For a plain mean this is the classical batch-means interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Estimate:
    """An estimate with the half-width of its interval.

    Attributes:
        value: The estimate.
        half_width: Half of the interval's width.
        neighbours: Correlation of neighbouring batches; about 0 +- 1/sqrt(batches) when batches are long enough.
    """

    value: float
    half_width: float
    neighbours: float


def estimate(
    columns: NDArray[np.float64], function: Callable[[NDArray[np.float64]], float], *, alpha: float
) -> Estimate:
    """Estimates a function of means.

    Args:
        columns: One row for each batch, one column for each mean.
        function: Takes the vector of means.
        alpha: Probability that the interval misses the true value.
    """
    batches = columns.shape[0]
    total = columns.sum(axis=0)
    whole = function(total / batches)
    without = np.array([function((total - row) / (batches - 1)) for row in columns])
    pseudo = batches * whole - (batches - 1) * without
    spread = float(pseudo.std(ddof=1))
    half_width = t_quantile(batches - 1, alpha) * spread / math.sqrt(batches)
    return Estimate(float(pseudo.mean()), half_width, _neighbours(pseudo))


def _neighbours(values: NDArray[np.float64]) -> float:
    centred = values - values.mean()
    total = float(centred @ centred)
    return float(centred[1:] @ centred[:-1]) / total if total > 0.0 else 0.0


@lru_cache
def t_quantile(freedom: int, alpha: float) -> float:
    """Returns the t with P(|T| > t) = alpha for Student's t, by bisection.

    Args:
        freedom: Degrees of freedom, at least 1.
        alpha: Probability outside, between 0 and 1.
    """
    low, high = 0.0, 1.0
    while _inside(high, freedom) < 1.0 - alpha:
        high *= 2.0
    while high - low > 1e-12 * high:
        middle = (low + high) / 2.0
        low, high = (middle, high) if _inside(middle, freedom) < 1.0 - alpha else (low, middle)
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
    return 2.0 / math.pi * (angle + sine * total) if odd else sine * total
