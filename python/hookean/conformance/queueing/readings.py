"""What one run shows: its request log and its series without warm-up and tail, cut into batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hookean import RunResult

    from .system import Length

    Floats = NDArray[np.float64]

_NS = 1e-9

_SERIES = (
    "in_system",
    "waiting",
    "arrivals",
    "completed",
    "rejected",
    "cpu_cores",
    "desired",
    "ready",
    "starting",
)


class Readings:
    """One run, cut into batches. Every method returns one value for each batch.

    A request belongs to the batch in which it arrives, a reading of the state to the one in which it is taken. Means
    over requests come from the request log (all requests, or a sample chosen by the hash of their number), means over
    time from readings at equal distances, counts of requests from the series and of replicas from their table, which
    count every one.
    """

    def __init__(self, result: RunResult, length: Length) -> None:
        """Cuts a run.

        Args:
            result: What the run returned; it kept single requests.
            length: How it was to be cut.
        """
        self._length = length
        self._cut_requests(result.requests)
        self._cut_series(result.series)
        self._replicas = result.replicas.select(pl.col("created", "drained").to_physical())

    def _cut_requests(self, log: pl.DataFrame | None) -> None:
        if log is None:
            raise LookupError("a run of a conformance case kept no requests")
        length = self._length
        started = log.select(
            pl.col("arrival", "start", "end", "work").to_physical(),
        ).filter(
            pl.col("arrival") >= length.warmup_ns, pl.col("arrival") < length.end_ns, pl.col("start").is_not_null()
        )
        arrival = started["arrival"].to_numpy()
        self._edges = np.searchsorted(arrival, np.arange(length.batches + 1) * length.batch_ns + length.warmup_ns)
        self.wait = (started["start"].to_numpy() - arrival) * _NS
        self.work = started["work"].to_numpy() * _NS
        unfinished = started["end"].null_count()
        if unfinished:
            raise ValueError(f"{unfinished} requests of the last batch were still in the system at the end of the run")
        self.sojourn = (started["end"].to_numpy() - arrival) * _NS

    def _cut_series(self, series: pl.DataFrame) -> None:
        length = self._length
        first, per_batch = length.warmup_ns // length.step_ns, length.batch_ns // length.step_ns
        kept = series.slice(first, per_batch * length.batches)
        self._shape = (length.batches, per_batch)
        self._series = {name: kept[name].to_numpy() for name in _SERIES}

    @property
    def batch_s(self) -> float:
        """Length of a batch in seconds."""
        return self._length.batch_ns * _NS

    @property
    def requests(self) -> int:
        """Requests that arrived in the batches."""
        return int(self._series["arrivals"].sum())

    def state(self, name: str) -> Floats:
        """Returns the readings of a state column, one row for each batch (not one value)."""
        return self._series[name].reshape(self._shape).astype(np.float64)

    def over_time(self, name: str, function: Callable[[Floats], NDArray[Any]] | None = None) -> Floats:
        """Returns the mean over time of a state column, or of a function of it."""
        state = self.state(name)
        mean: Floats = (state if function is None else function(state)).mean(axis=1, dtype=np.float64)
        return mean

    def count(self, name: str) -> Floats:
        """Returns how many requests a count column has."""
        total: Floats = self.state(name).sum(axis=1)
        return total

    def replicas(self, moment: Literal["created", "drained"]) -> Floats:
        """Returns how many replicas were asked for (`created`), or told to stop once ready (`drained`)."""
        length = self._length
        batch = (self._replicas[moment].drop_nulls().to_numpy() - length.warmup_ns) // length.batch_ns
        inside = batch[(batch >= 0) & (batch < length.batches)]
        return np.bincount(inside, minlength=length.batches).astype(np.float64)

    def of_requests(self, values: Floats) -> Floats:
        """Returns the mean over requests of a figure that each request has."""
        return self._each(values, lambda batch: float(batch.mean(dtype=np.float64)))

    def share(self, chosen: NDArray[np.bool_]) -> Floats:
        """Returns the share of requests that are chosen."""
        return self._each(chosen, lambda batch: float(batch.mean(dtype=np.float64)))

    def quantile(self, values: Floats, share: float) -> Floats:
        """Returns a quantile of a figure that each request has."""
        return self._each(values, lambda batch: float(np.quantile(batch, share)))

    def near(self, size: float, width: float) -> Floats:
        """Returns the mean sojourn of requests with about so much work: of `sojourn / work`, times `size`.

        Args:
            size: Work in seconds.
            width: Greatest relative distance from it.
        """
        chosen = np.abs(self.work - size) <= width * size
        stretch = np.where(chosen, self.sojourn / np.where(chosen, self.work, 1.0), 0.0)
        return size * self.of_requests(stretch) / self.share(chosen)

    def _each(self, values: NDArray[Any], function: Callable[[NDArray[Any]], float]) -> Floats:
        pairs = zip(self._edges[:-1], self._edges[1:], strict=True)
        return np.array([function(values[begin:end]) for begin, end in pairs])
