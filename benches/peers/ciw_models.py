"""Both jobs in Ciw. The autoscaled day needs a schedule and a node of its own: Ciw's schedules are fixed beforehand."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import ciw
from autoscaler import Autoscaler
from outcome import Outcome

if TYPE_CHECKING:
    from jobs import Day, Queue


def queue(job: Queue, seed: int) -> Outcome:
    """Simulates S1 until `job.requests` requests are done."""
    ciw.seed(seed)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(job.rate)],
        service_distributions=[ciw.dists.Exponential(1 / job.service_s)],
        number_of_servers=[job.servers],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(job.requests, method="Finish")
    return Outcome(waits(simulation), source=simulation)


def served(_job: Queue, _seed: int, outcome: Outcome) -> list[tuple[float, float, float]]:
    """Returns instant of arrival, service time and wait of the requests, in order of arrival.

    Ciw stops when enough of them are done; those that came after the first that is not yet done are left out.
    """
    node = outcome.source.nodes[1]
    before = min((request.arrival_date for request in node.all_individuals), default=math.inf)
    records = [record for record in outcome.source.get_all_records() if record.arrival_date < before]
    return sorted((record.arrival_date, record.service_time, record.waiting_time) for record in records)


def waits(simulation: ciw.Simulation) -> list[float]:
    """Returns the waits in order of completion."""
    return [record.waiting_time for record in simulation.get_all_records()]


class Ticks(ciw.Schedule):
    """A schedule that only says when the next tick is."""

    def __init__(self, job: Day) -> None:
        super().__init__(numbers_of_servers=[job.first_replicas], shift_end_dates=[float(job.tick_s)])
        self._job = job

    def initialise(self) -> None:
        """Sets the servers at the beginning and the first tick."""
        self.c = self._job.first_replicas
        self.next_shift_change_date = float(self._job.tick_s)

    def get_next_shift(self) -> None:
        """Moves on to the next tick."""
        self.next_shift_change_date += self._job.tick_s


class Replicas(ciw.Node):
    """A node whose servers follow the autoscaler instead of the schedule."""

    job: Day
    rng: random.Random
    scaler: Autoscaler

    def __init__(self, id_: int, simulation: ciw.Simulation) -> None:
        super().__init__(id_, simulation)
        self._seen = 0
        self._drained = 0

    def kill_server(self, srvr: ciw.Server) -> None:
        """Removes a server, and counts those that were busy to the end."""
        self._drained += srvr.offduty
        super().kill_server(srvr)

    def change_shift(self) -> None:
        """Lets the autoscaler decide, and adds or drains the difference."""
        self.schedule.get_next_shift()
        self.next_shift_change = self.schedule.next_shift_change_date
        done = self.simulation.nodes[-1].number_of_individuals - self._drained
        change = self.scaler.tick(self.now, done - self._seen)
        self._seen = done
        self.c = self.scaler.ready
        if change < 0:
            self._drain(-change)
        self.add_new_servers(max(change, 0))
        self.begin_service_if_possible_change_shift()

    def _drain(self, count: int) -> None:
        """Takes servers out, chosen at random; busy ones finish the request they hold."""
        for server in self.rng.sample([s for s in self.servers if not s.offduty], count):
            server.shift_end = self.now
            if server.busy:
                server.offduty = True
            else:
                self.kill_server(server)


def day(job: Day, seed: int) -> Outcome:
    """Simulates S2."""
    ciw.seed(seed)
    scaler = Autoscaler(job)
    node = type("ScaledNode", (Replicas,), {"job": job, "rng": random.Random(seed), "scaler": scaler})
    ends = [float(end) for end in range(job.bin_s, job.length_s + 1, job.bin_s)]
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.PoissonIntervals(job.rates, ends, job.length_s)],
        service_distributions=[ciw.dists.Exponential(1 / job.service_s)],
        number_of_servers=[Ticks(job)],
    )
    simulation = ciw.Simulation(network, node_class=node)
    simulation.simulate_until_max_time(job.length_s)
    return Outcome(waits(simulation), {"replicas_mean": scaler.replica_seconds / job.length_s}, lambda: scaler.limited)
