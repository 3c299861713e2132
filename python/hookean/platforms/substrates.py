"""The table of substrate figures (`data/substrates.toml`): values with their status and source."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast, get_args

from hookean.scenario.fields import Status
from hookean.scenario.provenance import Known

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATUSES = get_args(Status)
_NANOS = Decimal(10**9)


@dataclass(frozen=True)
class Figure:
    """One figure of the table.

    Attributes:
        value: The figure: a number exactly as written, a table, or a list.
        status: How well it is known.
        source: Where it was read.
    """

    value: Any
    status: Status
    source: str


@cache
def table() -> dict[str, Any]:
    """Returns the whole table; decimal numbers are `Decimal`, exactly as written."""
    text = files("hookean.platforms").joinpath("data/substrates.toml").read_text(encoding="utf-8")
    return tomllib.loads(text, parse_float=Decimal)


@cache
def figure(key: str, *, status: str | None = None) -> Figure:
    """Returns a figure.

    Args:
        key: Dotted path, such as `overhead.cpu.container`.
        status: Its status, where the table states one for several figures at once.

    Raises:
        LookupError: The key is unknown, or its table has no single status and none was given: a mistake in our data.
    """
    node: Any = table()
    nearest: Mapping[str, Any] = node
    for part in key.split("."):
        if part not in node:
            raise LookupError(f"no figure `{key}` in substrates.toml")
        node = node[part]
        nearest = node if isinstance(node, dict) and "status" in node else nearest
    known_status = status or nearest.get("status")
    if known_status not in _STATUSES:
        raise LookupError(f"the status of `{key}` must be given: the table says `{known_status}`")
    return Figure(node, cast("Status", known_status), f"{nearest['src']} [{key}]")


def stage(reference: Mapping[str, str]) -> Known:
    """Returns a start-up stage as a distribution with provenance.

    Args:
        reference: `key` of the distribution; optionally `sigma` (which key holds sigma), `status` and `note`.
    """
    found = figure(reference["key"], status=reference.get("status"))
    note = f"; {reference['note']}" if "note" in reference else ""
    if found.value["dist"] != "lognormal":
        raise LookupError(f"`{reference['key']}` is no lognormal")
    median = (found.value["mu"].exp() * _NANOS).to_integral_value()
    sigma = float(found.value[reference.get("sigma", "sigma")])
    return Known(
        {"distribution": "lognormal", "median_ns": int(median), "sigma": sigma},
        f"lognormal, median {median / _NANOS:.3g} s, sigma {sigma:.3g}",
        found.status,
        f"{found.source}{note}",
    )
