"""What a simulation returns: tables and a manifest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Self

from hookean.result.frames import LazyFrames
from hookean.result.saved import read_folder, saved_frames
from hookean.result.store import ResultFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import polars as pl


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RunResult:
    """One simulation's outcome. The columns of every frame are documented in `hookean.result.columns`.

    Attributes:
        frames: The frames by table name; `requests` only when the scenario keeps some, `classes` only when
            a service has some, `latencies` only when the scenario asks for it, `end_to_end` and `critical_path`
            only when services call each other, `resizes` only when the scenario has some.
        make_manifest: Makes the manifest; called when somebody first asks for it.
    """

    frames: Mapping[str, pl.DataFrame]
    make_manifest: Callable[[], dict[str, Any]]

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What was run, by which version, and what the numbers rest on.

        Its keys are `MANIFEST_KEYS` of `hookean.result.store`.
        """
        return self.make_manifest()

    @property
    def summary(self) -> pl.DataFrame:
        """One row per service."""
        return self.frames["summary"]

    @property
    def series(self) -> pl.DataFrame:
        """One row per service and interval of the scenario's series step."""
        return self.frames["series"]

    @property
    def decisions(self) -> pl.DataFrame:
        """One row per decision of a controller, with inputs and reason."""
        return self.frames["decisions"]

    @property
    def replicas(self) -> pl.DataFrame:
        """One row per replica, with its start-up stages."""
        return self.frames["replicas"]

    @property
    def nodes(self) -> pl.DataFrame:
        """One row per node, with its bill."""
        return self.frames["nodes"]

    @property
    def faults(self) -> pl.DataFrame:
        """One row per fault that struck."""
        return self.frames["faults"]

    @property
    def resizes(self) -> pl.DataFrame | None:
        """One row per instant at which replicas of a service were resized; None when the scenario has no resizes."""
        return self.frames.get("resizes")

    @property
    def requests(self) -> pl.DataFrame | None:
        """One row per kept request; None when the scenario keeps none."""
        return self.frames.get("requests")

    @property
    def classes(self) -> pl.DataFrame | None:
        """One row per service and class of requests; None when no service has classes."""
        return self.frames.get("classes")

    @property
    def latencies(self) -> pl.DataFrame | None:
        """One row per service and bucket of its histogram of latencies; None unless `record.latencies` asks for it."""
        return self.frames.get("latencies")

    @property
    def end_to_end(self) -> pl.DataFrame | None:
        """One row per service at the head of trees of calls; None when no service calls another."""
        return self.frames.get("end_to_end")

    @property
    def critical_path(self) -> pl.DataFrame | None:
        """One row per service at the head and service on its critical paths; None when no service calls another."""
        return self.frames.get("critical_path")

    def scan(self, table: str) -> pl.LazyFrame:
        """Returns a table to be filtered or aggregated. One that is saved is read only as far as that needs.

        Args:
            table: Its name, as in `hookean.result.TABLES`.

        Raises:
            KeyError: If the result has no such table.
            ResultError: If it was saved, and is there no longer.
        """
        return self.frames.scan(table) if isinstance(self.frames, LazyFrames) else self.frames[table].lazy()

    @property
    def name(self) -> str:
        """Name of the scenario."""
        return str(self.manifest["name"])

    @property
    def partial(self) -> bool:
        """Whether the run was stopped before its horizon."""
        return bool(self.manifest["partial"])

    @property
    def approximate(self) -> bool:
        """Whether any service was simulated in bins, so that its figures are approximate."""
        return bool((self.summary["fidelity"] != "exact").any())

    @property
    def digest(self) -> str:
        """Digest of everything that happened: equal for equal runs."""
        return str(self.manifest["result_digest"])

    @property
    def warnings(self) -> list[str]:
        """What the run wants its reader to know."""
        return list(self.manifest["warnings"])

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Saves the result as a folder of Parquet files and a manifest.

        Args:
            folder: Where to; created with its parents. Files that are no part of a result are left alone.
            overwrite: Whether a result that is already there may be replaced.

        Raises:
            ResultError: If the folder cannot be written or must not be replaced.
        """
        with ResultFolder(folder, overwrite=overwrite) as claim:
            self.publish(claim)

    def publish(self, claim: ResultFolder) -> Self:
        """Saves the result into a folder that was claimed before the simulation.

        Args:
            claim: An entered claim. Tables of which it has written parts are not among the frames of this result.

        Returns:
            The result as it is saved: its tables are read from the folder when they are asked for.

        Raises:
            ResultError: If something cannot be written, or could not while the run went on.
        """
        entries = claim.publish(self.frames, self.manifest)
        return replace(self, frames=saved_frames(claim.path, entries, check=False))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Loads a saved result and checks it: manifest, checksums, columns, row counts.

        A table is read when it is first asked for, and then as a whole; `scan` reads only what is needed of it. The
        folder has to stay as it is until then.

        Args:
            folder: A folder that `save` wrote.

        Raises:
            FileNotFoundError: If there is no such folder.
            ResultError: If it is incomplete, damaged, or of another result schema.
        """
        manifest, frames = read_folder(folder)
        return cls(frames=frames, make_manifest=partial(dict, manifest))

    def __repr__(self) -> str:
        simulated = timedelta(microseconds=self.manifest["simulated_ns"] // 1000)
        partial = (", approximate" if self.approximate else "") + (", partial" if self.partial else "")
        return (
            f"RunResult({self.name!r}: {self.summary.height} services, {self.summary['arrivals'].sum()} requests, "
            f"{simulated} simulated{partial})"
        )
