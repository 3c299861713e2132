"""What a result rests on: assumptions first, then everything that is needed to judge or repeat it."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

import polars as pl

from hookean.analysis import approximate, comparison, wording
from hookean.report.tables import Shown, box, cell, frame_table, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookean.analysis import ResultLike

STATUSES = {
    "assumed": "Assumed: nobody measured these; change them and see what happens",
    "recalled": "Recalled: from memory, the source was not at hand",
    "fitted": "Fitted to data",
    "documented": "Documented by the vendor or project",
    "measured": "Measured and published",
    "user": "Given in the scenario",
}
"""Statuses of parameters in the order of the report, with their headings."""

MARKED = ("assumed", "recalled")
"""Statuses that weaken a result: listed first, open and marked."""

APPROXIMATIONS = (
    "The demand curve and the scores made from it come from a formula (pooled M/M/c), not from the simulation.",
    "Latency quantiles are read from a histogram, right to the width of a bucket. Counts of good requests are exact.",
)
"""What every report with requests approximates."""

BINNED = (
    "Requests and work are conserved exactly. Replica-hours were found within 1 %. Waits are "
    "rougher: within 10 % for one queue, but an overload of replicas with queues of their own looks milder than it is "
    "(in a check, mean latency 25 % and its p99 50 % too low), since replicas that come share the whole backlog."
)
"""What a simulation in bins is good for; `benches/binned.py` measures it."""


def provenance(results: Mapping[str, ResultLike]) -> pl.DataFrame:
    """Returns every parameter with its origin, those of the weakest origin first.

    Args:
        results: Results by contender name.

    Returns:
        `status`, `path`, `value`, `source`, `contenders` (`all`, or their names); equal entries are one row.
    """
    entries = [
        (str(entry["status"]), str(entry["path"]), _value(entry["value"]), str(entry["source"] or ""), name)
        for name, result in results.items()
        for entry in result.manifest["provenance"]
    ]
    key = ["status", "path", "value", "source"]
    frame = pl.DataFrame(entries, schema=dict.fromkeys([*key, "contender"], pl.String), orient="row")
    order = pl.col("status").replace_strict({status: at for at, status in enumerate(STATUSES)}, default=-1)
    joined = frame.group_by(key, maintain_order=True).agg(pl.col("contender").unique(maintain_order=True))
    names = pl.col("contender").list.join(", ")
    everybody = pl.col("contender").list.len() == len(results)
    return joined.sort(order, "path", "value").select(
        *key, contenders=pl.when(everybody).then(pl.lit("all")).otherwise(names.cast(pl.String))
    )


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def weak_note(results: Mapping[str, ResultLike]) -> str:
    """Returns a line for the top of the report that says how much of it is assumed or recalled."""
    counts = dict(provenance(results).group_by("status").len().iter_rows())
    weak = [f"{counts[status]} {status}" for status in MARKED if counts.get(status)]
    if not weak:
        return ""
    plural = "values" if sum(counts.get(status, 0) for status in MARKED) > 1 else "value"
    link = '<a href="#foundations">what this result rests on</a>'
    return f'<p class="note">Rests on {wording.listing(weak)} {plural}: {link}.</p>\n'


def foundations_section(results: Mapping[str, ResultLike]) -> str:
    """Returns the section "What this result rests on"."""
    return "".join(
        (
            _origins(results),
            "<h3>Approximations</h3>\n",
            f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in _approximations(results))}</ul>\n",
            _warnings(results),
            "<h3>Checks at the end of the run</h3>\n",
            _checks(results),
            "<h3>How to repeat it</h3>\n",
            _runs(results),
        )
    )


def _approximations(results: Mapping[str, ResultLike]) -> tuple[str, ...]:
    """Returns what is approximate, services in bins first."""
    binned = approximate(comparison(results))
    return (*(f"{sentence} {BINNED}" for sentence in binned), *APPROXIMATIONS)


def _origins(results: Mapping[str, ResultLike]) -> str:
    table = provenance(results)
    columns = [
        Shown("path", "parameter", numeric=False),
        Shown("value", "value", numeric=False),
        Shown("source", "source", numeric=False),
        Shown("contenders", "contenders", numeric=False),
    ]
    shown = columns if len(results) > 1 else columns[:-1]
    parts = []
    for (status,), rows in table.partition_by("status", as_dict=True, maintain_order=True).items():
        marked = status in MARKED or status not in STATUSES
        title = STATUSES.get(str(status), f"Status `{status}`")
        mark = '<span class="mark">!</span> ' if marked else ""
        parts.append(
            f'<details class="origin {"weak" if marked else ""}" data-print{" open" if marked else ""}>'
            f"<summary>{mark}{escape(title)} ({rows.height})</summary>\n{frame_table(rows, shown)}</details>\n"
        )
    return "".join(parts) or '<p class="note">The result carries no list of its parameters.</p>\n'


def _warnings(results: Mapping[str, ResultLike]) -> str:
    items = [(name, str(text)) for name, result in results.items() for text in result.manifest["warnings"]]
    if not items:
        return "<h3>Warnings</h3>\n<p>None.</p>\n"
    lines = "".join(f"<li><b>{escape(name)}</b>: {escape(text)}</li>" for name, text in items)
    return f"<h3>Warnings</h3>\n<ul>{lines}</ul>\n"


def failed_checks(results: Mapping[str, ResultLike]) -> list[str]:
    """Returns `contender: check (detail)` for every conservation check that did not pass."""
    return [
        f"{name}: {check['check']} ({check['detail']})"
        for name, result in results.items()
        for check in result.manifest["checks"]
        if not check["passed"]
    ]


def _checks(results: Mapping[str, ResultLike]) -> str:
    names = list(dict.fromkeys(str(check["check"]) for one in results.values() for check in one.manifest["checks"]))
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in results)
    lines = []
    for name in names:
        cells = "".join(_check_cell(result, name) for result in results.values())
        lines.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return box(f"<thead><tr><th></th>{heads}</tr></thead>\n<tbody>{''.join(lines)}</tbody>", kind="wrapped")


def _check_cell(result: ResultLike, name: str) -> str:
    found = [check for check in result.manifest["checks"] if check["check"] == name]
    if not found:
        return cell("not made")
    passed = all(check["passed"] for check in found)
    details = "; ".join(str(check["detail"]) for check in found if check["detail"])
    text = ("✓ passed" if passed else "✗ failed") + (f": {details}" if details else "")
    return cell(text, kind="" if passed else "bad")


def _runs(results: Mapping[str, ResultLike]) -> str:
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in results)
    facts = {name: _facts(result) for name, result in results.items()}
    titles = list(dict.fromkeys(title for one in facts.values() for title in one))
    lines = [
        f'<tr><th scope="row">{escape(title)}</th>'
        + "".join(
            cell(one[title], kind="code" if "digest" in title or "revision" in title else "") for one in facts.values()
        )
        + "</tr>"
        for title in titles
    ]
    return box(f"<thead><tr><th></th>{heads}</tr></thead>\n<tbody>{''.join(lines)}</tbody>", kind="wrapped")


def _scaled(controller: Mapping[str, str]) -> str:
    """What a controller scales."""
    return f"pool {controller['pool']}" if "pool" in controller else controller["service"]


def _facts(result: ResultLike) -> dict[str, str]:
    manifest = result.manifest
    controllers = "; ".join(
        f"{controller['kind']} on {_scaled(controller)}: {controller['text']}" for controller in manifest["controllers"]
    )
    return {
        "scenario": str(manifest["name"]),
        "platform": str(manifest["platform_text"]),
        "controllers": controllers or "none",
        "horizon": wording.nanos(manifest["horizon_ns"]),
        "simulated": wording.nanos(manifest["simulated_ns"]) + (" (stopped early)" if manifest["partial"] else ""),
        "requests": number(int(result.summary.select(pl.col("arrivals").sum() - pl.col("retries").sum()).item())),
        "seed": str(manifest["seed"]),
        "plan digest": str(manifest["plan_digest"]),
        "result digest": str(manifest["result_digest"]),
        "hookean version": str(manifest["hookean_version"]),
        "git revision": str(manifest["git_revision"] or "unknown"),
    }


def bill_section(results: Mapping[str, ResultLike]) -> str:
    """Returns the node bill of every contender by pool and instance type."""
    parts = [
        result.nodes.group_by("pool", "instance", maintain_order=True)
        .agg(
            nodes=pl.len(),
            node_hours=pl.col("billed").to_physical().sum() / 3600e9,
            cost_usd=pl.col("cost_usd").sum(),
        )
        .sort("pool", "instance")
        .select(pl.lit(name).alias("contender"), pl.all())
        for name, result in results.items()
    ]
    columns = [
        Shown("contender", "contender", numeric=False),
        Shown("pool", "pool", numeric=False),
        Shown("instance", "instance", numeric=False),
        Shown("nodes", "nodes bought", number),
        Shown("node_hours", "billed node hours", number),
        Shown("cost_usd", "cost", wording.usd),
    ]
    return frame_table(pl.concat(parts), columns)
