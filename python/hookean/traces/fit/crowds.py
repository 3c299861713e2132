"""Flash crowds: stretches where the rate leaves its usual course, each simplified to a polygon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hookean.traces.profile import Crowd

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_SMOOTHING_MIN = 5
_NOTICE = 0.25
"""Log factor above the usual course (28 %) that makes a stretch a crowd."""

_QUIET = 0.08
"""Log factor at which a crowd begins and ends."""

_CALM_MIN = 8
"""Minutes of quiet that end a crowd."""

_NOISE_FACTOR = 5.0
"""Tolerance of a polygon, in standard deviations of the smoothed noise: below it, corners would follow noise."""

_TOLERANCE = 0.1
"""Smallest tolerance of a polygon, log factor: 10 %."""


def find_crowds(excess: Floats, *, noise: Floats) -> tuple[Crowd, ...]:
    """Finds flash crowds in the log rate above its usual course.

    Args:
        excess: float64, shape (bins,), natural log of rate over usual rate.
        noise: float64, shape (bins,), standard deviation of `excess` by noise of single bins.

    Returns:
        Crowds in order of time, not overlapping.
    """
    course = moving_median(excess, width=_SMOOTHING_MIN)
    tolerance = np.maximum(_TOLERANCE, _NOISE_FACTOR * noise / np.sqrt(_SMOOTHING_MIN))
    crowds = []
    for start, stop in _stretches(course, notice=np.maximum(_NOTICE, 1.5 * tolerance)):
        contour = course[start:stop].copy()
        contour[0] = contour[-1] = 0.0
        corners = _polygon(contour, tolerance=tolerance[start:stop])
        crowds.append(
            Crowd(
                start_min=start,
                minutes=tuple(corners.tolist()),
                log_factor=tuple(np.round(contour[corners], 3).tolist()),
            )
        )
    return tuple(crowds)


def moving_median(values: Floats, *, width: int) -> Floats:
    """Returns the median of `width` (odd) bins around each bin: smooth, and still steep where the rate is."""
    padded = np.pad(values, width // 2, mode="edge")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1), dtype=np.float64)


def _stretches(course: Floats, *, notice: Floats) -> list[tuple[int, int]]:
    """Returns [start, stop) of every stretch above `_QUIET` that exceeds `notice` somewhere."""
    active = course > _QUIET
    edges = np.flatnonzero(np.diff(active.astype(np.int8), prepend=0, append=0))
    merged: list[list[int]] = []
    for start, stop in edges.reshape(-1, 2).tolist():
        if merged and start - merged[-1][1] < _CALM_MIN:
            merged[-1][1] = stop
        else:
            merged.append([start, stop])
    return [
        (max(0, start - 1), min(course.size, stop + 1))
        for start, stop in merged
        if np.any(course[start:stop] > notice[start:stop]) and stop - start > 2
    ]


def _polygon(contour: Floats, *, tolerance: Floats) -> npt.NDArray[np.int64]:
    """Simplifies a contour by Douglas and Peucker's rule with vertical distances; returns the corners' positions."""
    corners = {0, contour.size - 1}
    pending = [(0, contour.size - 1)]
    while pending:
        left, right = pending.pop()
        if right - left < 2:
            continue
        inner = np.arange(left + 1, right)
        line = contour[left] + (inner - left) / (right - left) * (contour[right] - contour[left])
        miss = np.abs(contour[inner] - line) / tolerance[inner]
        worst = int(np.argmax(miss))
        if miss[worst] > 1.0:
            corner = int(inner[worst])
            corners.add(corner)
            pending += [(left, corner), (corner, right)]
    return np.array(sorted(corners))
