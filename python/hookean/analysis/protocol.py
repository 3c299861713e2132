"""What the analysis needs of a result: its tables and its manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl


class ResultLike(Protocol):
    """The reading side of `hookean.RunResult`; the columns are those of `hookean.result.columns`."""

    @property
    def summary(self) -> pl.DataFrame:
        """One row per service."""

    @property
    def series(self) -> pl.DataFrame:
        """One row per service and interval."""

    @property
    def decisions(self) -> pl.DataFrame:
        """One row per scaling decision."""

    @property
    def replicas(self) -> pl.DataFrame:
        """One row per replica."""

    @property
    def nodes(self) -> pl.DataFrame:
        """One row per node."""

    @property
    def requests(self) -> pl.DataFrame | None:
        """One row per recorded request; None when none were recorded."""

    @property
    def end_to_end(self) -> pl.DataFrame | None:
        """One row per service at the head of trees of calls; None without calls."""

    @property
    def critical_path(self) -> pl.DataFrame | None:
        """One row per service at the head and service on its critical paths; None without calls."""

    def scan(self, table: str) -> pl.LazyFrame:
        """Returns a table to be filtered or aggregated, which need not fit in memory.

        Args:
            table: Its name.
        """

    @property
    def manifest(self) -> Mapping[str, Any]:
        """Where the result comes from and what it rests on."""
