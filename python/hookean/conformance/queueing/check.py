"""Checking the cases of a file, and the verdict on each figure."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from hookean.conformance.report import Comparison, Failure, FileReport
from hookean.errors import HookeanError

from .experiment import Case, Experiment, NotExpressible
from .families.table import experiment_of
from .runner import Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from .experiment import Metric
    from .intervals import Estimate

SCHEMA = "queueing-reference/1"
"""The schema of vector files that are checked here."""

COMPUTED_TOLERANCE = 1e-12
"""Relative tolerance of closed forms."""

_KINDS = {str: "text", dict: "table"}

NEIGHBOURS_MAX = 0.6
"""Largest correlation of neighbouring batches: four standard deviations (1/sqrt(40)) of independent ones."""


def check_cases(
    path: Path, document: Mapping[str, Any], *, on_case: Callable[[str], object] | None = None
) -> FileReport:
    """Simulates every case of a vector file.

    Args:
        path: The file.
        document: Its content.
        on_case: Called with the id of each case before it runs.

    Returns:
        A case passes when every figure that it expects agrees, but for those that are not covered, and when at least
        one does. A case that no scenario expresses fails.
    """
    runner = Runner(os.cpu_count() or 1)
    comparisons: list[Comparison] = []
    failures: list[Failure] = []
    cases = document.get("cases")
    if not isinstance(cases, list) or not cases:
        return FileReport(path, SCHEMA, 0, 1, (Failure(path.name, "a list of `cases`", "none"),))
    for written in cases:
        case = _read(written)
        if isinstance(case, Failure):
            failures.append(case)
            continue
        if on_case is not None:
            on_case(case.id)
        rows, failure = _check(case, runner)
        comparisons += rows
        failures += [] if failure is None else [failure]
    passed = len(cases) - len(failures)
    return FileReport(path, SCHEMA, passed, len(failures), tuple(failures), tuple(comparisons), runner.requests)


def _read(written: Any) -> Case | Failure:
    fields = ("id", "model", "params", "expected")
    if not isinstance(written, dict) or any(name not in written for name in fields):
        name = str(written.get("id", "?")) if isinstance(written, dict) else "?"
        return Failure(name, "`id`, `model`, `params` and `expected`", "a case that lacks one")
    case = Case(*(written[name] for name in fields))
    for field, kind in (("id", str), ("model", str), ("params", dict), ("expected", dict)):
        if not isinstance(getattr(case, field), kind):
            return Failure(str(case.id), f"`{field}` to be a {_KINDS[kind]}", repr(getattr(case, field)))
    if not case.expected:
        return Failure(case.id, "figures in `expected`", "none")
    for key, reference in case.expected.items():
        if not _is_finite(reference):
            return Failure(case.id, f"`{key}` to be a finite number", repr(reference))
    return case


def _is_finite(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _check(case: Case, runner: Runner) -> tuple[list[Comparison], Failure | None]:
    try:
        experiment = experiment_of(case)
        if isinstance(experiment, NotExpressible):
            return _not_covered(case, experiment.reason), Failure(
                case.id, "a simulation", f"not expressible: {experiment.reason}"
            )
        found = runner.estimates(case, experiment.asked(case.expected))
    except Exception as error:  # noqa: BLE001 (a case that breaks is a case that fails; the others are still to be checked)
        reason = _in_words(error)
        return _not_covered(case, reason), Failure(case.id, "a simulation", reason)
    rows = [_compare(case, key, experiment, found) for key in case.expected]
    bad = [row for row in rows if row.passed is False]
    if bad or not any(row.passed for row in rows):
        worst = bad[0] if bad else rows[0]
        more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
        return rows, Failure(case.id, f"{worst.key} = {worst.reference:.6g}", f"{worst.note}{more}")
    return rows, None


def _in_words(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"the case lacks `{error.args[0]}`"
    if isinstance(error, (LookupError, ValueError, HookeanError)):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _not_covered(case: Case, reason: str) -> list[Comparison]:
    return [
        Comparison(case.id, key, reference, "not covered", None, None, None, reason)
        for key, reference in case.expected.items()
    ]


def _compare(case: Case, key: str, experiment: Experiment, found: Mapping[str, Estimate]) -> Comparison:
    reference = float(case.expected[key])
    if key in experiment.metrics:
        metric = experiment.metrics[key]
        if abs(reference) >= metric.rarest:
            return _simulated(case.id, key, reference, metric, found[key])
        rare = f"rarer than {metric.rarest:g}: not seen often enough in runs of this length"
        return Comparison(case.id, key, reference, "not covered", None, None, None, rare)
    if key in experiment.computed:
        value = experiment.computed[key]
        agrees = abs(value - reference) <= COMPUTED_TOLERANCE * abs(reference)
        note = "" if agrees else f"the closed form gives {value!r}"
        return Comparison(case.id, key, reference, "computed", value, 0.0, agrees, note)
    if key in experiment.replayed:
        value, error = experiment.replayed[key]
        agrees = abs(value - reference) <= error
        note = "" if agrees else f"{value:.6g}, which may be {error:.2g} off"
        return Comparison(case.id, key, reference, "replayed", value, error, agrees, note)
    reason = experiment.uncovered.get(key)
    if reason is None:
        return Comparison(case.id, key, reference, "not covered", None, None, False, f"nothing measures `{key}`")
    return Comparison(case.id, key, reference, "not covered", None, None, None, reason)


def _simulated(case: str, key: str, reference: float, metric: Metric, found: Estimate) -> Comparison:
    note = ""
    half_width = found.half_width
    if half_width == 0.0 and abs(1.0 - reference) < metric.rarest:
        # What contradicts it was never seen: batches that are all alike have a point for an interval.
        half_width = metric.rarest
    interval = f"{found.value:.6g} +- {half_width:.2g}"
    if not abs(found.value - reference) <= half_width:  # nor when one of them is no number
        note = f"{interval} does not hold it"
    elif not half_width <= metric.width_max(reference):
        note = f"{interval} is too wide: at most {metric.width_max(reference):.2g}"
    elif abs(found.neighbours) > NEIGHBOURS_MAX:
        note = f"neighbouring batches correlate by {found.neighbours:.2f}: too short"
    return Comparison(case, key, reference, "simulated", found.value, half_width, not note, note)
