"""What `run`, `compare` and `demo` share: contenders, places for their output, and the simulation in between."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from hookean.analysis import approximate, comparison, headline, unfinished, wording
from hookean.cli.notices import say, say_warning
from hookean.cli.progress import progress_bar
from hookean.errors import PolicyError, ResultError, ScenarioError, SimulationInterrupted
from hookean.report import write_report
from hookean.result import ResultFolder
from hookean.scenario import load_scenario
from hookean.simulation import plan_of, simulate_plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from hookean.plan import Plan
    from hookean.result import RunResult


@dataclass(frozen=True)
class Contender:
    """A scenario that is ready to run.

    Attributes:
        name: Name in tables and folders.
        plan: Its plan.
    """

    name: str
    plan: Plan


def read_contenders(files: Sequence[Path], overrides: Iterable[str] = (), *, saved: bool = False) -> list[Contender]:
    """Reads and checks scenario files; their names, or failing that their file names, tell them apart.

    Args:
        files: Scenario files.
        overrides: Changes to all of them.
        saved: Whether their results are saved, so that rows need not fit in memory.

    Raises:
        FileNotFoundError: If a scenario file or a trace does not exist.
        ScenarioError: If a scenario cannot be simulated as written, or two cannot be told apart.
        TraceError: If a trace cannot be read.
    """
    changes = list(overrides)
    scenarios = [load_scenario(file, changes) for file in files]
    names = [scenario.name for scenario in scenarios]
    if len(set(names)) < len(names):
        names = [file.stem for file in files]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ScenarioError(f"two scenarios are called `{twice}`", hint="give each its own `name`")
    plans = [plan_of(scenario, streamed=saved) for scenario in scenarios]
    contenders = [Contender(name, plan) for name, plan in zip(names, plans, strict=True)]
    _say_warnings(contenders)
    return contenders


def _say_warnings(contenders: Sequence[Contender]) -> None:
    """Says each warning once, with the contenders it is about unless it is about all."""
    about: dict[str, list[str]] = {}
    for contender in contenders:
        for warning in contender.plan.warnings:
            about.setdefault(warning, []).append(contender.name)
    for warning, names in about.items():
        say_warning(warning if len(names) == len(contenders) else f"{', '.join(names)}: {warning}")


class Outputs:
    """Places for results and a report, checked before anything is simulated.

    Use it as a context manager.

    Args:
        folders: A result folder for each contender that is saved.
        report: File of the report, if one is wanted.
        force: Whether what is there may be replaced.
    """

    def __init__(self, folders: Mapping[str, Path], report: Path | None, *, force: bool) -> None:
        self._folders = folders
        self._report = report
        self._force = force
        self._claims: dict[str, ResultFolder] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for name, folder in self._folders.items():
                self._claims[name] = stack.enter_context(ResultFolder(folder, overwrite=self._force))
            if self._report is not None:
                check_report_place(self._report, force=self._force)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def claim(self, name: str) -> ResultFolder | None:
        """Returns the claim on a contender's folder, if it has one.

        Args:
            name: The contender.
        """
        return self._claims.get(name)

    def say_saved(self, name: str, result: RunResult) -> None:
        """Says where a contender's result is, if it has a folder.

        Args:
            name: The contender.
            result: Its result.
        """
        if name in self._claims:
            say(f"result: {self._folders[name]}{' (partial)' if result.partial else ''}")

    def report(self, results: Mapping[str, RunResult]) -> None:
        """Writes the report, if one is wanted and there is anything to report.

        Args:
            results: Results by contender.

        Raises:
            ResultError: If it cannot be written.
        """
        if self._report is not None and results:
            write_report(results, self._report)
            say(f"report: {self._report}")


def check_report_place(path: Path, *, force: bool) -> None:
    """Checks that a report can be written.

    Args:
        path: The file.
        force: Whether it may be replaced.

    Raises:
        ResultError: If it cannot, or must not.
    """
    if path.suffix.lower() not in {".html", ".htm"}:
        raise ResultError(f"a report is an HTML file, not `{path}`", hint="give it a name that ends in `.html`")
    if path.is_dir():
        raise ResultError(f"cannot write the report: `{path}` is a folder")
    if path.exists() and not force:
        raise ResultError(f"`{path}` already exists", hint="`--force` replaces it")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ResultError(
            f"cannot write the report to `{path}`: {(error.strerror or str(error)).lower()}",
            hint="its folder must exist and be writable",
        ) from error


def run_all(contenders: Sequence[Contender], outputs: Outputs, *, threads: int) -> tuple[dict[str, RunResult], bool]:
    """Simulates contenders one after the other, saving each while it goes on; Ctrl-C ends it early.

    Args:
        contenders: What to simulate.
        outputs: Where results go.
        threads: Threads to use.

    Returns:
        Results by contender, the last one perhaps partial, and whether Ctrl-C ended it.

    Raises:
        PolicyError: If a policy failed; what was simulated until then is saved, marked partial.
        ResultError: If a result cannot be written.
        SimulationError: If the engine broke one of its own promises.
    """
    results: dict[str, RunResult] = {}
    interrupted = False
    for contender in contenders:
        try:
            results[contender.name] = _run_one(contender, outputs.claim(contender.name), threads)
        except SimulationInterrupted as stop:
            results[contender.name] = stop.partial
            interrupted = True
            _say_interrupted(stop.partial)
        except PolicyError as error:
            if error.partial is not None:
                outputs.say_saved(contender.name, error.partial)
            raise
        outputs.say_saved(contender.name, results[contender.name])
        if interrupted:
            break
    outputs.report(results)
    return results, interrupted


def say_headline(results: Mapping[str, RunResult]) -> None:
    """Says on stderr what the results amount to.

    Args:
        results: Results by contender.
    """
    for sentence in headline(results):
        say(sentence)


def say_caveats(results: Mapping[str, RunResult]) -> None:
    """Warns of approximate figures, and of services that ended with many requests inside.

    Args:
        results: Results by contender.
    """
    table = comparison(results)
    for sentence in [*approximate(table), *unfinished(table)]:
        say_warning(sentence)


def _run_one(contender: Contender, claim: ResultFolder | None, threads: int) -> RunResult:
    with progress_bar(contender.name, contender.plan.document["horizon_ns"]) as progress:
        return simulate_plan(contender.plan, threads=threads, progress=progress, claim=claim)


def _say_interrupted(partial: RunResult) -> None:
    if not partial.partial:
        say_warning("stopped by Ctrl-C when this run was done")
        return
    done, total = (wording.nanos(partial.manifest[key]) for key in ("simulated_ns", "horizon_ns"))
    say_warning(f"stopped by Ctrl-C at {done} of {total} simulated; what follows is partial")
