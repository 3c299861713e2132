"""S1 as an expert writes it in numba: a heap with the time at which each server is free (Kiefer and Wolfowitz, 1955).

A request takes the server that is free first, so the least of those times is all that its wait depends on. Nothing else
can be asked of such a loop: no replica comes or goes. Compiled by the small job that precedes the clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from outcome import Outcome

if TYPE_CHECKING:
    from jobs import Queue
    from numpy.typing import NDArray


def queue(job: Queue, seed: int) -> Outcome:
    """Simulates S1: exactly `job.requests` requests."""
    return Outcome(_waits(job.requests, job.servers, 1 / job.rate, job.service_s, seed))


@njit(fastmath=False)
def _waits(requests: int, servers: int, gap_s: float, service_s: float, seed: int) -> NDArray[np.float64]:
    np.random.seed(seed)  # noqa: NPY002 (the generator that numba compiles)
    free = np.zeros(servers)
    waits = np.empty(requests)
    now = 0.0
    for request in range(requests):
        now += np.random.exponential(gap_s)  # noqa: NPY002
        start = max(now, free[0])
        waits[request] = start - now
        # the root is replaced and sinks to its place
        end = start + np.random.exponential(service_s)  # noqa: NPY002
        place, child = 0, 1
        while child < servers:
            if child + 1 < servers and free[child + 1] < free[child]:
                child += 1
            if free[child] >= end:
                break
            free[place] = free[child]
            place, child = child, 2 * child + 1
        free[place] = end
    return waits
