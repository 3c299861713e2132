"""What a model gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Outcome:
    """Result of one simulation.

    Attributes:
        waits: Waits of the requests, seconds; empty where they are not kept.
        figures: Other figures by name: `replicas_mean` (ready replicas averaged over time) of an autoscaled day;
            `instances` and `running` (averaged over time) and `cold_ratio` of a function.
        limited: Counts the decisions that the scale-up limit of the HPA changed; asked for after the clock has stopped.
        wait_mean: Mean wait, seconds, where `waits` are not kept; `None` where the job has none.
        completed: Requests completed, where `waits` are not kept.
        source: What the module's `served` needs.
    """

    waits: Sequence[float] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    limited: Callable[[], int] = int
    wait_mean: float | None = None
    completed: int | None = None
    source: Any = None
