"""Servers that take time to switch on: M/M/1, M/D/1, M/M/k and M/M/inf with setup, and M/M/1 with a keep-alive.

A server in setup is a replica that starts: `init` is its setup time. `thresholds` wants as many replicas as there are
requests, so a request that finds none begins a setup, one that leaves takes its server or a setup with it, and with
`starting_max: 1` setups are staggered. `on-demand` keeps an idle server for a time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hookean.conformance.queueing.experiment import Experiment, Metric, NotExpressible
from hookean.conformance.queueing.figures import figures
from hookean.conformance.queueing.laws import constant, exponential
from hookean.conformance.queueing.system import System, relaxation_s
from hookean.conformance.queueing.traffic import Poisson

if TYPE_CHECKING:
    from hookean.conformance.queueing.experiment import Case

SPREADS = 12.0
"""Servers that stand for infinitely many, beyond the mean, in standard deviations (of the wider of the laws)."""

_LAWS = {"exponential": exponential, "deterministic": constant}


def single(case: Case) -> Experiment | NotExpressible:
    """M/M/1 and M/D/1 whose server is off when idle."""
    params = case.params
    if params["setup"] not in _LAWS:
        return NotExpressible(f"the setup law `{params['setup']}` is not known")
    service_s = params["D"] if "D" in params else 1.0 / params["mu"]
    work = constant(service_s) if "D" in params else exponential(service_s)
    relaxation = _relaxation_s(params["lam"], 1, service_s, setup_s=params["setup_mean"])
    setup = _LAWS[params["setup"]](params["setup_mean"])
    system = System(Poisson(params["lam"]), work, relaxation, controller=_as_many_as_requests(1), setup=setup)
    return Experiment({"main": system}, figures(case.expected, system))


def several(case: Case) -> Experiment:
    """M/M/k: every waiting request may hold a setup."""
    return _several(case, relaxation_factor=1.0)


def staggered(case: Case) -> Experiment:
    """M/M/k: one server in setup at a time, so all of them take `k` setups."""
    return _several(case, relaxation_factor=case.params["k"], starting_max=1)


def _several(case: Case, *, relaxation_factor: float, **more: int) -> Experiment:
    params = case.params
    servers, setup_s = params["k"], 1.0 / params["alpha"]
    service_s = 1.0 / params["mu"]
    relaxation = _relaxation_s(params["lam"], servers, service_s, setup_s=setup_s * relaxation_factor)
    system = System(
        Poisson(params["lam"]),
        exponential(service_s),
        relaxation,
        replicas=servers,
        controller=_as_many_as_requests(servers) | more,
        setup=exponential(setup_s),
    )
    return Experiment({"main": system}, figures(case.expected, system))


def infinite(case: Case) -> Experiment:
    """M/M/inf. The law of the setups is like half a normal one: `P(J >= j)` falls as `exp(-alpha j^2 / (2 lambda))`."""
    params = case.params
    load, setup_s = params["lam"] / params["mu"], 1.0 / params["alpha"]
    spread = math.sqrt(load) + math.sqrt(params["lam"] * setup_s)
    servers = math.ceil(load + SPREADS * spread + 20.0)
    system = System(
        Poisson(params["lam"]),
        exponential(1.0 / params["mu"]),
        1.0 / params["mu"] + setup_s,
        replicas=servers,
        controller=_as_many_as_requests(servers),
        setup=exponential(setup_s),
        infinite=True,
    )
    return Experiment({"main": system}, figures(case.expected, system))


def keep_alive(case: Case) -> Experiment | NotExpressible:
    """M/M/1 whose server is off after it has been idle for a time, which is fixed or exponential."""
    params = case.params
    if "t_w" not in params and "delta" not in params:
        return NotExpressible("neither `t_w` nor `delta` says how long the server is kept")
    kept_s = params["t_w"] if "t_w" in params else 1.0 / params["delta"]
    keep_alive = (constant if "t_w" in params else exponential)(kept_s)
    setup_s, service_s = 1.0 / params["alpha"], 1.0 / params["mu"]
    system = System(
        Poisson(params["lam"]),
        exponential(service_s),
        _relaxation_s(params["lam"], 1, service_s, setup_s=setup_s) + kept_s,
        controller={"kind": "on-demand", "min": 0, "max": 1, "keep_alive": keep_alive},
        setup=exponential(setup_s),
    )
    without = 1.0 / (params["mu"] - params["lam"])
    extra = Metric((("main", lambda run: run.of_requests(run.sojourn) - without),))
    return Experiment({"main": system}, figures(case.expected, system) | {"extra_delay_vs_mm1": extra})


def _as_many_as_requests(servers: int) -> dict[str, Any]:
    return {"kind": "thresholds", "min": 0, "max": servers, "per_replica": 1}


def _relaxation_s(rate: float, servers: int, service_s: float, *, setup_s: float) -> float:
    """That of the queue without setup, and the time in which the backlog of a setup is served."""
    queue = relaxation_s(rate=rate, servers=servers, service_rate=1.0 / service_s)
    return queue + setup_s / (1.0 - rate * service_s / servers)
