"""Puts the page together."""

from __future__ import annotations

from html import escape
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from plotly.offline import get_plotlyjs

from hookean.analysis import wording
from hookean.report.figures_section import figures_section
from hookean.report.foundations import bill_section, failed_checks, foundations_section, weak_note
from hookean.report.nodes import nodes_section
from hookean.report.summary import cards, comparison_section, headline_section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookean.analysis import ResultLike


def render_page(results: Mapping[str, ResultLike]) -> str:
    """Returns the report as one HTML document.

    Args:
        results: Results by contender name; at least one.
    """
    return Template(_asset("page.html")).substitute(
        title=escape(_title(results)),
        css=_asset("report.css"),
        plotly=get_plotlyjs(),
        js=_asset("report.js"),
        facts=escape(_facts(results)),
        banners=_banners(results),
        headline=headline_section(results),
        cards=cards(results),
        weak=weak_note(results),
        comparison=comparison_section(results),
        figures=figures_section(results) + nodes_section(results),
        bill=bill_section(results),
        foundations=foundations_section(results),
    )


def _asset(name: str) -> str:
    return resources.files("hookean.report").joinpath(name).read_text(encoding="utf-8")


def _title(results: Mapping[str, ResultLike]) -> str:
    scenarios = {str(result.manifest["name"]) for result in results.values()}
    if len(results) == 1:
        return next(iter(results))
    return scenarios.pop() if len(scenarios) == 1 else f"{len(results)} contenders compared"


def _facts(results: Mapping[str, ResultLike]) -> str:
    """Returns length, traffic, seed and version in one line."""
    lengths = dict.fromkeys(wording.nanos(result.manifest["simulated_ns"]) for result in results.values())
    sums = [result.summary.select("arrivals", "retries").sum().row(0) for result in results.values()]
    arrivals = dict.fromkeys(int(all_attempts - retries) for all_attempts, retries in sums)
    seeds = dict.fromkeys(str(result.manifest["seed"]) for result in results.values())
    versions = dict.fromkeys(str(result.manifest["hookean_version"]) for result in results.values())
    traffic = " / ".join(wording.count(count) for count in arrivals)
    requests = (
        f"{traffic} requests{' each' if len(results) > 1 else ''}" if any(arrivals) else "no requests (fluid load)"
    )
    seed = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}"
    return " · ".join((f"{' / '.join(lengths)} simulated", requests, seed, f"hookean {', '.join(versions)}"))


def _banners(results: Mapping[str, ResultLike]) -> str:
    """Returns what has to be read before any number."""
    texts = [
        f"A conservation check failed, so these figures cannot be trusted: {check}. This is a bug in hookean."
        for check in failed_checks(results)
    ]
    return "".join(f'<p class="banner" role="alert">{escape(text)}</p>\n' for text in texts)
