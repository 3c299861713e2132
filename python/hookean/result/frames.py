"""Frames: a result table must have exactly the columns that `columns.py` documents, in that order and type."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import polars as pl

from hookean.errors import SimulationError
from hookean.result.columns import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from hookean._core import ArrowTable

DTYPES: dict[str, pl.DataType] = {
    "duration": pl.Duration("ns"),
    "u32": pl.UInt32(),
    "u64": pl.UInt64(),
    "f64": pl.Float64(),
    "bool": pl.Boolean(),
    "str": pl.String(),
}
"""The polars type of each `Column.dtype`."""


class LazyFrames(Mapping[str, pl.DataFrame]):
    """Frames by table name, each made when it is first asked for: many callers look at one or two.

    Args:
        names: Names of the tables.
        make: Makes a table; called at most once for each.
        scan: Returns a table that is still on disk, if tables are.
    """

    def __init__(
        self,
        names: Sequence[str],
        make: Callable[[str], pl.DataFrame],
        *,
        scan: Callable[[str], pl.LazyFrame] | None = None,
    ) -> None:
        self._names = names
        self._make = make
        self._scan = scan
        self._made: dict[str, pl.DataFrame] = {}
        self._lock = Lock()

    def __getitem__(self, name: str) -> pl.DataFrame:
        with self._lock:
            if name in self._names and name not in self._made:
                self._made[name] = self._make(name)
            return self._made[name]

    def scan(self, name: str) -> pl.LazyFrame:
        """Returns a table to be filtered or aggregated; one on disk is not read as a whole.

        Args:
            name: Name of the table.

        Raises:
            KeyError: If there is no such table.
        """
        if self._scan is None or name in self._made or name not in self._names:
            return self[name].lazy()
        return self._scan(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


@cache
def schema_of(table: str) -> pl.Schema:
    """Returns the schema of a result table.

    Args:
        table: Name in `TABLES`.
    """
    return pl.Schema({column.name: DTYPES[column.dtype] for column in TABLES[table]})


def empty_frame(table: str) -> pl.DataFrame:
    """Returns a result table without rows.

    Args:
        table: Name in `TABLES`.
    """
    return pl.DataFrame(schema=schema_of(table))


def mismatch(table: str, frame: pl.DataFrame) -> str | None:
    """Says how a frame differs from the documented columns of its table; None when it does not.

    Args:
        table: Name in `TABLES`.
        frame: The frame to check.
    """
    wanted = schema_of(table)
    if frame.columns == wanted.names() and frame.dtypes == wanted.dtypes():
        return _unexpected_null(table, zip(frame.columns, frame.null_count().row(0), strict=True))
    found = frame.schema  # a property that polars computes anew at each access
    missing = [name for name in wanted if name not in found]
    unknown = [name for name in found if name not in wanted]
    if missing or unknown:
        parts = [f"lacks {_ticked(missing)}"] * bool(missing) + [f"has unknown {_ticked(unknown)}"] * bool(unknown)
        return f"table `{table}` " + " and ".join(parts)
    for name, dtype in wanted.items():
        if found[name] != dtype:
            return f"column `{table}.{name}` is `{found[name]}` instead of `{dtype}`"
    return f"the columns of table `{table}` are in another order"


def engine_frame(table: str, rows: ArrowTable) -> pl.DataFrame:
    """Returns a table of the engine as a frame.

    Args:
        table: Name in `TABLES`.
        rows: Its rows.

    Raises:
        SimulationError: If its columns are not as documented.
    """
    frame = pl.DataFrame(rows)
    problem = _unexpected_null(table, rows.nulls()) if table in _AS_DOCUMENTED else mismatch(table, frame)
    if problem is not None:
        raise SimulationError(f"the engine returned a table that is not as documented: {problem}")
    _AS_DOCUMENTED.add(table)
    return frame


_AS_DOCUMENTED: set[str] = set()
"""Tables of the engine whose columns have been compared: they are compiled in and stay as they are."""


def _unexpected_null(table: str, counts: Iterable[tuple[str, int]]) -> str | None:
    """Looks for nulls where there may be none; the columns are the documented ones."""
    for name, nulls in counts:
        if nulls and name not in _nullable(table):
            return f"column `{table}.{name}` has {nulls} nulls and may have none"
    return None


@cache
def _nullable(table: str) -> frozenset[str]:
    return frozenset(column.name for column in TABLES[table] if column.nullable)


def _ticked(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
