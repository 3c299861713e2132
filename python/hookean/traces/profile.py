"""A fitted profile: the parameters of a traffic model, and how well it fits.

The model of the rate, in requests per bin, is a product (a sum of logarithms):

    rate(t) = exp(level(t) + shape(time of day) + swell(t) + crowds(t) + noise(t))

- `level`: one value per day, linear in between: how popular the site is;
- `shape`: one value per half hour of the day, linear in between: when people are awake;
- `swell`: one value per two hours, linear in between: how this day differs from the usual one;
- `crowds`: flash crowds, each a polygon of the log factor over time that starts and ends at 0;
- `noise`: Gaussian, a sum of first-order autoregressions, with a standard deviation that falls with the rate (`Noise`).

Profiles are JSON files; `python -m hookean.traces.fit` makes them. They hold no recorded counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from hookean.errors import TraceError
from hookean.traces.series import NS_PER_S

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SCHEMA = 1
"""Version of the file layout."""

SHAPE_KNOTS = 48
"""Values of the daily shape."""

SWELL_MINUTES = 120
"""Distance of the values of the swell."""

MINUTES_PER_DAY = 1440


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """One flash crowd: a factor on the rate, as a polygon of its natural logarithm.

    Attributes:
        start_min: First minute, from the start of the profile.
        minutes: Corners, minutes after `start_min`, ascending from 0.
        log_factor: Natural log of the factor at each corner; 0 at the first and the last.
    """

    start_min: int
    minutes: tuple[int, ...]
    log_factor: tuple[float, ...]

    @property
    def peak_factor(self) -> float:
        """Largest factor on the usual rate."""
        return float(np.exp(max(self.log_factor)))

    @property
    def duration_min(self) -> int:
        """Minutes from the first corner to the last."""
        return self.minutes[-1]


@dataclass(frozen=True, kw_only=True)
class NoiseComponent:
    """A first-order autoregression of unit variance, weighted.

    Attributes:
        rho: Correlation of neighbouring bins, 0 (white) to below 1.
        weight: Standard deviation of this component as a share of the whole; squares add up to 1.
    """

    rho: float
    weight: float


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Noise of the log rate, beyond the Poisson noise of arrivals.

    Its standard deviation at a rate of m requests per bin is `min(cap, scale * m ** -exponent)`: busy minutes are
    relatively smoother, but less so than Poisson (exponent 0.5 times a factor).

    Attributes:
        scale: Standard deviation at one request per bin, before the cap.
        exponent: How fast it falls with the rate.
        cap: Largest standard deviation.
        components: How it is correlated in time.
    """

    scale: float
    exponent: float
    cap: float
    components: tuple[NoiseComponent, ...]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Parameters of the model, its origin, and the fit.

    Attributes:
        name: Name in the catalogue.
        origin: Absolute time of the first bin, with a zone.
        bins: Number of one-minute bins.
        seed: Seed of the noise when the caller gives none; part of the profile, so that the profile is one trace.
        source: What it was fitted to, with authors.
        licence: Terms of that source.
        level: float64, shape (days + 1,), natural log of requests per minute.
        shape: float64, shape (48,), natural log, mean 0.
        swell: float64, shape (knots,), natural log.
        crowds: Flash crowds in order of time, not overlapping.
        noise: Noise of the log rate.
        fit: Statistics of the source and of this profile, and the program that made it.
    """

    name: str
    origin: datetime
    bins: int
    seed: int
    source: str
    licence: str
    level: Floats
    shape: Floats
    swell: Floats
    crowds: tuple[Crowd, ...]
    noise: Noise
    fit: dict[str, Any]

    @property
    def step_ns(self) -> int:
        """Width of a bin: one minute."""
        return 60 * NS_PER_S


def knots_needed(bins: int, spacing: int) -> int:
    """Returns how many values, `spacing` bins apart, cover `bins` bins with one beyond the end."""
    return (bins - 1) // spacing + 2


def write_profile(profile: Profile, path: Path) -> None:
    """Writes a profile as JSON, one line per array or crowd; equal profiles give equal bytes."""
    head: dict[str, Any] = {
        "schema": SCHEMA,
        "name": profile.name,
        "origin": profile.origin.isoformat(),
        "bins": profile.bins,
        "seed": profile.seed,
        "source": profile.source,
        "licence": profile.licence,
        "fit": profile.fit,
    }
    noise = {
        "scale": profile.noise.scale,
        "exponent": profile.noise.exponent,
        "cap": profile.noise.cap,
        "components": [{"rho": part.rho, "weight": part.weight} for part in profile.noise.components],
    }
    arrays: dict[str, Any] = {
        "noise": noise,
        "level": profile.level.tolist(),
        "shape": profile.shape.tolist(),
        "swell": profile.swell.tolist(),
    }
    lines = [json.dumps(head, indent=1)[:-2]]
    lines += [f' "{name}": {json.dumps(value)}' for name, value in arrays.items()]
    crowds = ",\n".join(
        "  "
        + json.dumps(
            {
                "start": (profile.origin + timedelta(minutes=crowd.start_min)).isoformat(),
                "minutes": list(crowd.minutes),
                "log_factor": list(crowd.log_factor),
            }
        )
        for crowd in profile.crowds
    )
    lines.append(f' "crowds": [\n{crowds}\n ]')
    path.write_text(",\n".join(lines) + "\n}\n", encoding="utf-8")


def read_profile(path: Path) -> Profile:
    """Reads a profile.

    Raises:
        FileNotFoundError: If there is no such file.
        TraceError: If it is not a profile of this version.
    """
    where = f"`{path}`"
    hint = "make it again with `python -m hookean.traces.fit`"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise TraceError(f"profile is not JSON ({error})", where=where, hint=hint) from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise TraceError(f"not a profile of schema {SCHEMA}", where=where, hint=hint)
    try:
        profile = _from_json(data)
    except (KeyError, TypeError, ValueError) as error:
        raise TraceError(
            f"profile is not complete ({type(error).__name__}: {error})", where=where, hint=hint
        ) from error
    _check(profile, where=where, hint=hint)
    return profile


def _from_json(data: dict[str, Any]) -> Profile:
    origin = datetime.fromisoformat(data["origin"])
    noise = data["noise"]
    return Profile(
        name=str(data["name"]),
        origin=origin,
        bins=int(data["bins"]),
        seed=int(data["seed"]),
        source=str(data["source"]),
        licence=str(data["licence"]),
        level=np.array(data["level"], dtype=np.float64),
        shape=np.array(data["shape"], dtype=np.float64),
        swell=np.array(data["swell"], dtype=np.float64),
        crowds=tuple(_crowd(crowd, origin=origin) for crowd in data["crowds"]),
        noise=Noise(
            scale=float(noise["scale"]),
            exponent=float(noise["exponent"]),
            cap=float(noise["cap"]),
            components=tuple(NoiseComponent(rho=part["rho"], weight=part["weight"]) for part in noise["components"]),
        ),
        fit=dict(data["fit"]),
    )


def _crowd(data: dict[str, Any], *, origin: datetime) -> Crowd:
    start = (datetime.fromisoformat(data["start"]) - origin) // timedelta(minutes=1)
    return Crowd(start_min=start, minutes=tuple(data["minutes"]), log_factor=tuple(data["log_factor"]))


def _check(profile: Profile, *, where: str, hint: str) -> None:
    wanted = {
        "level": (profile.level.size, knots_needed(profile.bins, MINUTES_PER_DAY)),
        "shape": (profile.shape.size, SHAPE_KNOTS),
        "swell": (profile.swell.size, knots_needed(profile.bins, SWELL_MINUTES)),
    }
    for name, (found, needed) in wanted.items():
        if found != needed:
            raise TraceError(f"`{name}` has {found} values, not {needed}", where=where, hint=hint)
    end = 0
    for crowd in profile.crowds:
        if crowd.start_min < end or list(crowd.minutes) != sorted(set(crowd.minutes)) or crowd.minutes[0] != 0:
            raise TraceError(f"crowd at minute {crowd.start_min} overlaps or is not in order", where=where, hint=hint)
        end = crowd.start_min + crowd.duration_min
    if any(not 0.0 <= part.rho < 1.0 for part in profile.noise.components):
        raise TraceError("a noise component has no `rho` in [0, 1)", where=where, hint=hint)
