"""Simulating: a scenario in, a result out."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from hookean import _core
from hookean.errors import PolicyError, SimulationError, SimulationInterrupted
from hookean.plan import resolve, save_plan
from hookean.result import RunResult
from hookean.result.columns import TABLES
from hookean.result.frames import LazyFrames, mismatch
from hookean.result.manifest import build_manifest
from hookean.scenario import Scenario, load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike

    from hookean._core import RawResult
    from hookean.plan import Plan

    Progress = Callable[[int, int], object]
    Decide = Callable[..., tuple[list[int], list[str | None] | None]]


def simulate(
    scenario: Scenario | str | PathLike[str], *, threads: int = 1, progress: Progress | None = None
) -> RunResult:
    """Simulates a scenario.

    Args:
        scenario: A scenario, or the path of a scenario file.
        threads: Threads to use; the result is the same for any number.
        progress: Called with simulated nanoseconds and requests so far, at most ten times a second.

    Returns:
        The result.

    Raises:
        FileNotFoundError: If the scenario file or a trace does not exist.
        ScenarioError: If the scenario cannot be simulated as written.
        TraceError: If a trace cannot be read.
        PolicyError: If a policy written in Python failed or broke its contract; it carries the partial result.
        SimulationInterrupted: On Ctrl-C; it carries the partial result.
        SimulationError: If the engine broke one of its own promises.
    """
    return simulate_plan(plan_of(scenario), threads=threads, progress=progress)


def compare(
    scenarios: Mapping[str, Scenario | str | PathLike[str]], *, threads: int = 1, progress: Progress | None = None
) -> dict[str, RunResult]:
    """Simulates several scenarios, one after the other; all are checked before the first one starts.

    Args:
        scenarios: Scenarios, or paths of scenario files, by the name of the contender.
        threads: Threads to use.
        progress: Called with simulated nanoseconds and requests of the present run.

    Returns:
        Results by name, in the given order.

    Raises:
        HookeanError: As `simulate`.
        FileNotFoundError: As `simulate`.
    """
    plans = {name: plan_of(scenario) for name, scenario in scenarios.items()}
    return {name: simulate_plan(plan, threads=threads, progress=progress) for name, plan in plans.items()}


def plan_of(scenario: Scenario | str | PathLike[str]) -> Plan:
    """Returns the plan of a scenario, or of a scenario file.

    Args:
        scenario: A scenario, or the path of a scenario file.

    Raises:
        FileNotFoundError: If the scenario file or a trace does not exist.
        PolicyError: If the module of a policy cannot be imported.
        ScenarioError: If the scenario cannot be simulated as written.
        TraceError: If a trace cannot be read.
    """
    checked = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    return resolve(checked, checked.base_dir)


def simulate_plan(plan: Plan, *, threads: int = 1, progress: Progress | None = None) -> RunResult:
    """Simulates a plan.

    Args:
        plan: What `plan_of` returned.
        threads: Threads to use; at least 1.
        progress: Called with simulated nanoseconds and requests so far, at most ten times a second.

    Raises:
        PolicyError: If a policy written in Python failed or broke its contract; it carries the partial result.
        SimulationInterrupted: On Ctrl-C; it carries the partial result.
        SimulationError: If the engine broke one of its own promises.
        ValueError: If `threads` is below 1.
    """
    if threads < 1:
        raise ValueError(f"`threads` must be at least 1, not {threads}")
    decide = _policies(plan)
    try:
        raw = _core.simulate(plan.json(), list(plan.f64_arrays), list(plan.u64_arrays), threads, progress, decide)
    except SimulationError as error:
        raise _with_plan(error, plan) from error
    info = json.loads(raw.info())
    result = _collect(plan, raw, info)
    failure = raw.failure()
    if failure is not None and not isinstance(failure, KeyboardInterrupt):
        if isinstance(failure, PolicyError):
            failure.partial = result
        raise failure
    if info.get("interrupted", False):
        raise SimulationInterrupted(result)
    return result


def _with_plan(error: SimulationError, plan: Plan) -> SimulationError:
    """The same error, with the plan saved for a report if there is room for it."""
    try:
        folder = save_plan(plan)
    except OSError:
        return error
    return SimulationError(f"{error}; the plan is saved in `{folder}`: please attach that folder")


def _policies(plan: Plan) -> Decide | None:
    if not plan.policies:
        return None
    from hookean.policies.runner import Runner  # noqa: PLC0415 (only scenarios with policies in Python need it)

    return Runner(plan.policies, plan.document).decide


def _collect(plan: Plan, raw: RawResult, info: Mapping[str, Any]) -> RunResult:
    manifest = build_manifest(plan, info, version=_core.__version__, revision=_core.git_revision())
    there = {
        "requests": plan.document["record"]["requests"]["keep"] != "off",
        "latencies": plan.document["record"]["latencies"],
        "classes": any(service["classes"] for service in plan.document["services"]),
    }
    there |= dict.fromkeys(("end_to_end", "critical_path"), bool(plan.document["calls"]))
    names = [name for name in TABLES if there.get(name, True)]
    return RunResult(frames=LazyFrames(names, partial(_frame, raw)), manifest=manifest)


def _frame(raw: RawResult, table: str) -> pl.DataFrame:
    frame = pl.DataFrame(raw.take_table(table))
    problem = mismatch(table, frame)
    if problem is not None:
        raise SimulationError(f"the engine returned a table that is not as documented: {problem}")
    return frame
