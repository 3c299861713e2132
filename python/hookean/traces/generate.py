"""Rates of a fitted profile: the parameters of `profile` turned into requests per bin."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from hookean.errors import TraceError
from hookean.traces.noise import autoregression, exponential, normals
from hookean.traces.profile import MINUTES_PER_DAY, SHAPE_KNOTS, SWELL_MINUTES, Crowd, Noise, Profile
from hookean.traces.series import NS_PER_S, CountSeries, LoadReport, to_timedelta

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


def generate(profile: Profile, *, seed: int | None = None) -> CountSeries:
    """Generates the rates of a profile: every bin with its noise, the same bytes on every platform.

    The counts of the result are expected requests per bin, not whole numbers; arrivals drawn from them add Poisson
    noise, and the profile was calibrated for that.

    Args:
        profile: The parameters.
        seed: Seed of the noise; the profile's own when `None`. Levels, shapes and crowds do not depend on it.

    Raises:
        TraceError: If the seed is negative.
    """
    chosen = profile.seed if seed is None else seed
    if not 0 <= chosen < 1 << 64:
        raise TraceError(f"seed {chosen} is not in 0 to 2^64 - 1", where=profile.name)
    smooth = smooth_log_rate(profile)
    counts = exponential(smooth + noise_log_rate(profile.noise, smooth, seed=chosen))
    per_bin = NS_PER_S / profile.step_ns
    report = LoadReport(
        source=f"`{profile.name}`: rates of a model fitted to {profile.source}; noise seed {chosen}",
        format="profile",
        rows=profile.bins,
        first=profile.origin,
        last=profile.origin + to_timedelta((profile.bins - 1) * profile.step_ns),
        mean_rps=float(counts.mean()) * per_bin,
        peak_rps=float(counts.max()) * per_bin,
        licence=profile.licence,
    )
    return CountSeries(
        name=profile.name,
        kind="profile",
        step_ns=profile.step_ns,
        counts=counts,
        origin=profile.origin,
        report=report,
    )


def smooth_log_rate(profile: Profile) -> Floats:
    """Returns the natural log of the rate without noise, shape (bins,)."""
    midnight = profile.origin.replace(hour=0, minute=0, second=0, microsecond=0)
    offset = (profile.origin - midnight) // timedelta(minutes=1)
    total = linear(profile.level, spacing=MINUTES_PER_DAY, bins=profile.bins)
    total = total + cyclic(profile.shape, bins=profile.bins, offset=offset)
    total = total + linear(profile.swell, spacing=SWELL_MINUTES, bins=profile.bins)
    return total + polygons(profile.crowds, bins=profile.bins)


def noise_log_rate(noise: Noise, smooth: Floats, *, seed: int) -> Floats:
    """Returns the noise of the log rate, lowered by half its variance so that the mean rate is that of `smooth`.

    Args:
        noise: Its parameters.
        smooth: float64, shape (bins,), natural log of the rate without noise.
        seed: Seed; each component has its own stream.
    """
    process = np.zeros(smooth.size)
    for stream, part in enumerate(noise.components):
        deviates = normals(smooth.size, seed=seed, stream=stream)
        process = process + part.weight * autoregression(deviates, rho=part.rho)
    spread = deviation(noise, smooth)
    return spread * process - spread * spread * 0.5


def deviation(noise: Noise, smooth: Floats) -> Floats:
    """Returns the standard deviation of the log rate at each bin, shape (bins,)."""
    return np.minimum(noise.cap, noise.scale * exponential(-noise.exponent * smooth))


def linear(knots: Floats, *, spacing: int, bins: int) -> Floats:
    """Interpolates values that are `spacing` bins apart, from bin 0 on; shape (bins,)."""
    position = np.arange(bins)
    left = position // spacing
    share = (position % spacing) / spacing
    return knots[left] + share * (knots[left + 1] - knots[left])


def cyclic(knots: Floats, *, bins: int, offset: int) -> Floats:
    """Interpolates a daily shape; `offset` is the minute of the day of bin 0. Shape (bins,)."""
    spacing = MINUTES_PER_DAY // SHAPE_KNOTS
    closed = np.append(knots, knots[0])
    day = linear(closed, spacing=spacing, bins=MINUTES_PER_DAY)
    position = (np.arange(bins) + offset) % MINUTES_PER_DAY
    return day[position]


def polygons(crowds: tuple[Crowd, ...], *, bins: int) -> Floats:
    """Interpolates the log factors of all crowds; 0 between them. Shape (bins,)."""
    if not crowds:
        return np.zeros(bins)
    minutes = np.concatenate([crowd.start_min + np.array(crowd.minutes) for crowd in crowds])
    values = np.concatenate([np.array(crowd.log_factor) for crowd in crowds])
    minutes = np.concatenate([[-1], minutes, [max(bins, int(minutes[-1]) + 1)]])
    values = np.concatenate([[0.0], values, [0.0]])
    position = np.arange(bins)
    left = np.searchsorted(minutes, position, side="right") - 1
    span = np.maximum(minutes[left + 1] - minutes[left], 1)
    share = (position - minutes[left]) / span
    interpolated: Floats = values[left] + share * (values[left + 1] - values[left])
    return interpolated
