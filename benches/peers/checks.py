"""The answers, checked before any time is shown: the same job must have the same answer in every tool."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from intervals import CONFIDENCE, difference, interval
from jobs import JOBS, Day, Queue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cases import Case
    from samples import Sample

REPLICAS_TOLERANCE = 0.02

FUNCTION_FIGURES = {"instances": 1, "running": 1, "cold_ratio": 8}
"""Figures of S10, and how much wider than the others their interval may be: cold starts are rare."""


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
    job, peers = JOBS[case.job](case.requests), case.tools[1:]
    for tool in case.tools:
        yield _counts(case, samples[tool], inside=2 * job.servers if isinstance(job, Queue) else 100)
    if isinstance(job, Queue):
        for tool in case.tools:
            again = samples[tool].runs[0]["recursion"] is not None
            yield (_recursion if again else _erlang)(case, job, samples[tool])
    elif isinstance(job, Day):
        for tool in case.tools:
            yield _unlimited(case, samples[tool])
        for tool in peers:
            yield _waits(case, samples[tool], samples["hookean"])
            yield _replicas(case, samples[tool], samples["hookean"])
    else:
        for tool in peers:
            for name, sharper in FUNCTION_FIGURES.items():
                yield _figure(case, name, case.width_max * sharper, (samples[tool], samples["hookean"]))


def _counts(case: Case, sample: Sample, *, inside: int) -> Check:
    """A Poisson count is within 5 standard deviations of its mean but for one in two million; some are still inside."""
    slack = 5 * math.sqrt(case.requests) + inside
    worst = max((run["requests"] for run in sample.timed), key=lambda count: abs(count - case.requests))
    passed = abs(worst - case.requests) <= slack
    return Check(
        passed, f"{case.name} {sample.tool}: requests within {slack:,.0f} of {case.requests:,} (worst {worst:,})"
    )


def _recursion(case: Case, job: Queue, sample: Sample) -> Check:
    """Every single wait is what the recursion says for the same draws, and their means are right."""
    found = [run["recursion"] for run in sample.runs]
    worst, slack = max(each["worst_s"] for each in found), 5 / math.sqrt(case.requests)
    means = [each["gap_s"] * job.rate for each in found] + [each["service_s"] / job.service_s for each in found]
    off = max(abs(mean - 1) for mean in means)
    text = (
        f"{case.name} {sample.tool}: all waits are those of the Kiefer-Wolfowitz recursion on its own draws (largest"
        f" difference {worst:.1e} s), whose means are within {off:.2%} of the right ones; at most {slack:.2%}"
    )
    return Check(worst < 1e-6 and off <= slack, text)


def _erlang(case: Case, job: Queue, sample: Sample) -> Check:
    exact, found = job.erlang_c_wait(), interval(sample.waits)
    width = found.half_width / exact
    text = (
        f"{case.name} {sample.tool}: mean wait {found.mean:.4g} s +- {width:.1%} ({CONFIDENCE:.1%}, {len(sample.waits)} means)"
        f" against Erlang C {exact:.4g} s; half-width at most {case.width_max:.0%}"
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
    own, other = fmean(sample.figures("replicas_mean")), fmean(reference.figures("replicas_mean"))
    text = f"{case.name} {sample.tool}: mean replicas {own:.3f} against hookean {other:.3f}, {own / other - 1:+.2%}"
    return Check(abs(own / other - 1) <= REPLICAS_TOLERANCE, f"{text}; at most {REPLICAS_TOLERANCE:.0%}")


def _figure(case: Case, name: str, width_max: float, samples: tuple[Sample, Sample]) -> Check:
    sample, reference = samples
    apart, mean = difference(sample.figures(name), reference.figures(name)), fmean(reference.figures(name))
    width = apart.half_width / mean
    text = (
        f"{case.name} {sample.tool}: {name} {mean + apart.mean:.5g} ({len(sample.runs)} runs) against hookean {mean:.5g}"
        f" ({len(reference.runs)} runs), {apart.mean / mean:+.1%} +- {width:.1%} ({CONFIDENCE:.1%});"
        f" half-width at most {width_max:.0%}"
    )
    return Check(apart.holds(0) and width <= width_max, text)


def _unlimited(case: Case, sample: Sample) -> Check:
    limited = sum(run["limited"] for run in sample.runs)
    text = f"{case.name} {sample.tool}: the HPA's scale-up limit acted in {limited} of all decisions"
    return Check(limited == 0, text)
