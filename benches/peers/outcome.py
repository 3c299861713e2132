"""What a model gives back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """Result of one simulation.

    Attributes:
        waits: Waits of the requests, seconds; hookean keeps none, only their mean.
        replicas_mean: Ready replicas averaged over time; `None` where they are fixed.
        limited: Decisions that the scale-up limit of the HPA changed.
        wait_mean: Mean wait, seconds, where `waits` are not kept.
        completed: Requests completed, where `waits` are not kept.
    """

    waits: list[float]
    replicas_mean: float | None = None
    limited: int = 0
    wait_mean: float | None = None
    completed: int | None = None
