"""Simulating an experiment: runs on as many threads as wanted, each on its own seed, in two stages.

A short pilot says how long the runs must be for intervals as narrow as wanted; its numbers are then forgotten and runs
of that length are made on other seeds, so the length does not depend on what they show. If an interval is still too
wide (a pilot cannot know a heavy tail) up to two more stages follow, each longer and on new seeds. Only the width asks
for them, never where an interval lies.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hookean.simulation import plan_of, simulate_plan

from .intervals import Estimate, estimate
from .readings import Readings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .experiment import Case, Column, Experiment, Metric
    from .system import Length, System

ALPHA = 0.001
"""Probability that any interval of a case misses its reference by chance: it is shared out evenly over its figures."""

_SAFETY = 1.7
"""How much longer than the last stage says: the width of an interval of 40 batches is itself known to some 11 %."""

_ROUNDS = 4

_PILOT = 1.0 / 3.0
"""Length of the batches of the pilot, in those that are judged at least: it only has to tell how they vary."""


class _Stopped(Exception):  # noqa: N818 (it is no error: Ctrl-C)
    """Ends a run of another thread."""


class Runner:
    """Simulates experiments.

    Attributes:
        requests: Requests that arrived in the batches of all runs so far.
    """

    def __init__(self, threads: int) -> None:
        """Prepares.

        Args:
            threads: How many runs at a time.
        """
        self.requests = 0
        self._threads = threads
        self._stop = threading.Event()

    def estimates(self, case: Case, experiment: Experiment) -> dict[str, Estimate]:
        """Returns the estimate of every simulated figure.

        Args:
            case: Whose references say how narrow the intervals have to be; its id is the root of all seeds.
            experiment: What to simulate.
        """
        factors = dict.fromkeys(experiment.systems, _PILOT)
        found: dict[str, Estimate] = {}
        for stage in range(_ROUNDS):
            found = self._stage(case, experiment, factors=factors, stage=stage)
            wanted = _wanted(case, experiment, found)
            if stage > 0 and all(need <= 1.0 for need in wanted.values()):
                break
            lengths = {name: system.length(factors[name]) for name, system in experiment.systems.items()}
            longer = {
                name: max(1.0, lengths[name].batch_ns * 1e-9 / system.least_s * wanted[name] * _SAFETY)
                for name, system in experiment.systems.items()
            }
            if all(system.length(longer[name]) == lengths[name] for name, system in experiment.systems.items()):
                break  # as long as may be
            factors = longer
        return found

    def _stage(
        self, case: Case, experiment: Experiment, *, factors: Mapping[str, float], stage: int
    ) -> dict[str, Estimate]:
        columns = {
            name: self._columns(f"{case.id}/{name}/{stage}", system, _read_from(name, experiment), factors[name])
            for name, system in experiment.systems.items()
        }
        alpha = ALPHA / max(1, len(experiment.metrics))
        found = {}
        for key, metric in experiment.metrics.items():
            table = np.column_stack([columns[system][column] for system, column in metric.columns])
            found[key] = estimate(table, metric.of, alpha=alpha)
        return found

    def _columns(
        self, label: str, system: System, columns: list[Column], factor: float
    ) -> dict[Column, NDArray[np.float64]]:
        """Runs a system and returns each column over the batches of all runs."""
        length = system.length(factor)
        with ThreadPoolExecutor(self._threads) as pool, tempfile.TemporaryDirectory() as folder:
            jobs = [
                pool.submit(self._run, system, length, _seed(f"{label}/{run}"), Path(folder), columns)
                for run in range(length.runs)
            ]
            try:
                runs = [job.result() for job in jobs]
            except BaseException:
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                raise
        self.requests += sum(requests for requests, _ in runs)
        return {column: np.concatenate([values[at] for _, values in runs]) for at, column in enumerate(columns)}

    def _run(
        self, system: System, length: Length, seed: int, folder: Path, columns: list[Column]
    ) -> tuple[int, list[NDArray[np.float64]]]:
        plan = plan_of(system.scenario(length, seed=seed, folder=folder))
        (folder / f"{seed}.parquet").unlink(missing_ok=True)
        readings = Readings(simulate_plan(plan, progress=self._go_on), length)
        if system.infinite and _ran_out(system, readings):
            raise ValueError("all servers were in use, so they do not stand for infinitely many")
        return readings.requests, [column(readings) for column in columns]

    def _go_on(self, _simulated_ns: int, _requests: int) -> None:
        """Ends a run when another has failed or Ctrl-C was pressed; only the main thread hears of that."""
        if self._stop.is_set():
            raise _Stopped


def _ran_out(system: System, readings: Readings) -> bool:
    """Tells whether infinitely many servers would have done something else."""
    if system.controller is None:
        return bool((readings.wait > 0).any())
    return bool(readings.state("in_system").max() >= system.replicas)


def _read_from(name: str, experiment: Experiment) -> list[Column]:
    """Returns what is read from one of the systems, each once."""
    every = [column for metric in experiment.metrics.values() for system, column in metric.columns if system == name]
    return list(dict.fromkeys(every))


def _wanted(case: Case, experiment: Experiment, found: Mapping[str, Estimate]) -> dict[str, float]:
    """Returns by which factor the runs of each system are too short, for the figure that needs most."""
    wanted = dict.fromkeys(experiment.systems, 0.0)
    for key, metric in experiment.metrics.items():
        need = _need(metric, found[key], float(case.expected[key]))
        for system, _ in metric.columns:
            wanted[system] = max(wanted[system], need)
    return wanted


def _need(metric: Metric, found: Estimate, reference: float) -> float:
    most = metric.width_max(reference)
    return (found.half_width / most) ** 2 if most > 0.0 else 0.0


def _seed(label: str) -> int:
    """Returns the seed of a run: it comes from the names of case, system, stage and run, and from nothing else."""
    return int.from_bytes(hashlib.sha256(label.encode()).digest()[:8], "big")
