"""What a policy written in Python sees: nothing but what a control plane knows and its metrics pipeline publishes.

Times are whole nanoseconds from the start of the scenario, ratios 0 to 1. A metric that the policy does not read, or
that has no sample, is NaN. All of it is read-only; it may be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Sample(NamedTuple):
    """One sample of one replica, as the metrics pipeline publishes it."""

    value_milli: int
    """Thousandths of a core, a byte, or a request per second; rounded up."""
    time_ns: int
    """Its time stamp."""
    window_ns: int
    """The time it averages over, which ends with the time stamp."""


class ReplicaObservation(NamedTuple):
    """One replica: what the control plane knows of it, and its newest samples."""

    replica: int
    """Its number; numbers rise with creation."""
    running: bool
    """Whether its container runs."""
    ready: bool
    """Whether it takes requests, or finishes those it has."""
    leaving: bool
    """Whether it is on its way out."""
    placed_ns: int | None
    """When it got a node."""
    ready_changed_ns: int | None
    """When `ready` last changed, or got its first value."""
    cpu: Sample | None
    """CPU in use."""
    memory: Sample | None
    """Memory in use."""
    requests: Sample | None
    """Completed requests per second."""


class Observation(NamedTuple):
    """A service at one tick, as `decide` sees it."""

    service: str
    """Its name."""
    time_ns: int
    """The moment."""
    desired: int
    """Replicas wanted so far."""
    ready: int
    """Replicas that take requests."""
    starting: int
    """Replicas on a node that do not take requests yet."""
    pending: int
    """Replicas that no node has room for."""
    draining: int
    """Replicas that finish what they hold."""
    samples: int
    """Ready replicas whose sample of the first metric is in its mean; a group average of CloudWatch counts as 1."""
    sampled_ns: int
    """Time stamp of the newest of these samples; -1 without any."""
    cpu_ratio: float
    """CPU in use, as a share of the request: mean over the ready replicas that have a sample."""
    memory_bytes: float
    """Memory in use: mean over the ready replicas that have a sample."""
    requests_rps: float
    """Completed requests per second and replica: mean over the ready replicas that have a sample."""
    cpu_millicores: int
    """CPU request of a replica."""
    min: int
    """Smallest number of replicas the controller allows."""
    max: int
    """Largest number of replicas the controller allows."""
    replicas: tuple[ReplicaObservation, ...]
    """The replicas one by one, for a policy that is declared with `sees_replicas`; else empty."""


@dataclass(frozen=True, slots=True)
class Observations:
    """Services at one tick, as `decide_all` sees them: one read-only array for each field, all of shape (services,).

    Attributes:
        services: Their names, sorted; all arrays are in this order.
        time_ns: The moment.
        desired: Replicas wanted so far, int64.
        ready: Replicas that take requests, int64.
        starting: Replicas on a node that do not take requests yet, int64.
        pending: Replicas that no node has room for, int64.
        draining: Replicas that finish what they hold, int64.
        samples: Ready replicas whose sample of the first metric is in its mean, int64.
        sampled_ns: Time stamp of the newest of these samples, -1 without any, int64.
        cpu_ratio: Mean CPU in use as a share of the request, float64.
        memory_bytes: Mean memory in use, float64.
        requests_rps: Completed requests per second and replica, float64.
        cpu_millicores: CPU request of a replica, int64.
        min: Smallest number of replicas the controller allows, int64.
        max: Largest number of replicas the controller allows, int64.
    """

    services: tuple[str, ...]
    time_ns: int
    desired: NDArray[np.int64]
    ready: NDArray[np.int64]
    starting: NDArray[np.int64]
    pending: NDArray[np.int64]
    draining: NDArray[np.int64]
    samples: NDArray[np.int64]
    sampled_ns: NDArray[np.int64]
    cpu_ratio: NDArray[np.float64]
    memory_bytes: NDArray[np.float64]
    requests_rps: NDArray[np.float64]
    cpu_millicores: NDArray[np.int64]
    min: NDArray[np.int64]
    max: NDArray[np.int64]


class NodeObservation(NamedTuple):
    """A pool of nodes at one tick, as `decide_nodes` sees it: all of it whole numbers, but for name and price.

    The size of the pool is `ready + starting + lost`; nodes on their way out are not part of it.
    """

    pool: str
    """Its name."""
    time_ns: int
    """The moment."""
    desired: int
    """Nodes wanted so far."""
    ready: int
    """Nodes that may take replicas."""
    starting: int
    """Nodes that were bought and are not ready yet."""
    lost: int
    """Nodes that faults took and that will come back, or others in their place."""
    leaving: int
    """Nodes on their way out: paid for until the last of their replicas has ended."""
    replicas: int
    """Replicas on the ready nodes, those on their way out included."""
    allocatable_cpu_millicores: int
    """CPU that the ready nodes have for replicas, taken or not."""
    allocatable_memory_bytes: int
    """Memory that the ready nodes have for replicas, taken or not."""
    requested_cpu_millicores: int
    """CPU that the replicas on the ready nodes request."""
    requested_memory_bytes: int
    """Memory that the replicas on the ready nodes request."""
    pending: int
    """Replicas, of all services, that no node of any pool has room for."""
    pending_cpu_millicores: int
    """CPU they request."""
    pending_memory_bytes: int
    """Memory they request."""
    pending_longest_ns: int
    """How long the first of them has waited; 0 without any."""
    node_cpu_millicores: int
    """CPU that a node of the pool has for replicas."""
    node_memory_bytes: int
    """Memory that a node of the pool has for replicas."""
    node_replicas: int
    """Most replicas on a node."""
    price_usd_per_hour: float
    """Price of a node."""
    min: int
    """Smallest number of nodes the controller allows."""
    max: int
    """Largest number of nodes the controller allows."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a policy may know before the first tick: the argument of its optional method `begin`.

    Attributes:
        services: The services it decides for, sorted; one for `decide`, unless controllers `share` it.
        period_ns: Time between two of its ticks for services; for pools, if it decides for no service.
        random: A stream of its own: the same for the same seed, policy, services and pools. numpy keeps its bits
            between versions, but not always the values that methods like `normal` draw from them.
        pools: The pools it decides for, in the order of the platform.
    """

    services: tuple[str, ...]
    period_ns: int
    random: np.random.Generator
    pools: tuple[str, ...] = ()
