"""Approximations, which are formulas: an implementation of the formula is compared, and exact values are simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookean.analysis import closed_forms
from hookean.conformance.queueing.experiment import Experiment
from hookean.conformance.queueing.figures import figure
from hookean.conformance.queueing.laws import constant, exponential
from hookean.conformance.queueing.system import System, relaxation_s
from hookean.conformance.queueing.traffic import Poisson

if TYPE_CHECKING:
    from hookean.conformance.queueing.experiment import Case

_SIMULATED = {"Wq_exact_M_D_c": 0.0, "Wq_exact_pk": 1.0}
"""Exact waits that are simulated where the service has this squared coefficient of variation."""


def two_moments(case: Case) -> Experiment:
    """G/G/c: the approximations of `hookean.analysis.closed_forms`, and simulated M/D/c and M/M/1."""
    params = case.params
    servers, rate, service_rate = params["c"], params["lam"], params["mu"]
    scvs = (params["ca2"], params["cs2"])
    values = {
        "Wq_allen_cunneen_erlangc": closed_forms.allen_cunneen_wait(servers, rate, service_rate, scvs=scvs),
        "Wq_sakasegawa": closed_forms.sakasegawa_wait(servers, rate, service_rate, scvs=scvs),
        "Wq_mmc": closed_forms.mmc_wait(servers, rate, service_rate),
        "Wq_kingman_upper_bound": closed_forms.kingman_wait_bound(rate, service_rate, scvs=scvs),
        "Wq_exact_pk": closed_forms.pollaczek_khinchine_wait(
            rate, (1.0 / service_rate, (1.0 + scvs[1]) / service_rate**2)
        ),
    }
    wanted = [key for key in case.expected if _SIMULATED.get(key) == scvs[1]]
    computed = {key: value for key, value in values.items() if key in case.expected and key not in wanted}
    if not wanted:
        return Experiment(computed=computed)
    relaxation = relaxation_s(rate=rate, servers=servers, service_rate=service_rate, scv=scvs[1])
    work = (exponential if scvs[1] else constant)(1.0 / service_rate)
    system = System(Poisson(rate), work, relaxation, replicas=servers)
    metric = figure("Wq", system)
    return Experiment({"main": system}, {} if metric is None else dict.fromkeys(wanted, metric), computed)
