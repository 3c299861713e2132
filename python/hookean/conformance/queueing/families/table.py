"""Which model is simulated by which family: the one place to add a line for a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookean.conformance.queueing.experiment import NotExpressible

from . import first_come, fluid, formulas, functions, general, infinite, setup, thresholds

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookean.conformance.queueing.experiment import Case, Experiment

    Family = Callable[[Case], Experiment | NotExpressible]


FAMILIES: tuple[tuple[str, Family], ...] = (
    ("M/M/c-FCFS min servers", first_come.dimensioning),
    ("M/M/1-FCFS", first_come.markovian),
    ("M/M/c-FCFS", first_come.markovian),
    ("M/M/c/K-FCFS", first_come.finite),
    ("M/D/1-FCFS", first_come.deterministic),
    ("M/D/c-FCFS", first_come.deterministic),
    ("Erlang", first_come.erlang),
    ("n parallel M/M/1 with uniform random routing", first_come.splitting),
    ("M/G/1-FCFS", general.first_come),
    ("M/G/1-PS", general.sharing),
    ("M/G/c-PS pooled", general.pooled_sharing),
    ("M/G/inf", infinite.stationary),
    ("Mt/", infinite.sinusoidal),
    ("G/G/c two-moment approximation", formulas.two_moments),
    ("fluid backlog drain", fluid.drain),
    ("M/M/1 with exponential setup, immediate off", setup.single),
    ("M/M/1 with deterministic setup, immediate off", setup.single),
    ("M/D/1 with deterministic setup, immediate off", setup.single),
    ("M/M/1 with exponential setup", setup.keep_alive),
    ("M/M/k/setup", setup.several),
    ("M/M/k/stag", setup.staggered),
    ("M/M/inf/setup", setup.infinite),
    ("single function, Poisson arrivals", functions.poisson),
    ("single function, deterministic inter-arrival", functions.periodic),
    ("M/M/m with m in", thresholds.hysteresis),
    ("birth-death with servers c(n)", thresholds.ceiling),
    ("as the ceil policy", thresholds.ceiling),
)
"""Beginning of the model's name, and its family; the first that fits is taken."""


def experiment_of(case: Case) -> Experiment | NotExpressible:
    """Returns what to do for a case.

    Args:
        case: The case.

    Raises:
        LookupError: If the case lacks a parameter of its model, or names a service law that is not known.
    """
    for beginning, family in FAMILIES:
        if case.model.startswith(beginning):
            return family(case)
    return NotExpressible(f"no family knows the model `{case.model}`")
