"""Servers that follow the number of requests: thresholds with hysteresis, and a ceiling, at once or with a delay.

All of them are the controller `thresholds`. A queue that is long enough has all `cmax` servers at once, so at most `N`
requests are in the system when at most `N - cmax` may wait. Servers that come with a delay may be fewer: then nothing
is limited, since `N` is so large there that it is never seen (blocking below 1e-15).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hookean.conformance.queueing.experiment import Experiment, NotExpressible
from hookean.conformance.queueing.figures import figures
from hookean.conformance.queueing.laws import exponential
from hookean.conformance.queueing.system import System, relaxation_s
from hookean.conformance.queueing.traffic import Poisson

if TYPE_CHECKING:
    from hookean.conformance.queueing.experiment import Case


def hysteresis(case: Case) -> Experiment | NotExpressible:
    """One server more above each forward threshold, one less at each reverse threshold."""
    forward, reverse = case.params["forward"], case.params["reverse"]
    levels = {"min": 1, "max": len(forward) + 1, "up": list(forward), "down": list(reverse)}
    return _experiment(case, levels, full_at=forward[-1] + 1)


def ceiling(case: Case) -> Experiment | NotExpressible:
    """A server for each `q` requests; with `alpha`, each takes an exponential time to come."""
    params = case.params
    levels = {"min": params["cmin"], "max": params["cmax"], "per_replica": params["q"]}
    return _experiment(case, levels, full_at=params["q"] * (params["cmax"] - 1) + 1)


def _experiment(case: Case, levels: dict[str, Any], *, full_at: int) -> Experiment | NotExpressible:
    """Simulates `thresholds`.

    Args:
        case: The case.
        levels: Settings of the controller.
        full_at: Requests from which on all servers are wanted.
    """
    params, servers = case.params, levels["max"]
    room = params["N"] - servers
    if room < full_at:
        return NotExpressible("the buffer is full before all servers are wanted, and a limit counts waiting requests")
    rate, service_rate = params["lam"], params["mu"]
    if "alpha" in params and rate >= servers * service_rate:
        return NotExpressible("the queue is not stable, so its buffer is seen, and nothing limits it here")
    # the queue wanders among the levels, or as that of all servers above them
    relaxation = relaxation_s(rate=rate, servers=servers, service_rate=service_rate, room=room)
    relaxation += full_at / (servers * service_rate)
    setup = None
    if "alpha" in params:
        setup = exponential(1.0 / params["alpha"])
        relaxation += 1.0 / params["alpha"] / (1.0 - rate / service_rate / servers)
    system = System(
        Poisson(rate),
        exponential(1.0 / service_rate),
        relaxation,
        replicas=servers,
        controller={"kind": "thresholds", **levels},
        setup=setup,
        limit=None if setup else room,
    )
    return Experiment({"main": system}, figures(case.expected, system))
