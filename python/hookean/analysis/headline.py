"""The result in a few plain sentences: who met the objective, and at what cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from hookean.analysis import wording
from hookean.analysis.comparison import comparison

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookean.analysis.protocol import ResultLike


@dataclass(frozen=True)
class _Contender:
    """What the headline needs to know of one contender.

    Attributes:
        name: Its name, in quotes.
        cost: Its bill in USD.
        met: Whether all its services met their objectives; None when that cannot be judged.
        shortfall: Target minus attainment of its worst service.
        share: Attainment of its worst service, in words.
    """

    name: str
    cost: float
    met: bool | None
    shortfall: float
    share: str


def headline(results: Mapping[str, ResultLike]) -> list[str]:
    """Sums results up.

    A contender meets its objectives when every service that has one meets it.

    Args:
        results: Results by contender name; at least one.

    Returns:
        Sentences, the most important first.
    """
    table = comparison(results)
    contenders = [_read(name, table.filter(pl.col("contender") == name)) for name in results]
    judged = _judge(contenders, table)
    money = _money(contenders, table)
    return [*_stopped(table), *judged, money, *approximate(table), *_unlike(results, table), *unfinished(table)]


_NOTHING_ENDED = "a service with an objective had no request that ended"
_UNFINISHED_SHARE = 0.01
"""Share of requests in the system at the end from which on the figures say too little about them."""


def _unlike(results: Mapping[str, ResultLike], table: pl.DataFrame) -> list[str]:
    """Says in which way contenders did not get the same, so that nobody takes chance for a difference."""
    if len(results) == 1 or table["partial"].any():
        return []
    services = {tuple(result.summary["service"].sort()) for result in results.values()}
    if len(services) > 1:
        return ["The contenders do not have the same services, so they cannot be compared in total."]
    if len({result.manifest["seed"] for result in results.values()}) > 1:
        return ["The contenders have different seeds and so different requests: part of their difference is chance."]
    requests = (pl.col("arrivals") - pl.col("retries")).n_unique()
    if (table.group_by("service").agg(requests=requests)["requests"] > 1).any():
        return ["The contenders did not get the same traffic, so they cannot be compared in total."]
    if len({result.manifest["simulated_ns"] for result in results.values()}) > 1:
        return ["The contenders were simulated for different lengths of time, so their costs cannot be compared."]
    return []


def unfinished(table: pl.DataFrame) -> list[str]:
    """Names contenders that ended with many requests inside, which no figure judges.

    Args:
        table: What `comparison` returns.

    Returns:
        A sentence for each contender with a service that has more than a hundredth of its requests inside.
    """
    rows = table.filter(pl.col("in_system") > _UNFINISHED_SHARE * pl.col("arrivals"), ~pl.col("partial"))
    sentences = []
    for (name,), part in rows.group_by("contender", maintain_order=True):
        inside, total = (wording.count(float(part[column].sum())) for column in ("in_system", "arrivals"))
        where = f"`{part['service'][0]}`" if part.height == 1 else f"{part.height} services"
        sentences.append(
            f"{_quoted(str(name))} ended with {inside} of the {total} requests of {where} waiting or in service, "
            "which count as neither good nor bad."
        )
    return sentences


def approximate(table: pl.DataFrame) -> list[str]:
    """Names contenders with services that were not simulated request by request.

    Args:
        table: What `comparison` returns.

    Returns:
        A sentence for each contender with a service in bins.
    """
    sentences = []
    for (name,), rows in table.group_by("contender", maintain_order=True):
        binned = rows.filter(pl.col("fidelity") != "exact")
        if binned.height:
            of = "all" if binned.height == rows.height else f"{binned.height} of"
            services = f"`{rows['service'][0]}` is" if rows.height == 1 else f"{of} {rows.height} services are"
            sentences.append(
                f"{_quoted(str(name))} is approximate: {services} simulated in numbers of requests per bin, "
                "with waits by formulas."
            )
    return sentences


def _stopped(table: pl.DataFrame) -> list[str]:
    partial = table.filter("partial")["contender"].unique(maintain_order=True).to_list()
    if not partial:
        return []
    were = "was" if len(partial) == 1 else "were"
    names = wording.listing(_quoted(name) for name in partial)
    return [f"{names} {were} stopped before the end: the figures cover only what was simulated."]


def _read(name: str, rows: pl.DataFrame) -> _Contender:
    judged = rows.filter(pl.col("slo_latency").is_not_null()).with_columns(
        gap=pl.col("slo_target_ratio") - pl.col("slo_attainment_ratio")
    )
    known = judged.filter(pl.col("gap").is_not_null()).sort("gap", "service", descending=[True, False])
    missed = not known["slo_met"].all()
    met = False if missed else None if known.height < judged.height or not judged.height else True
    share, shortfall = "", 0.0
    if known.height:
        worst = known.row(0, named=True)
        share = wording.attainment(worst["slo_attainment_ratio"], target=worst["slo_target_ratio"])
        share += f" in `{worst['service']}`, its worst of {judged.height} services" if judged.height > 1 else ""
        shortfall = float(worst["gap"])
    return _Contender(name=_quoted(name), cost=float(rows["cost_usd"].sum()), met=met, shortfall=shortfall, share=share)


def _quoted(name: str) -> str:
    return f"“{name}”"


def _objective(table: pl.DataFrame) -> str:
    """Names the objective, or says that there are several."""
    pairs = table.filter(pl.col("slo_latency").is_not_null()).select("slo_latency", "slo_target_ratio").unique()
    if pairs.height != 1:
        return "every objective"
    latency, target = pairs.row(0)
    return f"the objective of {wording.target_text(target)} of requests within {wording.duration(latency)}"


def _judge(contenders: list[_Contender], table: pl.DataFrame) -> list[str]:
    """Says who met the objective, who missed it, and who cannot be judged."""
    if table["slo_latency"].null_count() == table.height:
        return ["No service has a latency objective, so this result does not say which setup is good enough."]
    met = [one for one in contenders if one.met is True]
    missed = sorted((one for one in contenders if one.met is False), key=lambda one: one.shortfall)
    unknown = [one for one in contenders if one.met is None]
    sentences = _met_or_missed(met, missed, objective=_objective(table), alone=len(contenders) == 1)
    aimless = set(
        table.group_by("contender").agg(pl.col("slo_latency").is_null().all()).filter("slo_latency")["contender"]
    )
    for group, why in (
        ([one for one in unknown if one.name in map(_quoted, aimless)], "no service has an objective"),
        ([one for one in unknown if one.name not in map(_quoted, aimless)], _NOTHING_ENDED),
    ):
        if group:
            sentences.append(f"{_names(group)} cannot be judged: {why}.")
    return sentences


def _met_or_missed(met: list[_Contender], missed: list[_Contender], *, objective: str, alone: bool) -> list[str]:
    if not met and not missed:
        return []
    if not met:
        if alone:
            return [f"{_shares(missed)} missed {objective}."]
        return [f"No contender met {objective}. The closest is {_shares(missed[:1])}."]
    if missed:
        only = "Only " if len(met) == 1 else ""
        return [f"{only}{_shares(met)} met {objective}.", f"{_shares(missed)} missed it."]
    return [f"{_shares(met)} met {objective}."]


def _names(contenders: list[_Contender]) -> str:
    return wording.listing(one.name for one in contenders)


def _shares(contenders: list[_Contender]) -> str:
    return wording.listing(f"{one.name} ({one.share})" for one in contenders)


def _money(contenders: list[_Contender], table: pl.DataFrame) -> str:
    """Says what it cost, and who is the cheapest of those that are good enough."""
    if len(contenders) == 1:
        rate = table["cost_per_million_usd"][0] if table.height == 1 else None
        each = f" ({wording.usd(rate)} per million completed requests)" if rate is not None else ""
        return f"It costs {wording.usd(contenders[0].cost)}{each}."
    met = [one for one in contenders if one.met]
    best = min(met or contenders, key=lambda one: one.cost)
    others = [f"{one.name} costs {wording.usd(one.cost)}" for one in contenders if one is not best]
    if len({wording.usd(one.cost) for one in contenders}) == 1:
        return f"Each costs {wording.usd(best.cost)}."
    if len(met) == 1:
        return f"{best.name} costs {wording.usd(best.cost)}; {wording.listing(others)}."
    cheapest = "The cheapest that met it" if met else "The cheapest"
    return f"{cheapest} is {best.name} at {wording.usd(best.cost)}; {wording.listing(others)}."
