"""Infinitely many servers: M/G/inf, and Mt/G/inf whose arrival rate follows a sine.

So many servers stand for infinitely many that none is ever awaited; every run proves it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from hookean.conformance.queueing.experiment import RELATIVE_SECOND, Experiment, Metric
from hookean.conformance.queueing.figures import mean, probability, variance
from hookean.conformance.queueing.laws import constant, exponential
from hookean.conformance.queueing.system import System
from hookean.conformance.queueing.traffic import Cycle, Poisson

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hookean.conformance.queueing.experiment import Case
    from hookean.conformance.queueing.readings import Readings

_BINS = 720
"""Least bins of a cycle. A rate constant in each lowers the first harmonic by `(pi / bins)^2 / 6`, some 3e-6."""

_BINS_PER_READING = 4
"""Readings at the ends of bins see the rate of the last one, half a bin late; of short ones little of that is left."""

_DRAINED = 32.0
"""Mean service times after which nothing is left of a load (e^-32)."""

_FILLED_S = 1.0
"""What `t1` stands for."""

_READINGS = 7_200
"""Most readings in a cycle, about."""


def stationary(case: Case) -> Experiment:
    """M/G/inf: its stationary law with exponential service, and how it fills from empty with two laws."""
    load, service_s = case.params["lam"] * case.params["mean_service"], case.params["mean_service"]
    rate, quantile = case.params["lam"], int(case.expected.get("quantile_0_99", 0))
    systems = {
        "main": _system(Poisson(rate), exponential(service_s), load, service_s),
        "exponential": _filling(rate, exponential(service_s), load, service_s),
        "deterministic": _filling(rate, constant(service_s), load, service_s),
    }
    high = load + 2.0 * math.sqrt(load)
    near = 3 + math.ceil(math.sqrt(load) / 8.0)  # the density there is some 0.03 / sqrt(load)
    candidates = range(max(0, quantile - near), quantile + near + 1)
    metrics = {
        "mean": mean(lambda run: run.over_time("in_system")),
        "var": variance(lambda run: run.over_time("in_system"), lambda run: run.over_time("in_system", lambda n: n**2)),
        "p0": probability(lambda run: run.over_time("in_system", lambda n: n == 0)),
        "P_N_gt_mean_plus_2sd": probability(lambda run: run.over_time("in_system", lambda n: n > high)),
        "quantile_0_99": Metric(
            tuple(("main", _at_most(n)) for n in candidates),
            combine=lambda shares: next(
                (n for n, p in zip(candidates, shares, strict=True) if p >= 0.99), candidates.stop
            ),
        ),
        "mean_at_t1_from_empty_exponential": mean(lambda run: run.over_time("in_system"), name="exponential"),
        "mean_at_t1_from_empty_deterministic": mean(lambda run: run.over_time("in_system"), name="deterministic"),
    }
    return Experiment(systems, metrics)


def sinusoidal(case: Case) -> Experiment:
    """Mt/G/inf: mean, amplitude and lag of the first harmonic, and the mean at two phases of the cycle."""
    params = case.params
    period, rate, swing = params["period"], params["lam_mean"], params["lam_amp"]
    service_s = params["D"] if "D" in params else 1.0 / params["mu"]
    work = constant(service_s) if "D" in params else exponential(service_s)
    omega = 2.0 * math.pi / period
    readings = max(24, 4 * round(min(period / service_s, _READINGS) / 4))
    system = _system(
        _sine(rate, swing, period, bins=readings * max(_BINS_PER_READING, math.ceil(_BINS / readings))),
        work,
        (rate + swing) * service_s,
        service_s,
        readings_per_cycle=readings,
    )
    angles = 2.0 * math.pi * (np.arange(readings) + 1) / readings
    level = ("main", lambda run: run.over_time("in_system"))
    sine, cosine = (("main", _harmonic(wave)) for wave in (np.sin(angles), np.cos(angles)))
    metrics = {
        "mean": Metric((level,)),
        "amplitude": Metric((sine, cosine), combine=lambda means: math.hypot(*means)),
        "lag": Metric(
            (sine, cosine),
            combine=lambda means: (math.atan2(-means[1], means[0]) / omega) % period,
            relative=RELATIVE_SECOND,
        ),
        "m_at_0": mean(_at_phase(readings, readings - 1)),
        "m_at_T4": mean(_at_phase(readings, readings // 4 - 1)),
    }
    return Experiment({"main": system}, metrics)


def _system(traffic: Poisson | Cycle, work: dict[str, Any], peak: float, service_s: float, **more: Any) -> System:
    servers = math.ceil(peak + 12.0 * math.sqrt(peak) + 20.0)
    return System(traffic, work, service_s, cores=servers, infinite=True, **more)


def _filling(rate: float, work: dict[str, Any], load: float, service_s: float) -> System:
    """Arrivals for a time, then none until all have left; read at the end of the former."""
    bin_ns, empty = round(_FILLED_S * 1e9), math.ceil(_DRAINED * service_s / _FILLED_S)
    counts = (rate * _FILLED_S, *(0.0,) * empty)
    return _system(Cycle(counts, bin_ns, start_ns=bin_ns * empty), work, load, service_s)


def _sine(rate: float, swing: float, period: float, *, bins: int) -> Cycle:
    """The integral of the rate over each bin of a period."""
    bin_s, omega = period / bins, 2.0 * math.pi / period
    edges = np.arange(bins + 1) * bin_s
    integral = rate * edges - swing / omega * np.cos(omega * edges)
    return Cycle(tuple(np.diff(integral).tolist()), round(bin_s * 1e9))


def _at_most(number: int) -> Callable[[Readings], NDArray[np.float64]]:
    return lambda run: run.over_time("in_system", lambda n: n <= number)


def _harmonic(wave: NDArray[np.float64]) -> Callable[[Readings], NDArray[np.float64]]:
    def read(run: Readings) -> NDArray[np.float64]:
        state = run.state("in_system")
        waves: NDArray[np.float64] = 2.0 * (state * np.tile(wave, state.shape[1] // wave.size)).mean(axis=1)
        return waves

    return read


def _at_phase(readings: int, phase: int) -> Callable[[Readings], NDArray[np.float64]]:
    def read(run: Readings) -> NDArray[np.float64]:
        level: NDArray[np.float64] = run.state("in_system")[:, phase::readings].mean(axis=1)
        return level

    return read
