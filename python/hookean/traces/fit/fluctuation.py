"""Noise parameters: how the spread of the log rate falls with the rate, and how it is correlated in time."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from hookean.errors import TraceError
from hookean.traces.generate import deviation
from hookean.traces.profile import Noise, NoiseComponent

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_TIME_CONSTANTS_MIN = (0.0, 2.0, 20.0)
"""Time constants of the components: white, minutes, and up to where the swell takes over."""

_LAGS = np.array([1, 2, 3, 4, 5, 7, 10, 15, 20])
_GROUPS = 24
"""Groups of equally many bins, by rate, whose spread the power law is fitted to."""

_CAP = 1.0
"""Largest standard deviation of the log rate: a factor of e. Only the first hour of the World Cup trace reaches it."""

_BUSY = 2_000.0
"""Requests per bin above which Poisson noise (2 %) is small against the rest, so that correlations can be read off."""


def fit_noise(residual: Floats, *, smooth: Floats) -> Noise:
    """Fits noise to what level, shape, swell and crowds leave over.

    Args:
        residual: float64, shape (bins,), natural log of counts over the smooth rate.
        smooth: float64, shape (bins,), natural log of the smooth rate, requests per bin.

    Raises:
        TraceError: If the residual is no noisier than Poisson arrivals, or the trace is never busy.
    """
    scale, exponent = _power_law(residual, smooth=smooth)
    unweighted = Noise(scale=scale, exponent=exponent, cap=_CAP, components=())
    normed = residual / deviation(unweighted, smooth)
    busy = np.exp(smooth) > _BUSY
    if not busy.any():
        raise TraceError(f"trace never exceeds {_BUSY:g} requests per bin: too quiet to fit correlated noise")
    return Noise(scale=scale, exponent=exponent, cap=_CAP, components=_components(_correlations(normed, where=busy)))


def _power_law(residual: Floats, *, smooth: Floats) -> tuple[float, float]:
    """Fits log spread = log scale - exponent * log rate over groups of equal size, Poisson variance removed."""
    groups = np.array_split(np.argsort(smooth), _GROUPS)
    centre = np.array([smooth[group].mean() for group in groups])
    spread = np.array([np.median(np.abs(residual[group])) / 0.6745 for group in groups])
    variance = spread**2 - np.exp(-centre)
    if np.any(variance <= 0):
        raise TraceError("trace is no noisier than Poisson arrivals: there is no noise to fit")
    slope, offset = np.polyfit(centre, 0.5 * np.log(variance), 1)
    return round(float(np.exp(offset)), 4), round(-float(slope), 4)


def _correlations(normed: Floats, *, where: npt.NDArray[np.bool_]) -> Floats:
    centred = np.where(where, normed, 0.0)
    energy = float(np.dot(centred, centred)) / float(np.count_nonzero(where))
    pairs = [np.count_nonzero(where[:-lag] & where[lag:]) for lag in _LAGS.tolist()]
    products = [float(np.dot(centred[:-lag], centred[lag:])) for lag in _LAGS.tolist()]
    return np.array(products) / np.array(pairs) / energy


def _components(correlations: Floats) -> tuple[NoiseComponent, ...]:
    """Finds non-negative shares, adding up to 1, whose autoregressions give the correlations in least squares."""
    rhos = np.array([np.exp(-1.0 / tau) if tau else 0.0 for tau in _TIME_CONSTANTS_MIN])
    design = np.vstack([rhos[np.newaxis, :] ** _LAGS[:, np.newaxis], np.full((1, rhos.size), 100.0)])
    target = np.append(correlations, 100.0)
    best, shares = np.inf, np.zeros(rhos.size)
    for size in range(1, rhos.size + 1):
        for chosen in combinations(range(rhos.size), size):
            part, *_ = np.linalg.lstsq(design[:, chosen], target, rcond=None)
            miss = float(np.sum((design[:, chosen] @ part - target) ** 2))
            if miss < best and np.all(part >= 0):
                best, shares = miss, np.zeros(rhos.size)
                shares[list(chosen)] = part / part.sum()
    return tuple(
        NoiseComponent(rho=round(float(rho), 6), weight=round(float(np.sqrt(share)), 6))
        for rho, share in zip(rhos, shares, strict=True)
        if share > 0
    )
