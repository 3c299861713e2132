"""M/M/c: the least number of servers that keeps a latency objective.

Source: Erlang's formulas as in Gross & Harris, *Fundamentals of Queueing Theory*. With load `a = arrival rate x mean
service`, service rate `mu` and `theta = c mu - a mu`:

    B_0 = 1, B_n = a B_{n-1} / (n + a B_{n-1})           (blocking probability)
    C = B_c / (1 - (a / c)(1 - B_c))                     (probability to wait)
    P(T > t) = (1 - C) e^{-mu t} + C (theta e^{-mu t} - mu e^{-theta t}) / (theta - mu)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAME_RATE = 1e-9
"""Relative distance of theta and mu below which the limit `e^{-mu t}(1 + C mu t)` is used."""

_LARGE = 100_000.0
"""Above such loads the recursion, which takes a step for each server, takes seconds and more."""


def sojourn_tail(
    load: NDArray[np.float64], blocking: NDArray[np.float64], *, servers: int, scaled_time: float
) -> NDArray[np.float64]:
    """Returns P(T > t) of stable M/M/c queues.

    Args:
        load: Offered loads in erlangs, below `servers`; shape (n,).
        blocking: Erlang B of the same loads at `servers`; shape (n,).
        servers: Number of servers.
        scaled_time: `t` in mean service times (`mu t`).

    Returns:
        The probabilities; shape (n,).
    """
    waiting = blocking / (1.0 - (load / servers) * (1.0 - blocking))
    theta = servers - load
    distance = theta - 1.0
    same = np.abs(distance) < _SAME_RATE
    safe = np.where(same, 1.0, distance)
    served = np.exp(-scaled_time)
    general = waiting * (theta * served - np.exp(-theta * scaled_time)) / safe
    limit = waiting * served * (1.0 + scaled_time)
    tail: NDArray[np.float64] = (1.0 - waiting) * served + np.where(same, limit, general)
    return tail


def reachable(*, scaled_time: float, target_ratio: float) -> bool:
    """Tells whether any number of servers can keep the objective: an idle server must manage it on its own.

    Args:
        scaled_time: Latency objective in mean service times.
        target_ratio: Wanted share of requests within the objective.
    """
    return float(np.exp(-scaled_time)) <= 1.0 - target_ratio


def least_servers(load: NDArray[np.float64], *, scaled_time: float, target_ratio: float) -> NDArray[np.int64]:
    """Returns for each load the least `c` such that an M/M/c queue keeps `P(T > t) <= 1 - target`.

    Args:
        load: Offered loads in erlangs, not negative; shape (n,). No load needs no server.
        scaled_time: Latency objective in mean service times.
        target_ratio: Wanted share of requests within the objective.

    Returns:
        Servers; shape (n,).

    Raises:
        ValueError: If no number of servers keeps the objective (see `reachable`) or a load is negative or not finite.
    """
    if not reachable(scaled_time=scaled_time, target_ratio=target_ratio):
        raise ValueError("the objective is shorter than what one idle server can keep")
    if not np.all(np.isfinite(load)) or np.any(load < 0.0):
        raise ValueError("loads must be finite and not negative")
    distinct, inverse = np.unique(load, return_inverse=True)
    needed = np.zeros(distinct.size, dtype=np.int64)
    for at in np.flatnonzero(distinct > _LARGE):
        needed[at] = _least_of_many(float(distinct[at]), scaled_time=scaled_time, target_ratio=target_ratio)
    waiting_for = np.flatnonzero((distinct > 0.0) & (distinct <= _LARGE))
    active = distinct[waiting_for]
    blocking = np.ones(active.size)
    servers = 0
    while active.size:
        servers += 1
        blocking = active * blocking / (servers + active * blocking)
        stable = active < servers
        met = np.zeros(active.size, dtype=bool)
        met[stable] = (
            sojourn_tail(active[stable], blocking[stable], servers=servers, scaled_time=scaled_time)
            <= 1.0 - target_ratio
        )
        needed[waiting_for[met]] = servers
        waiting_for, active, blocking = waiting_for[~met], active[~met], blocking[~met]
    return needed[inverse]


def _least_of_many(load: float, *, scaled_time: float, target_ratio: float) -> int:
    """Returns the same for a large load, by bisection."""

    def met(servers: int) -> bool:
        blocking = np.array([_blocking(load, servers)])
        tail = sojourn_tail(np.array([load]), blocking, servers=servers, scaled_time=scaled_time)
        return bool(tail[0] <= 1.0 - target_ratio)

    below, step = math.floor(load), math.ceil(math.sqrt(load))
    enough = below + step
    while not met(enough):
        below, step = enough, 2 * step
        enough += step
    while enough - below > 1:
        middle = (below + enough) // 2
        below, enough = (below, middle) if met(middle) else (middle, enough)
    return enough


def _blocking(load: float, servers: int) -> float:
    """Returns Erlang B of more servers than load: `1 / B = 1 + c/a + c (c - 1)/a^2 + ...`.

    Its terms grow as long as their factor is above 1, and lie like a normal density of deviation `sqrt(a)` there.
    """
    count = min(servers, math.ceil(servers - load + 12.0 * math.sqrt(servers)))
    with np.errstate(over="ignore"):
        terms = np.cumprod((servers - np.arange(count)) / load)
    return float(1.0 / (1.0 + terms.sum()))
