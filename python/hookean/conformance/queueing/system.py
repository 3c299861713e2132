"""What is simulated: one service on an ample cluster, with a fixed number of replicas or a controller, and how long."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hookean.scenario import Scenario

from .traffic import Cycle, Drawn, Traffic

if TYPE_CHECKING:
    from pathlib import Path

BATCHES = 40
"""Batches of a case, over all of its runs."""

BATCH_RELAXATIONS = 30.0
"""Least length of a batch, and length of the warm-up and of the tail, in relaxation times of the system."""

BATCH_REQUESTS = 10_000
"""Least requests in a batch, on average."""

ROWS_MAX = 1_500_000
"""Most rows of the request log, and of the series, that one run keeps, about."""

REQUESTS_MAX = 8e9
"""Most requests that may be spent on a system: a minute or two."""

LONGEST_S = 1e9
"""Longest batches of one run, all together: what comes before and after them fits into simulated time, too."""

_READINGS_PER_RELAXATION = 4.0
_READINGS_MIN = 200_000
_DRAWN_MAX = 8_000_000


@dataclass(frozen=True)
class Length:
    """How one run is cut.

    Attributes:
        step_ns: Distance of two readings of the state.
        batch_ns: Length of a batch, a whole number of steps.
        warmup_ns: What is cut off at the beginning, a whole number of steps.
        batches: Batches of one run.
        runs: Independent runs.
        one_in: One request in this many is logged.
    """

    step_ns: int
    batch_ns: int
    warmup_ns: int
    batches: int
    runs: int
    one_in: int

    @property
    def end_ns(self) -> int:
        """End of the last batch."""
        return self.warmup_ns + self.batches * self.batch_ns

    @property
    def horizon_ns(self) -> int:
        """End of simulated time: as long again as the warm-up, so that the last requests complete."""
        return self.end_ns + self.warmup_ns


@dataclass(frozen=True)
class System:
    """A queueing system.

    Attributes:
        traffic: How requests arrive.
        work: Distribution of the work, as a scenario writes it; None when the traffic brings it.
        relaxation_s: Time in which the system forgets its state; it sets the least length of batches.
        discipline: Of the queue.
        replicas: How many; with a controller, how many at most.
        cores: CPU of each replica.
        controller: What scales it, as a scenario writes it; none when the number of replicas is fixed.
        setup: Distribution of the time from the wish for a replica to its readiness; none when it takes none.
        limit: Most requests that may wait.
        infinite: Whether no request may ever find all servers there can be in use: they stand for infinitely many. A
            run in which that happens is an error.
        readings_per_cycle: Readings of the state in a cycle of the traffic, if it has one.
        requests_max: Most requests that may be spent on it.
    """

    traffic: Traffic
    work: dict[str, Any] | None
    relaxation_s: float
    discipline: str = "central_fifo"
    replicas: int = 1
    cores: int = 1
    controller: dict[str, Any] | None = None
    setup: dict[str, Any] | None = None
    limit: int | None = None
    infinite: bool = False
    readings_per_cycle: int = 1
    requests_max: float = REQUESTS_MAX

    def length(self, factor: float = 1.0) -> Length:
        """Returns how to cut runs of `factor` times the least length.

        Args:
            factor: At least 1 for runs that are judged.
        """
        rate = self.traffic.rate
        warmup_s, least_s = BATCH_RELAXATIONS * self.relaxation_s, self.least_s
        longest_s = min(self.requests_max / BATCHES / rate, LONGEST_S / (BATCHES // 2))
        batch_s = self._whole(min(least_s * factor, max(least_s, longest_s)))
        runs, batches = self._runs(batch_s, warmup_s)
        measured_s = batch_s * batches
        coarsest_s = min(self.relaxation_s / _READINGS_PER_RELAXATION, measured_s * runs / _READINGS_MIN)
        step_s = max(coarsest_s, measured_s / ROWS_MAX)
        step_ns = max(1, math.floor(step_s * 1e9))
        whole_ns = step_ns
        if isinstance(self.traffic, Cycle):
            whole_ns = self.traffic.cycle_ns
            step_ns = whole_ns // self.readings_per_cycle
        logged = rate * batch_s * batches
        return Length(
            step_ns=step_ns,
            batch_ns=_multiple(batch_s, whole_ns),
            warmup_ns=_multiple(warmup_s, whole_ns),
            batches=batches,
            runs=runs,
            one_in=max(1, math.ceil(logged / ROWS_MAX)),
        )

    @property
    def least_s(self) -> float:
        """Least length of a batch that is judged."""
        return self._whole(max(BATCH_RELAXATIONS * self.relaxation_s, BATCH_REQUESTS / self.traffic.rate))

    def _whole(self, batch_s: float) -> float:
        """Whole cycles, if the traffic has some."""
        if not isinstance(self.traffic, Cycle):
            return batch_s
        return _multiple(batch_s, self.traffic.cycle_ns) * 1e-9

    def _runs(self, batch_s: float, warmup_s: float) -> tuple[int, int]:
        """Two runs, one for each of two processors; more where a request table would not fit in memory."""
        if not isinstance(self.traffic, Drawn):
            return 2, BATCHES // 2
        per_batch, around = batch_s * self.traffic.rate, 2.0 * warmup_s * self.traffic.rate
        runs = next((n for n in (2, 4, 8, 10, 20) if per_batch * BATCHES / n + around <= _DRAWN_MAX), BATCHES)
        return runs, BATCHES // runs

    def scenario(self, length: Length, *, seed: int, folder: Path) -> Scenario:
        """Returns the scenario of one run.

        Args:
            length: How long.
            seed: Root of its random numbers.
            folder: Where a request table may be written.
        """
        queue: dict[str, Any] = {"discipline": self.discipline}
        if self.discipline != "central_fifo":
            queue["routing"] = "random"
        if self.limit is not None:
            queue["limit"] = self.limit
        service: dict[str, Any] = {"replica": {"cpu": self.cores, "memory": "1Mi"}, "queue": queue}
        if self.controller is None:
            service["replicas"] = self.replicas
        if self.setup is not None:
            service["startup"] = {"init": self.setup}
        if self.work is not None:
            service["work"] = self.work
        log = "full" if length.one_in == 1 else {"sampled": length.one_in}
        traffic = self.traffic.workload(length.horizon_ns, seed=seed, folder=folder)
        return Scenario.model_validate(
            {
                "seed": seed,
                "duration": f"{length.horizon_ns}ns",
                "services": {"station": service},
                "workload": [{"service": "station", **traffic}],
                "platform": _ample(self.replicas, self.cores),
                "controllers": [] if self.controller is None else [{"service": "station", **self.controller}],
                "record": {"series": f"{length.step_ns}ns", "requests": log, "decisions": "off"},
            }
        )


def relaxation_s(
    *, rate: float, servers: int, service_rate: float = 1.0, scv: float = 1.0, room: float = math.inf
) -> float:
    """Returns about how long a queue remembers its state.

    For M/M/c it is the relaxation time `1 / (sqrt(c mu) - sqrt(lambda))^2` (Morse, 1955); other service laws stretch it
    by about `(1 + scv) / 2`, the factor by which they stretch the wait. A mean service time is added for light loads.

    Args:
        rate: Arrivals per second, below `servers * service_rate` unless there is a `room`.
        servers: Number of servers.
        service_rate: Requests per second that one server serves.
        scv: Squared coefficient of variation of the service time.
        room: Places in the queue. Full or empty, it is so again after at most about `room^2 / rate`, however near
            to 1 the load is.
    """
    gap = math.sqrt(servers * service_rate) - math.sqrt(rate)
    queue = (1.0 + scv) / 2.0 / gap**2 if gap else math.inf
    return min(queue, (room + math.sqrt(servers)) ** 2 / rate) + 1.0 / service_rate


def _multiple(seconds: float, whole_ns: int) -> int:
    return max(1, math.ceil(seconds * 1e9 / whole_ns * (1.0 - 1e-12))) * whole_ns  # a multiple stays one


def _ample(replicas: int, cores: int) -> dict[str, Any]:
    """A cluster that costs nothing and has room for all replicas on one node."""
    pool = {
        "name": "ample",
        "cpu": replicas * cores + 1,
        "memory": f"{replicas + 1024}Mi",
        "price": "0 USD/h",
        "nodes": 1,
        "max_replicas": replicas + 1,
    }
    return {"kind": "cluster", "pools": [pool], "startup": "instant", "pull": "none", "reservation": "none"}
