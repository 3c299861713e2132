"""The answers, checked before any time is shown: the same job must have the same answer in every tool."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cases import TOOLS
from intervals import CONFIDENCE, difference, interval
from jobs import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cases import Case
    from samples import Sample

REPLICAS_TOLERANCE = 0.02


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes:
        passed: Whether the answers agree.
        text: What was compared, with its numbers.
    """

    passed: bool
    text: str


def checks(case: Case, samples: dict[str, Sample]) -> Iterator[Check]:
    """Compares the answers of all tools on one case."""
    for tool in TOOLS:
        yield _counts(case, samples[tool])
    if case.job == "s1":
        for tool in TOOLS:
            yield _erlang(case, samples[tool])
        return
    for tool in TOOLS:
        yield _unlimited(case, samples[tool])
    for tool in TOOLS[1:]:
        yield _waits(case, samples[tool], samples["hookean"])
        yield _replicas(case, samples[tool], samples["hookean"])


def _counts(case: Case, sample: Sample) -> Check:
    """A Poisson count is within 5 standard deviations of its mean but for one in two million; some are still inside."""
    slack = 5 * math.sqrt(case.requests) + 100
    worst = max((run["requests"] for run in sample.runs), key=lambda count: abs(count - case.requests))
    passed = abs(worst - case.requests) <= slack
    return Check(
        passed, f"{case.name} {sample.tool}: requests within {slack:,.0f} of {case.requests:,} (worst {worst:,})"
    )


def _erlang(case: Case, sample: Sample) -> Check:
    exact, found = Queue(case.requests).erlang_c_wait(), interval(sample.waits)
    width = found.half_width / exact
    text = (
        f"{case.name} {sample.tool}: mean wait {found.mean:.5f} s +- {width:.1%} ({CONFIDENCE:.1%}, {len(sample.waits)} means)"
        f" against Erlang C {exact:.5f} s; half-width at most {case.width_max:.0%}"
    )
    return Check(found.holds(exact) and width <= case.width_max, text)


def _waits(case: Case, sample: Sample, reference: Sample) -> Check:
    apart = difference(sample.waits, reference.waits)
    width = apart.half_width / reference.wait_mean
    text = (
        f"{case.name} {sample.tool}: mean wait {sample.wait_mean * 1e3:.3f} ms ({len(sample.waits)} days) against hookean"
        f" {reference.wait_mean * 1e3:.3f} ms ({len(reference.waits)} days), {apart.mean / reference.wait_mean:+.1%}"
        f" +- {width:.1%} ({CONFIDENCE:.1%}); half-width at most {case.width_max:.0%}"
    )
    return Check(apart.holds(0) and width <= case.width_max, text)


def _replicas(case: Case, sample: Sample, reference: Sample) -> Check:
    own, other = sample.replicas_mean or math.nan, reference.replicas_mean or math.nan
    text = f"{case.name} {sample.tool}: mean replicas {own:.3f} against hookean {other:.3f}, {own / other - 1:+.2%}"
    return Check(abs(own / other - 1) <= REPLICAS_TOLERANCE, f"{text}; at most {REPLICAS_TOLERANCE:.0%}")


def _unlimited(case: Case, sample: Sample) -> Check:
    limited = sum(run["limited"] for run in sample.runs)
    text = f"{case.name} {sample.tool}: the HPA's scale-up limit acted in {limited} of all decisions"
    return Check(limited == 0, text)
