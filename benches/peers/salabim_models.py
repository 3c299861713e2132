"""S1 and S2 in salabim, as its manual teaches: a component per request, a Resource for the servers; monitors are off."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import salabim as sim
from autoscaler import Autoscaler
from outcome import Outcome
from simpy_models import arrivals, draws, served

__all__ = ["day", "queue", "served"]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs import Day, Queue

sim.yieldless(False)  # generators are the faster of its two modes


def queue(job: Queue, seed: int) -> Outcome:
    """Simulates S1: exactly `job.requests` requests, all to their end."""
    env, (gap, service) = sim.Environment(trace=False), draws(seed)
    servers, waits = sim.Resource("servers", capacity=job.servers, monitor=False), []
    rate, speed = job.rate, 1 / job.service_s

    class Request(sim.Component):
        def process(self) -> Iterator[None]:
            arrival = env.now()
            yield self.request(servers)
            waits.append(env.now() - arrival)
            yield self.hold(service(speed))
            self.release()

    class Source(sim.Component):
        def process(self) -> Iterator[None]:
            for _ in range(job.requests):
                yield self.hold(gap(rate))
                Request(name="")

    Source()
    env.run()
    return Outcome(waits)


class Replicas:
    """A Resource that can grow, and shrink by draining.

    Attributes:
        resource: The Resource; a draining server leaves with its request and takes a unit with it.
        completed: Requests that servers completed which are not draining, since it was last reset.
    """

    def __init__(self, ready: int) -> None:
        self.resource = sim.Resource("replicas", capacity=ready, monitor=False)
        self.completed = 0
        self._serving: dict[sim.Component, None] = {}
        self._draining: set[sim.Component] = set()

    def begin(self, request: sim.Component) -> None:
        """Notes that a request is served."""
        self._serving[request] = None

    def end(self, request: sim.Component) -> None:
        """Notes that it is done."""
        if request in self._draining:
            self._draining.remove(request)
            self.add(-1)
        else:
            del self._serving[request]
            self.completed += 1

    def add(self, count: int) -> None:
        """Adds servers; each takes the first request that waits."""
        self.resource.set_capacity(self.resource.capacity() + count)

    def drain(self, count: int, rng: random.Random) -> None:
        """Takes servers out, chosen at random; busy ones finish the request they hold."""
        idle = self.resource.capacity() - len(self._serving) - len(self._draining)
        victims = rng.sample([*self._serving, *[None] * idle], count)
        for busy in (victim for victim in victims if victim is not None):
            del self._serving[busy]
            self._draining.add(busy)
        self.add(-victims.count(None))


def day(job: Day, seed: int) -> Outcome:
    """Simulates S2."""
    env, rng = sim.Environment(trace=False), random.Random(seed)
    replicas, scaler, waits = Replicas(job.first_replicas), Autoscaler(job), []
    exponential, speed = rng.expovariate, 1 / job.service_s

    class Request(sim.Component):
        def process(self) -> Iterator[None]:
            arrival = env.now()
            yield self.request(replicas.resource)
            waits.append(env.now() - arrival)
            replicas.begin(self)
            yield self.hold(exponential(speed))
            replicas.end(self)
            self.release()

    class Source(sim.Component):
        def process(self) -> Iterator[None]:
            for at in arrivals(job, rng):
                yield self.hold(till=at)
                Request(name="")

    class Control(sim.Component):
        def process(self) -> Iterator[None]:
            while True:
                yield self.hold(job.tick_s)
                change = scaler.tick(env.now(), replicas.completed)
                replicas.completed = 0
                if change > 0:
                    replicas.add(change)
                elif change < 0:
                    replicas.drain(-change, rng)

    Control()
    Source()
    env.run(till=job.length_s)
    return Outcome(waits, {"replicas_mean": scaler.replica_seconds / job.length_s}, lambda: scaler.limited)
