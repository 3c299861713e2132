"""The slow parts of a profile: level per day, daily shape, swell, by robust and least-squares fits of the log rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hookean.traces.generate import cyclic, linear
from hookean.traces.profile import MINUTES_PER_DAY, SHAPE_KNOTS, knots_needed

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Mask = npt.NDArray[np.bool_]

_ROUNDS = 4
"""Alternations between level and shape; the largest change is below 1 % after three."""

_STIFFNESS = 0.05
"""Weight of the second differences in a least-squares fit: carries a value over knots without data."""


def repaired(counts: Floats, *, unreliable: Mask) -> Floats:
    """Returns counts with unreliable bins replaced by the straight line between their neighbours."""
    position = np.arange(counts.size)
    return np.asarray(np.interp(position, position[~unreliable], counts[~unreliable]), dtype=np.float64)


def level_and_shape(log_rate: Floats, *, offset: int) -> tuple[Floats, Floats]:
    """Splits the log rate into one level per day and one daily shape, both by medians, so that crowds do not count.

    Args:
        log_rate: float64, shape (bins,), natural log of counts per minute.
        offset: Minute of the day of bin 0.

    Returns:
        Level, shape (days + 1,), on knots a day apart from bin 0; and the daily shape, shape (48,), mean 0.
    """
    bins = log_rate.size
    shape = np.zeros(SHAPE_KNOTS)
    level = np.zeros(knots_needed(bins, MINUTES_PER_DAY))
    spacing = MINUTES_PER_DAY // SHAPE_KNOTS
    minute = (np.arange(bins) + offset) % MINUTES_PER_DAY
    nearest = ((minute + spacing // 2) // spacing) % SHAPE_KNOTS
    for _ in range(_ROUNDS):
        level = _daily_medians(log_rate - cyclic(shape, bins=bins, offset=offset), knots=level.size)
        rest = log_rate - linear(level, spacing=MINUTES_PER_DAY, bins=bins)
        shape = np.array([np.median(rest[nearest == knot]) for knot in range(SHAPE_KNOTS)])
        shape -= shape.mean()
    return level, shape


def _daily_medians(values: Floats, *, knots: int) -> Floats:
    half = MINUTES_PER_DAY // 2
    windows = [values[max(0, k * MINUTES_PER_DAY - half) : k * MINUTES_PER_DAY + half] for k in range(knots)]
    found = [float(np.median(window)) if window.size else np.nan for window in windows]
    known = np.flatnonzero(np.isfinite(found))
    return np.asarray(np.interp(np.arange(knots), known, np.array(found)[known]), dtype=np.float64)


def quantile_knots(values: Floats, *, spacing: int, reach: int, quantile: float) -> Floats:
    """Returns a quantile of the values within `reach` bins of each knot, shape (knots,)."""
    knots = knots_needed(values.size, spacing)
    centres = np.minimum(np.arange(knots) * spacing, values.size - 1)
    return np.array([np.quantile(values[max(0, c - reach) : c + reach + 1], quantile) for c in centres.tolist()])


def least_squares_knots(values: Floats, *, spacing: int) -> Floats:
    """Fits straight lines between knots `spacing` bins apart to all values, shape (knots,)."""
    knots = knots_needed(values.size, spacing)
    position = np.arange(values.size)
    left, share = position // spacing, (position % spacing) / spacing
    normal = np.zeros((knots, knots))
    right_side = np.zeros(knots)
    for first, weight_first in ((0, 1 - share), (1, share)):
        np.add.at(right_side, left + first, weight_first * values)
        for second, weight_second in ((0, 1 - share), (1, share)):
            np.add.at(normal, (left + first, left + second), weight_first * weight_second)
    bend = np.diff(np.eye(knots), n=2, axis=0)
    solution = np.linalg.solve(normal + _STIFFNESS * (bend.T @ bend), right_side)
    return np.asarray(solution, dtype=np.float64)
