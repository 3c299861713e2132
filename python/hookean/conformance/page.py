"""The page of the documentation that shows every simulated figure beside its reference."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from hookean.conformance.queueing.check import COMPUTED_TOLERANCE, NEIGHBOURS_MAX
from hookean.conformance.queueing.experiment import PROBABILITY_FLOOR, RAREST, RELATIVE, RELATIVE_SECOND
from hookean.conformance.queueing.families.first_come import RARE_WAITS
from hookean.conformance.queueing.runner import ALPHA
from hookean.conformance.queueing.system import BATCH_RELAXATIONS, BATCH_REQUESTS, BATCHES, REQUESTS_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from hookean.conformance.report import Comparison, FileReport

_HEAD = f"""# Queueing theory

Written by `hookean conformance tests/conformance/queueing --table docs/validation/queueing.md`; do not edit. The
numbers are the same on every machine: seeds come from the names of case, system, stage and run. It takes five to ten
minutes on two cores.

Every case is turned into an ordinary scenario (one service, an ample cluster, a fixed number of replicas or one of the
controllers `thresholds` and `on-demand`), simulated by the same engine and read from the same result tables as any
other, and compared with an exact value of queueing theory.

- **Interval.** {BATCHES} batches over two or more runs; a warm-up is cut off, and a batch lasts at least
  {BATCH_RELAXATIONS:.0f} relaxation times of the system and {BATCH_REQUESTS:,} requests on average. Variances, ratios
  and phases are jackknifed over the batches. Neighbouring batches may not correlate by more than {NEIGHBOURS_MAX}.
- **Confidence.** Together the intervals of one case miss a true value by chance with a probability of at most
  {ALPHA:.1%}: with `m` simulated figures each has confidence `1 - {ALPHA}/m` (Bonferroni). With some hundred cases one
  chance failure is to be expected in about ten sets of seeds. Seeds were never chosen.
- **Width.** A half-width above {RELATIVE:.0%} of the reference fails the case ({RELATIVE_SECOND:.0%} for variances,
  second moments and lags; {PROBABILITY_FLOOR} for probabilities, half the distance from the objective for the tails of
  dimensioning). Probabilities below {RAREST:g} by their reference are not covered; where the opposite is as rare and
  was seen in no batch, the half-width is {RAREST:g}: batches that are all alike have no interval of their own.
- **Length.** A pilot says how long the runs must be and is then forgotten; the runs that are judged have other seeds.
  Some {REQUESTS_MAX / 1e9:.0f} billion requests are the most that a system gets.
- **computed** figures are formulas, not simulations: the library's closed form agrees to {COMPUTED_TOLERANCE:g}. So are
  the second moments of the wait under the heaviest service laws, whose simulation would need some 10^12 requests,
  Erlang's probabilities below {RAREST:g}, and in M/M/c what is said of waits where fewer than {RARE_WAITS:.0%} wait.
- **replayed** figures have deterministic input; the column *half-width* is the bound of the error of making a fluid
  discrete.
- **not covered** figures do not count. A case that is not expressed as a scenario counts as failed.
"""


def write_page(reports: Iterable[FileReport], path: Path) -> None:
    """Writes the page.

    Args:
        reports: What came out; files without simulated figures are left out.
        path: Where it goes.

    Raises:
        OSError: If the file cannot be written.
    """
    shown = [report for report in reports if report.comparisons]
    passed, failed = (sum(getattr(report, name) for report in shown) for name in ("passed", "failed"))
    requests = sum(report.requests for report in shown)
    total = f"**{passed} cases passed, {failed} failed**, {requests / 1e9:.1f} billion requests.\n"
    path.write_text("\n".join([_HEAD, total, *_overview(shown), *_tables(shown)]) + "\n", encoding="utf-8")


def _overview(reports: Sequence[FileReport]) -> Iterator[str]:
    yield "| file | passed | failed | figures simulated | computed | replayed | not covered |"
    yield "| --- | --: | --: | --: | --: | --: | --: |"
    for report in reports:
        ways = [row.how for row in report.comparisons]
        counts = " | ".join(str(ways.count(way)) for way in ("simulated", "computed", "replayed", "not covered"))
        yield f"| {report.path.name} | {report.passed} | {report.failed} | {counts} |"


def _tables(reports: Sequence[FileReport]) -> Iterator[str]:
    for report in reports:
        yield f"\n## {report.path.name}\n"
        failures = {failure.case for failure in report.failures}
        rows = [row for row in report.comparisons if not _inexpressible(row, failures)]
        if rows:
            yield "| case | figure | reference | simulated | half-width | verdict |"
            yield "| --- | --- | --: | --: | --: | --- |"
            yield from map(_row, rows)
        yield from _reasons(row for row in report.comparisons if _inexpressible(row, failures))


def _inexpressible(row: Comparison, failures: set[str]) -> bool:
    return row.passed is None and row.case in failures


def _reasons(rows: Iterable[Comparison]) -> Iterator[str]:
    """Lists cases that are not expressed as scenarios, with their reason."""
    cases = dict.fromkeys((row.note, row.case) for row in rows)
    for reason, group in groupby(cases, key=lambda case: case[0]):
        names = ", ".join(f"`{case}`" for _, case in group)
        yield f"\nNot expressed, counted as failed: {names}. Reason: {reason}.\n"


def _row(row: Comparison) -> str:
    value = "" if row.value is None else f"{row.value:.6g}"
    width = "" if row.half_width is None or row.how == "computed" else f"{row.half_width:.2g}"
    return f"| {row.case} | {row.key} | {row.reference:.6g} | {value} | {width} | {_verdict(row)} |"


def _verdict(row: Comparison) -> str:
    if row.passed is False:
        return f"**fails**: {row.note}"
    if row.how == "simulated":
        return "holds"
    return f"{row.how}: {row.note}" if row.note else row.how
