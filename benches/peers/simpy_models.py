"""Both jobs in SimPy, as its documentation teaches: a process per request, a Resource for the servers."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import simpy
from autoscaler import Autoscaler
from outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs import Day, Queue


def queue(job: Queue, seed: int) -> Outcome:
    """Simulates S1: exactly `job.requests` requests, all to their end."""
    env, (gap, service) = simpy.Environment(), draws(seed)
    servers, waits = simpy.Resource(env, job.servers), []
    rate, speed = job.rate, 1 / job.service_s

    def request() -> Iterator[simpy.Event]:
        arrival = env.now
        with servers.request() as turn:
            yield turn
            waits.append(env.now - arrival)
            yield env.timeout(service(speed))

    def source() -> Iterator[simpy.Event]:
        for _ in range(job.requests):
            yield env.timeout(gap(rate))
            env.process(request())

    env.process(source())
    env.run()
    return Outcome(waits)


def served(job: Queue, seed: int, outcome: Outcome) -> Iterator[tuple[float, float, float]]:
    """Draws once more what `queue` has drawn: the first in line is served first, so services follow arrivals."""
    (gap, service), at = draws(seed), 0.0
    for wait in outcome.waits:
        at += gap(job.rate)
        yield at, service(1 / job.service_s), wait


def draws(seed: int) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """Returns how distances of arrivals and service times are drawn, each from a stream of its own."""
    return random.Random(seed).expovariate, random.Random(-seed - 1).expovariate


class Replicas(simpy.Resource):
    """A Resource that can grow, and shrink by draining; SimPy has none."""

    def __init__(self, env: simpy.Environment, ready: int) -> None:
        super().__init__(env, ready)
        self.draining: set[simpy.resources.resource.Request] = set()

    def add(self, count: int) -> None:
        """Adds servers; each takes the first request that waits."""
        for _ in range(count):
            self._capacity += 1
            self._trigger_put(None)

    def drain(self, count: int, rng: random.Random) -> None:
        """Takes servers out, chosen at random; busy ones finish the request they hold."""
        busy = [turn for turn in self.users if turn not in self.draining]
        idle = self._capacity - len(self.users)
        for victim in rng.sample([*busy, *[None] * idle], count):
            if victim is None:
                self._capacity -= 1
            else:
                self.draining.add(victim)

    def retire(self, turn: simpy.resources.resource.Request) -> None:
        """Removes a drained server whose last request has just been released."""
        self.draining.remove(turn)
        self._capacity -= 1


def day(job: Day, seed: int) -> Outcome:
    """Simulates S2."""
    env, rng = simpy.Environment(), random.Random(seed)
    replicas, scaler, waits = Replicas(env, job.first_replicas), Autoscaler(job), []
    exponential, speed, completed = rng.expovariate, 1 / job.service_s, 0

    def request() -> Iterator[simpy.Event]:
        nonlocal completed
        arrival = env.now
        with replicas.request() as turn:
            yield turn
            waits.append(env.now - arrival)
            yield env.timeout(exponential(speed))
        if turn in replicas.draining:
            replicas.retire(turn)
        else:
            completed += 1

    def source() -> Iterator[simpy.Event]:
        for at in arrivals(job, rng):
            yield env.timeout(at - env.now)
            env.process(request())

    def control() -> Iterator[simpy.Event]:
        nonlocal completed
        while True:
            yield env.timeout(job.tick_s)
            change = scaler.tick(env.now, completed)
            completed = 0
            replicas.add(max(change, 0))
            replicas.drain(max(-change, 0), rng)

    env.process(control())
    env.process(source())
    env.run(until=job.length_s)
    return Outcome(waits, {"replicas_mean": scaler.replica_seconds / job.length_s}, lambda: scaler.limited)


def arrivals(job: Day, rng: random.Random) -> Iterator[float]:
    """Yields the instants of a Poisson process whose rate is constant inside a bin."""
    exponential = rng.expovariate
    for index, rate in enumerate(job.rates):
        at, end = index * job.bin_s + exponential(rate), (index + 1) * job.bin_s
        while at < end:
            yield at
            at += exponential(rate)
