"""Closed forms of queueing theory for a first estimate by hand, and to check simulations against.

Notation: arrival rate `lambda`, mean service time `1/mu`, `a = lambda/mu` the offered load in erlangs, `c` servers,
`rho = a/c`. Sources: Gross & Harris, *Fundamentals of Queueing Theory* (Erlang, Pollaczek-Khinchine); Allen,
*Probability, Statistics, and Queueing Theory* (Allen-Cunneen); Sakasegawa, Annals of the Institute of Statistical
Mathematics 29, 1977; Kingman, Mathematical Proceedings of the Cambridge Philosophical Society 57, 1961. The
approximations are named so.
"""

from __future__ import annotations

import math


def erlang_b(servers: int, load: float) -> float:
    """Returns the share of requests that M/G/c/c turns away.

    Args:
        servers: Number of servers.
        load: Offered load in erlangs.
    """
    blocking = 1.0
    for k in range(1, servers + 1):
        blocking = load * blocking / (k + load * blocking)
    return blocking


def erlang_c(servers: int, load: float) -> float:
    """Returns the share of requests of M/M/c that wait; 1 when the queue is not stable.

    Args:
        servers: Number of servers.
        load: Offered load in erlangs.
    """
    if load >= servers:
        return 1.0
    blocking = erlang_b(servers, load)
    return blocking / (1.0 - load / servers * (1.0 - blocking))


def mmc_wait(servers: int, rate: float, service_rate: float) -> float:
    """Returns the mean wait of M/M/c, in the time unit of the rates; infinite when the queue is not stable.

    Args:
        servers: Number of servers.
        rate: Arrivals per unit of time.
        service_rate: Requests that one server serves per unit of time.
    """
    spare = servers * service_rate - rate
    return erlang_c(servers, rate / service_rate) / spare if spare > 0.0 else math.inf


def pollaczek_khinchine_wait(rate: float, moments: tuple[float, float]) -> float:
    """Returns the mean wait of M/G/1.

    Args:
        rate: Arrivals per unit of time.
        moments: First and second moment of the service time.
    """
    mean, second = moments
    return rate * second / (2.0 * (1.0 - rate * mean))


def pollaczek_khinchine_second(rate: float, moments: tuple[float, float, float]) -> float:
    """Returns the second moment of the wait of M/G/1.

    Args:
        rate: Arrivals per unit of time.
        moments: First three moments of the service time.
    """
    mean, second, third = moments
    wait = pollaczek_khinchine_wait(rate, (mean, second))
    return 2.0 * wait**2 + rate * third / (3.0 * (1.0 - rate * mean))


def allen_cunneen_wait(servers: int, rate: float, service_rate: float, *, scvs: tuple[float, float]) -> float:
    """Returns the Allen-Cunneen approximation of the mean wait of G/G/c; exact for M/G/1 and M/M/c.

    Args:
        servers: Number of servers.
        rate: Arrivals per unit of time.
        service_rate: Requests that one server serves per unit of time.
        scvs: Squared coefficients of variation of the time between arrivals and of the service time.
    """
    return sum(scvs) / 2.0 * mmc_wait(servers, rate, service_rate)


def sakasegawa_wait(servers: int, rate: float, service_rate: float, *, scvs: tuple[float, float]) -> float:
    """Returns Sakasegawa's approximation of the mean wait of G/G/c; arguments as `allen_cunneen_wait`."""
    rho = rate / (servers * service_rate)
    wait: float = rho ** (math.sqrt(2.0 * (servers + 1.0)) - 1.0) / (servers * service_rate * (1.0 - rho))
    return sum(scvs) / 2.0 * wait


def kingman_wait_bound(rate: float, service_rate: float, *, scvs: tuple[float, float]) -> float:
    """Returns Kingman's upper bound of the mean wait of G/G/1; arguments as `allen_cunneen_wait`."""
    arrival, service = scvs
    return rate * (arrival / rate**2 + service / service_rate**2) / (2.0 * (1.0 - rate / service_rate))
