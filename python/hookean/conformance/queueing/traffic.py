"""How requests arrive: the `workload` of a scenario for each kind of stream that the cases need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Sampler = Callable[[np.random.Generator, int], NDArray[np.float64]]


class Traffic(Protocol):
    """A stream of requests."""

    @property
    def rate(self) -> float:
        """Mean requests per second."""

    def workload(self, horizon_ns: int, *, seed: int, folder: Path) -> dict[str, Any]:
        """Returns the source of a workload that lasts until `horizon_ns`.

        Args:
            horizon_ns: End of simulated time.
            seed: Root of the random numbers that are drawn here rather than by the engine.
            folder: Where a request table may be written.
        """


@dataclass(frozen=True)
class Poisson:
    """Poisson arrivals, drawn by the engine.

    Attributes:
        rate: Requests per second.
    """

    rate: float

    def workload(self, horizon_ns: int, *, seed: int, folder: Path) -> dict[str, Any]:
        """See `Traffic.workload`."""
        del seed, folder
        return {"rate": f"{self.rate:.10f}/s", "duration": f"{horizon_ns}ns"}


@dataclass(frozen=True)
class Periodic:
    """Requests at equal distances, the first after half of one.

    Attributes:
        period_ns: The distance.
    """

    period_ns: int

    @property
    def rate(self) -> float:
        """See `Traffic.rate`."""
        return 1e9 / self.period_ns

    def workload(self, horizon_ns: int, *, seed: int, folder: Path) -> dict[str, Any]:
        """See `Traffic.workload`."""
        del seed
        times = np.arange(self.period_ns // 2, horizon_ns, self.period_ns, dtype=np.int64)
        return write_table(pl.DataFrame({"time": times}), folder / "periodic.parquet")


@dataclass(frozen=True)
class Cycle:
    """Poisson arrivals, drawn by the engine, whose rate repeats itself.

    Attributes:
        counts: Expected requests in each bin of a cycle.
        bin_ns: Width of a bin.
        start_ns: When the first cycle begins.
    """

    counts: tuple[float, ...]
    bin_ns: int
    start_ns: int = 0

    @property
    def cycle_ns(self) -> int:
        """Length of a cycle."""
        return len(self.counts) * self.bin_ns

    @property
    def rate(self) -> float:
        """See `Traffic.rate`."""
        return sum(self.counts) / self.cycle_ns * 1e9

    def workload(self, horizon_ns: int, *, seed: int, folder: Path) -> dict[str, Any]:
        """See `Traffic.workload`."""
        del seed, folder
        return {
            "counts": list(self.counts),
            "step": f"{self.bin_ns}ns",
            "start": f"{self.start_ns}ns",
            "repeat": -(-horizon_ns // self.cycle_ns),
        }


@dataclass(frozen=True)
class Drawn:
    """Poisson arrivals whose work has a law that the engine has no sampler for: a request table, drawn here.

    Attributes:
        rate: Requests per second.
        work_s: Draws the work of requests in seconds.
    """

    rate: float
    work_s: Sampler

    def workload(self, horizon_ns: int, *, seed: int, folder: Path) -> dict[str, Any]:
        """See `Traffic.workload`."""
        random = np.random.Generator(np.random.PCG64(seed))
        count = int(random.poisson(self.rate * horizon_ns * 1e-9))
        table = pl.DataFrame(
            {
                "time": np.sort(random.integers(0, horizon_ns, count)),
                "work": np.rint(self.work_s(random, count) * 1e9).astype(np.int64),
            }
        )
        return write_table(table, folder / f"{seed}.parquet")


def write_table(table: pl.DataFrame, path: Path) -> dict[str, Any]:
    """Writes a request table and returns the source of the workload that replays it.

    Args:
        table: Columns `time` and `work` in nanoseconds.
        path: Where it goes.
    """
    table.select(pl.all().cast(pl.Duration("ns"))).write_parquet(path, compression="uncompressed")
    return {"requests": str(path)}
