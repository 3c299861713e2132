"""The lists of `hookean list`, each as a frame with a row per entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from hookean.analysis import METRICS
from hookean.cli.table import name_and_text
from hookean.platforms import PRESETS, instances, preset
from hookean.policies import CONTROLLERS
from hookean.policies.registry import installed, qualified_name, registered
from hookean.result import TABLES
from hookean.traces import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable

NO_VECTORS = "no conformance vectors"


def _controllers() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "name": entry.name,
                "summary": entry.summary,
                "platforms": ", ".join(entry.model.PLATFORMS),
                "specification": entry.specification,
                "vectors": entry.vectors,
            }
            for entry in CONTROLLERS
        ]
        + _policies(),
        schema_overrides={"vectors": pl.String},
    )


def _policies() -> list[dict[str, str | None]]:
    """Policies in Python that a scenario can call by name; those of installed packages are not imported for it."""
    found = {name: f"`{place}`, of an installed package" for name, place in installed().items()}
    found |= {name: f"`{qualified_name(cls)}`" for name, cls in registered().items()}
    return [
        {
            "name": f"python: {name}",
            "summary": f"A policy written in Python: `kind: python`, `policy: {name}`.",
            "platforms": "fleet, cluster",
            "specification": place,
            "vectors": None,
        }
        for name, place in sorted(found.items())
    ]


def _platforms() -> pl.DataFrame:
    presets = [preset(name) for name in PRESETS]
    return pl.DataFrame([{"name": one.name, "kind": one.kind, "summary": one.summary} for one in presets])


def _traces() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "name": entry.name,
                "kind": entry.kind,
                "title": entry.title,
                "summary": entry.summary,
                "origin": entry.origin,
                "source": entry.source,
                "licence": entry.licence,
            }
            for entry in catalogue().values()
        ]
    )


def _metrics() -> pl.DataFrame:
    return pl.DataFrame([{"name": m.name, "unit": m.unit, "better": m.better, "meaning": m.meaning} for m in METRICS])


def _columns() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "table": table,
                "name": column.name,
                "type": column.dtype,
                "unit": column.unit,
                "nullable": column.nullable,
                "meaning": column.meaning,
            }
            for table, columns in TABLES.items()
            for column in columns
        ]
    )


def _instances() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "name": one.name,
                "cpu": str(one.cpu),
                "memory": str(one.memory),
                "price": str(one.price),
                "source": one.source,
            }
            for one in instances().values()
        ]
    )


CATALOGUES: dict[str, Callable[[], pl.DataFrame]] = {
    "controllers": _controllers,
    "platforms": _platforms,
    "traces": _traces,
    "metrics": _metrics,
    "columns": _columns,
    "instances": _instances,
}
"""The lists by name."""

_TEXTS: dict[str, Callable[[dict[str, str]], tuple[str, str]]] = {
    "controllers": lambda row: (
        row["name"],
        f"{row['summary']}\n{row['platforms']}; after {row['specification']}; "
        + (f"conformance vectors `{row['vectors']}`" if row["vectors"] else NO_VECTORS),
    ),
    "platforms": lambda row: (row["name"], f"{row['summary']} ({row['kind']})"),
    "traces": lambda row: (row["name"], f"{row['title']} ({row['kind']}).\n{row['summary']}\n{row['source']}"),
    "metrics": lambda row: (row["name"], row["meaning"] + (f" [{row['unit']}]" if row["unit"] else "")),
    "columns": lambda row: (
        f"{row['table']}.{row['name']}",
        f"{row['meaning']} [{row['type']}{', ' + row['unit'] if row['unit'] else ''}]",
    ),
    "instances": lambda row: (row["name"], f"{row['cpu']} CPU, {row['memory']}, {row['price']}"),
}


def as_text(what: str, frame: pl.DataFrame) -> str:
    """Returns a list as lines of text.

    Args:
        what: Name in `CATALOGUES`.
        frame: What it returned.
    """
    return name_and_text([_TEXTS[what](row) for row in frame.iter_rows(named=True)])
