"""Trying a policy out: does it keep the contract before a long simulation depends on it?"""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from hookean.errors import PolicyError, ScenarioError
from hookean.scenario.fields import FieldError

from .registry import FoundPolicy, find

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .runner import Runner

Rule: TypeAlias = Literal["contract", "returns", "separate runs", "deterministic", "speed", "simulation"]
"""The rules that are checked, in this order."""

_SECOND = 1_000_000_000
_PERIOD_NS = 15 * _SECOND
_SERVICES = ("idle", "steady", "waves")
_POOL = "nodes"
_MIN, _MAX = 1, 50


@dataclass(frozen=True)
class Violation:
    """A rule that a policy breaks.

    Attributes:
        rule: `contract`: a class with `decide`, `decide_all` or `decide_nodes` that can be built;
            `returns`: whole numbers, 0 or more, and no exception, whatever it sees;
            `separate runs`: nothing is carried from one run, or one object, to another;
            `deterministic`: no chance but from its own stream;
            `speed`: a tick is quick enough;
            `simulation`: a short simulation runs, twice with the same result.
        detail: What was seen.
    """

    rule: Rule
    detail: str


def check_policy(
    policy: type | str,
    *,
    parameters: Mapping[str, Any] | None = None,
    ticks: int = 240,
    micros_per_decision: float = 1000.0,
    folder: str | Path = ".",
) -> list[Violation]:
    """Tries a policy on made-up observations and in a short simulation.

    Observations hold quiet and busy times, no samples, no replicas, and very many. Not every violation can be found
    this way: a policy that reads the clock once a day passes.

    Args:
        policy: The class, or its name as in a scenario.
        parameters: Its keyword arguments.
        ticks: Ticks of the made-up observations.
        micros_per_decision: Most microseconds of this machine that a decision may take on average.
        folder: Where a module named by `module:Class` is looked for first.

    Returns:
        What it breaks; empty when nothing was found.
    """
    given = dict(parameters or {})
    try:
        found = find(policy, Path(folder))
        for controller in _controllers(found, given):
            controller.check_use(found)
        _record(found, given, ticks=1, observed=False)
    except (FieldError, PolicyError, ScenarioError) as error:
        return [Violation("contract", str(error))]
    violations = _decisions_twice(found, given, ticks)
    if violations:
        return violations
    return [*_speed(found, given, ticks, micros_per_decision), *_simulation(found, given)]


def _controllers(found: FoundPolicy, given: dict[str, Any]) -> list[Any]:
    """Entries of a scenario for all that the policy decides for; what decides for both is one object."""
    from hookean.scenario.units import Duration  # noqa: PLC0415 (keeps `import hookean` quick)

    from .pipeline import IdealPipeline  # noqa: PLC0415 (as below)
    from .python import PythonNodePolicy, PythonPolicy  # noqa: PLC0415 (as below)

    same: dict[str, Any] = {"policy": found.cls, "parameters": given, "min": _MIN, "max": _MAX}
    if found.for_replicas and found.for_nodes:
        same["share"] = "both"
    pipeline = IdealPipeline(window=Duration(60 * _SECOND))
    of_services = [PythonPolicy(service=name, pipeline=pipeline, **same) for name in _SERVICES if found.for_replicas]
    return [*of_services, *([PythonNodePolicy(pool=_POOL, **same)] if found.for_nodes else [])]


def _runner(found: FoundPolicy, given: dict[str, Any]) -> Runner:
    from .runner import Runner, Seat  # noqa: PLC0415 (imports numpy)

    config = {"min": 0, "max": 2**31 - 1}
    document = {
        "seed": 1,
        "services": [{"replica": {"cpu_millicores": 1000}} for _ in _SERVICES],
        "controllers": [{"service": i, "period_ns": _PERIOD_NS, "config": config} for i in range(len(_SERVICES))],
        "node_controllers": [{"pool": 0, "period_ns": _PERIOD_NS, "config": config}],
        "platform": {"pools": [_NODE]},
    }
    pools = ((0,), (_POOL,)) if found.for_nodes else ((), ())
    everyone = tuple(range(len(_SERVICES))) if found.for_replicas else ()
    if found.batched or found.for_nodes:
        return Runner([Seat(found, given, everyone, _SERVICES[: len(everyone)], *pools)], document)
    return Runner([Seat(found, given, (i,), (_SERVICES[i],)) for i in everyone], document)


def _observed(tick: int, wanted: list[int]) -> tuple[Any, Any, Any]:
    """Made-up columns: an idle, a steady and a wildly changing service."""
    import numpy as np  # noqa: PLC0415 (keeps `import hookean` quick)

    counts = np.zeros((8, len(_SERVICES)), dtype=np.int64)
    means = np.full((3, len(_SERVICES)), np.nan)
    replicas = []
    for i, desired in enumerate(wanted):
        wave = (0.0, 0.6, (tick * 37 % 101) / 40)[i]
        missing = tick < 2 or (i == 2 and tick % 17 == 0)
        ready = 0 if missing else min(desired, 10_000)
        counts[:, i] = (
            i,
            desired,
            ready,
            min(desired - ready, 5),
            0,
            tick % 3,
            ready,
            tick * _PERIOD_NS if ready else -1,
        )
        if ready:
            means[:, i] = (wave, 2.0**28 * (1 + wave), 100 * wave)
        sample = (int(wave * 1000), tick * _PERIOD_NS, 15 * _SECOND)
        replicas.append([(k, True, True, False, 0, _SECOND, sample, sample, sample) for k in range(min(ready, 20))])
    return counts, means, replicas


def _observed_nodes(tick: int, wanted: int) -> list[int]:
    """Made-up figures of a pool: none at first, then more or fewer ready nodes, full or empty, replicas that wait."""
    ready = 0 if tick < 2 else min(wanted, 10_000) * (tick % 5 > 0)
    cpu, memory = ready * _NODE["allocatable_cpu_millicores"], ready * _NODE["allocatable_memory_bytes"]
    full, pending = (tick * 37 % 101) / 100, tick * 13 % 7
    requested = [int(cpu * full), int(memory * full)]
    waiting = [pending, pending * 1000, pending * 2**28, min(pending, 1) * tick * _PERIOD_NS]
    return [wanted, ready, min(wanted - ready, 5), tick % 2, tick % 3, 3 * ready, cpu, memory, *requested, *waiting]


def _record(found: FoundPolicy, given: dict[str, Any], *, ticks: int, observed: bool = True) -> list[tuple[int, ...]]:
    """What a fresh policy decides tick after tick, each decision being what the next observation calls wanted."""
    return _recorded([_runner(found, given)], found, ticks if observed else 0)[0]


def _recorded(runners: list[Runner], found: FoundPolicy, ticks: int) -> list[list[tuple[int, ...]]]:
    """The same of several objects that decide in turns."""
    decided: list[list[tuple[int, ...]]] = [[] for _ in runners]
    for tick in range(ticks):
        for runner, past in zip(runners, decided, strict=True):
            wanted = list(past[-1]) if past else [2] * (len(_SERVICES) + 1)
            past.append(_decided(runner, found, tick, wanted))
    return decided


def _decided(runner: Runner, found: FoundPolicy, tick: int, wanted: list[int]) -> tuple[int, ...]:
    """What the policy wants for each service, and for the pool; as before where it does not decide."""
    now, desired = tick * _PERIOD_NS, wanted[:-1]
    if found.for_replicas:
        counts, means, replicas = _observed(tick, desired)
        seen = replicas if found.declaration.sees_replicas else None
        desired, _ = runner.decide(now, counts, means, seen)
    nodes = wanted[-1]
    if found.for_nodes:
        nodes, _ = runner.decide_nodes(now, 0, _observed_nodes(tick, nodes))
    return tuple(min(max(each, 0), 10_000_000) for each in [*desired, nodes])


def _decisions_twice(found: FoundPolicy, given: dict[str, Any], ticks: int) -> list[Violation]:
    try:
        with _global_streams(1):
            first = _record(found, given, ticks=ticks)
        with _global_streams(1):
            again = _record(found, given, ticks=ticks)
        with _global_streams(2):
            third = _record(found, given, ticks=ticks)
            pair = _recorded([_runner(found, given), _runner(found, given)], found, ticks)
    except PolicyError as error:
        return [Violation("returns", str(error))]
    if first != again:
        detail = f"{_difference(first, again)}: something outlives a run, or it reads a clock or chance of its own"
        return [Violation("separate runs", detail)]
    if again != third:
        detail = f"{_difference(again, third)}: use the stream `setup.random` for chance"
        return [Violation("deterministic", detail)]
    for one in pair:
        if one != first:
            return [Violation("separate runs", f"{_difference(first, one)}: two objects share something")]
    return []


def _difference(one: list[tuple[int, ...]], other: list[tuple[int, ...]]) -> str:
    tick = next(i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
    return f"the same observations led to {one[tick]} once and to {other[tick]} another time (tick {tick})"


@contextmanager
def _global_streams(seed: int) -> Iterator[None]:
    """Sets the global random streams, which a policy must not use, to something known; puts them back afterwards."""
    import numpy as np  # noqa: PLC0415 (keeps `import hookean` quick)

    before, numpy_before = random.getstate(), np.random.get_state()  # noqa: NPY002 (that is the one to watch)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numpy_before)  # noqa: NPY002


def _speed(found: FoundPolicy, given: dict[str, Any], ticks: int, most: float) -> list[Violation]:
    """The best of three, since other programs share the machine."""
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        _record(found, given, ticks=ticks)
        best = min(best, (time.perf_counter() - began) / (ticks * len(_SERVICES)) * 1e6)
    if best <= most:
        return []
    detail = f"a decision takes {best:.0f} µs on average, more than {most:g} µs; a day has 5,760 ticks of 15 s"
    return [Violation("speed", detail)]


def _simulation(found: FoundPolicy, given: dict[str, Any]) -> list[Violation]:
    from hookean.scenario import Scenario  # noqa: PLC0415 (needs the controllers)
    from hookean.simulation import simulate  # noqa: PLC0415 (needs the scenario)

    rates = {"idle": [0, 0, 1], "steady": [30, 30, 30], "waves": [5, 120, 10]}
    scenario = Scenario.model_validate(
        {
            "name": "check-policy",
            "seed": 1,
            "workload": [{"service": name, "rates": {"step": "10min", "values": each}} for name, each in rates.items()],
            "services": dict.fromkeys(_SERVICES, _SERVICE),
            "platform": {"preset": "kubernetes-on-metal"} if not found.for_nodes else _PLATFORM,
            "controllers": _controllers(found, given),
        }
    )
    try:
        with _global_streams(1):
            first = simulate(scenario)
        with _global_streams(2):
            second = simulate(scenario)
    except PolicyError as error:
        return [Violation("simulation", str(error))]
    if first.digest != second.digest:
        return [Violation("simulation", "two runs of the same scenario have different results")]
    return []


_SERVICE = {
    "work": "40ms",
    "replica": {"cpu": 1, "memory": "256Mi", "memory_idle": "64Mi", "memory_per_request": "1Mi", "concurrency": 8},
    "queue": {"discipline": "processor_sharing"},
}
_NODE: dict[str, Any] = {
    "allocatable_cpu_millicores": 4000,
    "allocatable_memory_bytes": 2**34,
    "max_replicas": 110,
    "billing": {"nanousd_per_hour": 200_000_000},
}
_PLATFORM = {
    "kind": "cluster",
    "pools": [{"name": _POOL, "cpu": 4, "memory": "16Gi", "price": "0.2 USD/h", "nodes": 1}],
    "startup": {"provision": "40s"},
}
