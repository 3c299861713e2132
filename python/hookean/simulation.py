"""Simulating: a scenario in, a result out."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from hookean import _core
from hookean.errors import PolicyError, SimulationError, SimulationInterrupted
from hookean.plan import PART_ROWS, Replications, resolve, save_plan
from hookean.scenario import Scenario, load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike

    from hookean.plan import Plan
    from hookean.result import ResultFolder, RunResult

    Progress = Callable[[int, int], object]
    Decide = Callable[..., tuple[list[int], list[str | None] | None]]
    DecideNodes = Callable[..., tuple[int, str | None]]


def simulate(
    scenario: Scenario | str | PathLike[str],
    *,
    threads: int = 1,
    progress: Progress | None = None,
    save_to: str | PathLike[str] | None = None,
    overwrite: bool = False,
) -> RunResult:
    """Simulates a scenario.

    Args:
        scenario: A scenario, or the path of a scenario file.
        threads: Threads to use; the result is the same for any number.
        progress: Called with simulated nanoseconds and requests so far, at most ten times a second.
        save_to: Folder to save the result in. Rows of `requests`, `series` and `decisions` are written there while the
            run goes on, so that their number is not limited by memory.
        overwrite: Whether a result that is already there may be replaced.

    Returns:
        The result; one that is saved reads its tables from the folder when they are asked for.

    Raises:
        FileNotFoundError: If the scenario file or a trace does not exist.
        ScenarioError: If the scenario cannot be simulated as written.
        TraceError: If a trace cannot be read.
        PolicyError: If a policy written in Python failed or broke its contract; it carries the partial result, which is
            saved too.
        ResultError: If the folder cannot be written or must not be replaced; nothing is left in it then.
        SimulationInterrupted: On Ctrl-C; it carries the partial result, which is saved too.
        SimulationError: If the engine broke one of its own promises.
    """
    folders = None if save_to is None else {"": Path(save_to)}
    return _simulate_all({"": scenario}, folders, overwrite=overwrite, threads=threads, progress=progress)[""]


def compare(
    scenarios: Mapping[str, Scenario | str | PathLike[str]],
    *,
    threads: int = 1,
    progress: Progress | None = None,
    save_to: str | PathLike[str] | None = None,
    overwrite: bool = False,
) -> dict[str, RunResult]:
    """Simulates several scenarios, one after the other; all are checked before the first one starts.

    Args:
        scenarios: Scenarios, or paths of scenario files, by the name of the contender.
        threads: Threads to use.
        progress: Called with simulated nanoseconds and requests of the present run.
        save_to: Folder to save results in, each in a folder of its contender's name, as `simulate` does.
        overwrite: Whether results that are already there may be replaced.

    Returns:
        Results by name, in the given order.

    Raises:
        HookeanError: As `simulate`.
        FileNotFoundError: As `simulate`.
        ValueError: If results are to be saved and a name is none for a folder.
    """
    folders = None
    if save_to is not None:
        folders = {name: Path(save_to) / _folder_name(name) for name in scenarios}
    return _simulate_all(scenarios, folders, overwrite=overwrite, threads=threads, progress=progress)


def _folder_name(name: str) -> str:
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise ValueError(f"`{name}` is no name for a folder, as which its result would be saved")
    return name


def _simulate_all(
    scenarios: Mapping[str, Scenario | str | PathLike[str]],
    folders: Mapping[str, Path] | None,
    *,
    overwrite: bool,
    threads: int,
    progress: Progress | None,
) -> dict[str, RunResult]:
    streamed = folders is not None
    plans = {name: _REPLICATIONS.resolve(_checked(each), streamed=streamed) for name, each in scenarios.items()}
    with ExitStack() as stack:
        claims = {
            name: stack.enter_context(_folder(folder, overwrite=overwrite)) for name, folder in (folders or {}).items()
        }
        return {
            name: simulate_plan(plan, threads=threads, progress=progress, claim=claims.get(name))
            for name, plan in plans.items()
        }


_REPLICATIONS = Replications()
"""What `simulate` and `compare` resolve with: nobody else sees their plans."""


def _folder(path: Path, *, overwrite: bool) -> ResultFolder:
    from hookean.result import ResultFolder  # noqa: PLC0415 (imports polars)

    return ResultFolder(path, overwrite=overwrite)


def plan_of(scenario: Scenario | str | PathLike[str], *, streamed: bool = False) -> Plan:
    """Returns the plan of a scenario, or of a scenario file.

    Args:
        scenario: A scenario, or the path of a scenario file.
        streamed: Whether it will run with a folder that takes its rows; there may be more than memory holds then.

    Raises:
        FileNotFoundError: If the scenario file or a trace does not exist.
        PolicyError: If the module of a policy cannot be imported.
        ScenarioError: If the scenario cannot be simulated as written.
        TraceError: If a trace cannot be read.
    """
    return resolve(_checked(scenario), streamed=streamed)


def _checked(scenario: Scenario | str | PathLike[str]) -> Scenario:
    return scenario if isinstance(scenario, Scenario) else load_scenario(scenario)


def simulate_plan(
    plan: Plan, *, threads: int = 1, progress: Progress | None = None, claim: ResultFolder | None = None
) -> RunResult:
    """Simulates a plan.

    Args:
        plan: What `plan_of` returned.
        threads: Threads to use; at least 1.
        progress: Called with simulated nanoseconds and requests so far, at most ten times a second.
        claim: An entered claim on a folder. Rows are written there while the run goes on, and at its end, be it an
            early one, the result is published.

    Raises:
        PolicyError: If a policy written in Python failed or broke its contract; it carries the partial result.
        ResultError: If something cannot be written into the folder; nothing is published then.
        SimulationInterrupted: On Ctrl-C; it carries the partial result, or the whole one when it came too late.
        SimulationError: If the engine broke one of its own promises.
        ValueError: If `threads` is below 1.
    """
    if threads < 1:
        raise ValueError(f"`threads` must be at least 1, not {threads}")
    policies = _policies(plan)
    outlet = None if claim is None else (claim.write_part, PART_ROWS)
    f64s, u64s = list(plan.f64_arrays), list(plan.u64_arrays)
    try:
        raw = _core.simulate(plan.json, f64s, u64s, threads, progress, policies, outlet)
    except SimulationError as error:
        raise _with_plan(error, plan) from error
    info = raw.info()
    failure = raw.failure()
    if failure is not None and not isinstance(failure, (KeyboardInterrupt, PolicyError)):
        raise failure
    # It imports polars, which takes 35 MiB: that comes when the engine has given its memory back.
    from hookean.result.collect import collect  # noqa: PLC0415 (see above)

    result = collect(plan, raw, info, streamed=claim is not None)
    if claim is not None:
        result = result.publish(claim)
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


def _policies(plan: Plan) -> tuple[Decide, DecideNodes] | None:
    if not plan.policies:
        return None
    from hookean.policies.runner import Runner  # noqa: PLC0415 (only scenarios with policies in Python need it)

    runner = Runner(plan.policies, plan.document)
    return runner.decide, runner.decide_nodes
