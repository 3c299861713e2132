"""The jobs: an M/M/c queue, an autoscaled day and a function on demand. Numbers only; every tool reads them here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Queue:
    """S1: an M/M/c queue with one central FIFO line, empty at the beginning.

    Attributes:
        requests: Requests to simulate (hookean: to expect).
        servers: Number of servers.
        service_s: Mean of the exponential service time, seconds.
        load: Offered load / servers.
    """

    requests: int
    servers: int = 10
    service_s: float = 1.0
    load: float = 0.8

    @property
    def rate(self) -> float:
        """Arrivals per second."""
        return self.load * self.servers / self.service_s

    def erlang_c_wait(self) -> float:
        """Returns the mean wait in steady state, seconds (Erlang C by the recursion of Erlang B)."""
        offered, blocked = self.servers * self.load, 1.0
        for k in range(1, self.servers + 1):
            blocked = offered * blocked / (k + offered * blocked)
        waits = blocked / (1 - self.load * (1 - blocked))
        return waits * self.service_s / (self.servers * (1 - self.load))


@dataclass(frozen=True)
class Day:
    """S2: a sinusoidal day under the HPA rule of `autoscaler.py`.

    A million requests last 86,400 s; fewer make the day shorter, so that rate, service, ticks and the requests between
    two ticks stay what they are and the cost of a request can be compared between sizes.

    Attributes:
        requests: Expected requests.
        rate: Mean arrivals per second.
        swing: Amplitude of the rate / its mean.
        service_s: Mean of the exponential service time, seconds.
        bin_s: Width of the steps of the rate, seconds.
        tick_s: Period of the control loop, seconds.
        startup_s: From the decision to a replica that serves, seconds; a whole number of ticks.
        target_milli: Wanted requests per second and replica, in thousandths.
        memory_s: How long a recommendation holds back a scale-in, seconds.
        smallest: Fewest replicas.
        largest: Most replicas.
    """

    requests: int
    rate: float = 1_000_000 / 86_400
    swing: float = 0.8
    service_s: float = 1.0
    bin_s: int = 60
    tick_s: int = 15
    startup_s: int = 30
    target_milli: int = 700
    memory_s: int = 300
    smallest: int = 2
    largest: int = 100

    @property
    def length_s(self) -> int:
        """Length of the day, a whole number of bins."""
        return round(self.requests / self.rate / self.bin_s) * self.bin_s

    @property
    def first_replicas(self) -> int:
        """Replicas at the beginning: what the rule wants for the rate at that moment."""
        return math.ceil(self.rate * 1000 / self.target_milli)

    @cached_property
    def rates(self) -> list[float]:
        """Arrival rate in each bin, the sine at its middle: input, of which every tool gets the same list."""
        turn = 2 * math.pi / self.length_s
        middles = [bin_start + self.bin_s / 2 for bin_start in range(0, self.length_s, self.bin_s)]
        return [self.rate * (1 + self.swing * math.sin(turn * middle)) for middle in middles]


@dataclass(frozen=True)
class Function:
    """S10: the example of SimFaaS, a function whose instances come on demand; empty at the beginning.

    An instance for each request that finds none idle, the newest idle one first, each gone after a time without a
    request. hookean's `examples/function-keep-alive.yaml` is the same with a million seconds.

    Attributes:
        requests: Requests to expect.
        rate: Arrivals per second.
        warm_s: Mean of the exponential service time on an idle instance, seconds.
        cold_s: The same on a new one.
        kept_s: How long an idle instance is kept, seconds.
    """

    requests: int
    rate: float = 0.9
    warm_s: float = 1.991
    cold_s: float = 2.244
    kept_s: float = 600.0

    @property
    def length_s(self) -> float:
        """Length of the simulation, seconds."""
        return self.requests / self.rate


Job = Queue | Day | Function

JOBS: Mapping[str, Callable[[int], Job]] = {
    "s1": Queue,
    "s1k": partial(Queue, servers=1000, load=0.95),
    "s2": Day,
    "s10": Function,
}
"""Every job by its name, made for a number of requests."""
