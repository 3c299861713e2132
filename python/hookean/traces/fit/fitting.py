"""The whole fit: slow parts, crowds, noise, then two numbers calibrated: mean and burstiness are the source's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from hookean.errors import TraceError
from hookean.traces import stats
from hookean.traces.catalogue import catalogue
from hookean.traces.fit.crowds import find_crowds
from hookean.traces.fit.fluctuation import fit_noise
from hookean.traces.fit.smooth import least_squares_knots, level_and_shape, quantile_knots, repaired
from hookean.traces.generate import cyclic, deviation, generate, linear, polygons, smooth_log_rate
from hookean.traces.profile import MINUTES_PER_DAY, SWELL_MINUTES, Noise, Profile
from hookean.traces.series import NS_PER_S

if TYPE_CHECKING:
    import numpy.typing as npt

    from hookean.traces.series import CountSeries

    Floats = npt.NDArray[np.float64]

_USUAL_QUANTILE = 0.35
"""The usual course is below the median, because crowds only add."""

_USUAL_REACH_MIN = 420
"""Half a window of 14 hours: wide enough that two matches in one afternoon do not look usual."""

_CALIBRATION_SEEDS = range(1, 9)
"""Seeds whose mean burstiness is calibrated: the profile holds for a seed that nobody looked at."""

_CALIBRATION_ROUNDS = 4


@dataclass(frozen=True, kw_only=True)
class FitTask:
    """How one trace of the catalogue is fitted.

    Attributes:
        seed: Seed of the noise that the profile carries.
        unreliable_minutes: Minutes of the day whose counts are not trusted.
        first_noise: Spread of the noise before it is known, as `scale` and `exponent` of `Noise`; only sets tolerances.
    """

    seed: int
    unreliable_minutes: tuple[int, ...] = ()
    first_noise: tuple[float, float]


FITS: dict[str, FitTask] = {
    "worldcup98": FitTask(seed=1998, unreliable_minutes=(22 * 60,), first_noise=(3.0, 0.45)),
}
"""What `python -m hookean.traces.fit NAME` can fit; one entry per fitted profile of the catalogue."""


def fit_profile(series: CountSeries, *, name: str) -> Profile:
    """Fits a profile to one-minute counts. Minutes without any request are taken as missing.

    Args:
        series: Recorded counts, one-minute bins, longer than seven days, with an origin.
        name: Entry of `FITS` and of the catalogue.

    Raises:
        TraceError: If the series is not like that.
    """
    if series.origin is None or series.step_ns != 60 * NS_PER_S or series.counts.size <= 7 * MINUTES_PER_DAY:
        raise TraceError("a fit needs more than seven days of one-minute bins with absolute times", where=series.name)
    task, entry = FITS[name], catalogue()[name]
    midnight = series.origin.replace(hour=0, minute=0, second=0, microsecond=0)
    offset = (series.origin - midnight) // timedelta(minutes=1)
    minute = (np.arange(series.counts.size) + offset) % MINUTES_PER_DAY
    unreliable = np.isin(minute, task.unreliable_minutes) | (series.counts == 0)
    log_rate = np.log(repaired(series.counts, unreliable=unreliable))
    first = Noise(scale=task.first_noise[0], exponent=task.first_noise[1], cap=1.0, components=())
    draft = _smooth_parts(
        Profile(
            name=name,
            origin=series.origin,
            bins=series.counts.size,
            seed=task.seed,
            source=entry.source,
            licence=entry.licence,
            level=np.empty(0),
            shape=np.empty(0),
            swell=np.empty(0),
            crowds=(),
            noise=first,
            fit={},
        ),
        log_rate,
        offset=offset,
    )
    smooth = smooth_log_rate(draft)
    draft = replace(draft, noise=fit_noise(log_rate - smooth, smooth=smooth))
    fitted = _calibrated(draft, series.counts)
    return replace(fitted, fit=_report(fitted, series.counts))


def _smooth_parts(draft: Profile, log_rate: Floats, *, offset: int) -> Profile:
    """Fits level, shape, crowds and swell, in this order: each to what the ones before leave over."""
    bins = log_rate.size
    level, shape = level_and_shape(log_rate, offset=offset)
    level, shape = np.round(level, 4), np.round(shape, 4)
    rest = log_rate - linear(level, spacing=MINUTES_PER_DAY, bins=bins) - cyclic(shape, bins=bins, offset=offset)
    usual = quantile_knots(rest, spacing=SWELL_MINUTES, reach=_USUAL_REACH_MIN, quantile=_USUAL_QUANTILE)
    excess = rest - linear(usual, spacing=SWELL_MINUTES, bins=bins)
    crowds = find_crowds(excess, noise=deviation(draft.noise, log_rate))
    swell = np.round(least_squares_knots(rest - polygons(crowds, bins=bins), spacing=SWELL_MINUTES), 3)
    return replace(draft, level=level, shape=shape, swell=swell, crowds=crowds)


def _calibrated(draft: Profile, counts: Floats) -> Profile:
    """Shifts the level to the source's mean and scales the noise to its LB, of which 1 is left to Poisson arrivals."""
    target_mean, target_lb = stats.mean(counts), stats.lb(counts)
    profile = draft
    for _ in range(_CALIBRATION_ROUNDS):
        runs = [generate(profile, seed=seed).counts for seed in _CALIBRATION_SEEDS]
        shift = float(np.log(target_mean / np.mean([stats.mean(run) for run in runs])))
        quiet = stats.lb(np.exp(smooth_log_rate(profile)))
        noisy = float(np.mean([stats.lb(run) for run in runs]))
        factor = float(np.sqrt((target_lb - 1.0 - quiet) / (noisy - quiet)))
        profile = replace(
            profile,
            level=np.round(profile.level + shift, 4),
            noise=replace(profile.noise, scale=round(profile.noise.scale * factor, 4)),
        )
    return profile


def _report(profile: Profile, counts: Floats) -> dict[str, Any]:
    """Statistics of the source and of the profile with its own seed, and how far the smooth rate is from the source."""
    generated = generate(profile).counts
    source = stats.summarise(counts, bins_per_day=MINUTES_PER_DAY).as_dict()
    own = stats.summarise(generated, bins_per_day=MINUTES_PER_DAY).as_dict()
    return {
        "program": f"python -m hookean.traces.fit {profile.name}",
        "parameters": profile.level.size
        + profile.shape.size
        + profile.swell.size
        + sum(2 * len(crowd.minutes) - 1 for crowd in profile.crowds),
        "source_bins": int(counts.size),
        "source_requests": int(counts.sum()),
        "median_error_1_min": _median_error(profile, counts, width=1),
        "median_error_15_min": _median_error(profile, counts, width=15),
        "statistics": {
            name: {"source": float(f"{source[name]:.6g}"), "profile": float(f"{own[name]:.6g}")} for name in source
        },
    }


def _median_error(profile: Profile, counts: Floats, *, width: int) -> float:
    """Median of |rate without noise - count| / count over sums of `width` bins."""
    groups = counts.size // width
    smooth = np.exp(smooth_log_rate(profile))[: groups * width].reshape(groups, width).sum(axis=1)
    seen = counts[: groups * width].reshape(groups, width).sum(axis=1)
    known = seen > 0
    return round(float(np.median(np.abs(smooth[known] - seen[known]) / seen[known])), 4)
