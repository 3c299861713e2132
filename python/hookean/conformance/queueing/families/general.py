"""General service laws: M/G/1 first come, first served, M/G/1 and pooled M/G/c under processor sharing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookean.analysis import closed_forms
from hookean.conformance.queueing import laws
from hookean.conformance.queueing.experiment import Experiment
from hookean.conformance.queueing.figures import figures
from hookean.conformance.queueing.system import System, relaxation_s
from hookean.conformance.queueing.traffic import Poisson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookean.conformance.queueing.experiment import Case

_POOLED_SCV = 4.0
"""Pooled sharing does not depend on the service law; this one, far from an exponential, is simulated."""


def first_come(case: Case) -> Experiment:
    """M/G/1. Of the heaviest laws the mean wait is simulated, its second moment computed (see `laws.HEAVY`)."""
    params = case.params
    relaxation = relaxation_s(rate=params["lam"], servers=1, scv=laws.squared_variation(params))
    system = laws.system(params, relaxation)
    computed = {"scv": params["m2"] / params["m1"] ** 2 - 1.0}
    if params["service"].startswith(laws.HEAVY):
        computed |= _second_moments(params)
    simulated = [key for key in case.expected if key not in computed]
    return Experiment({"main": system}, figures(simulated, system), computed)


def sharing(case: Case) -> Experiment:
    """M/G/1 under processor sharing."""
    relaxation = relaxation_s(rate=case.params["lam"], servers=1, scv=laws.squared_variation(case.params))
    system = laws.system(case.params, relaxation, discipline="processor_sharing")
    uncovered = {}
    if case.params["service"] == "deterministic":
        reason = "no request has this much work: the service law is constant"
        uncovered = {key: reason for key in case.expected if key.startswith("W_given_x")}
    simulated = [key for key in case.expected if key not in uncovered]
    return Experiment({"main": system}, figures(simulated, system), uncovered=uncovered)


def pooled_sharing(case: Case) -> Experiment:
    """M/G/c whose requests share all cores, none of them more than one: one replica with `c` cores."""
    rate, servers, service_s = case.params["lam"], case.params["c"], case.params["mean_service"]
    relaxation = relaxation_s(rate=rate, servers=servers, service_rate=1.0 / service_s, scv=_POOLED_SCV)
    system = System(
        Poisson(rate), _hyperexponential(service_s), relaxation, discipline="processor_sharing", cores=servers
    )
    return Experiment({"main": system}, figures(case.expected, system))


def _hyperexponential(mean_s: float) -> dict[str, object]:
    """Two branches with balanced means."""
    first = (1.0 + ((_POOLED_SCV - 1.0) / (_POOLED_SCV + 1.0)) ** 0.5) / 2.0
    means = [laws.seconds(mean_s / (2.0 * weight)) for weight in (first, 1.0 - first)]
    return {"distribution": "hyperexponential", "means": means, "weights": [first, 1.0 - first]}


def _second_moments(params: Mapping[str, float]) -> dict[str, float]:
    moments = (params["m1"], params["m2"], params["m3"])
    wait = closed_forms.pollaczek_khinchine_wait(params["lam"], moments[:2])
    second = closed_forms.pollaczek_khinchine_second(params["lam"], moments)
    spread = second - wait**2
    return {"Wq_second_moment": second, "Wq_var": spread, "W_var": spread + moments[1] - moments[0] ** 2}
