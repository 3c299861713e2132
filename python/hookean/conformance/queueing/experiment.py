"""What a case asks for: systems to simulate, and where each expected figure is found."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from .readings import Readings
    from .system import System

    Column = Callable[[Readings], NDArray[np.float64]]
    Combine = Callable[[NDArray[np.float64]], float]

RELATIVE = 0.04
"""Largest half-width of an interval, relative to the reference: some four standard errors, each below 1 %."""

RELATIVE_SECOND = 0.06
"""The same for variances, second moments and phases."""

PROBABILITY_FLOOR = 0.002
"""Largest half-width of the interval of a probability, if that is more than `RELATIVE` allows."""

RAREST = 1e-4
"""Probabilities whose reference is below this are not covered: 10^5 readings may well miss so rare an event."""


@dataclass(frozen=True)
class Case:
    """A case of a vector file.

    Attributes:
        id: Its id.
        model: The model in words.
        params: Parameters of the model.
        expected: Reference values.
    """

    id: str
    model: str
    params: Mapping[str, Any]
    expected: Mapping[str, float]


@dataclass(frozen=True)
class Metric:
    """How a figure is read from runs.

    Attributes:
        columns: System and what is read from each of its runs, one value for each batch.
        combine: Makes the figure of the means of the columns; None takes the only one.
        relative: Largest half-width relative to the reference.
        floor: Largest half-width, if that is more.
        rarest: A reference below this is not covered.
    """

    columns: tuple[tuple[str, Column], ...]
    combine: Combine | None = None
    relative: float = RELATIVE
    floor: float = 0.0
    rarest: float = 0.0

    def of(self, means: NDArray[np.float64]) -> float:
        """Makes the figure of means."""
        return float(means[0]) if self.combine is None else self.combine(means)

    def width_max(self, reference: float) -> float:
        """Largest half-width that still says something."""
        return max(self.relative * abs(reference), self.floor)


@dataclass(frozen=True)
class Experiment:
    """What to do for a case. Each expected figure is in exactly one of the last four.

    Attributes:
        systems: What to simulate, by name.
        metrics: Figures read from the runs.
        computed: Figures that are formulas, from the library's closed forms.
        replayed: Figures of deterministic input, with a bound of the error of making it discrete.
        uncovered: Figures that are not checked, with the reason.
    """

    systems: Mapping[str, System] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    computed: Mapping[str, float] = field(default_factory=dict)
    replayed: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    uncovered: Mapping[str, str] = field(default_factory=dict)

    def asked(self, keys: Collection[str]) -> Experiment:
        """Returns it without the figures that nobody asks for, and the systems that only they need."""
        metrics = {key: metric for key, metric in self.metrics.items() if key in keys}
        read = {name for metric in metrics.values() for name, _ in metric.columns}
        return replace(
            self, metrics=metrics, systems={name: system for name, system in self.systems.items() if name in read}
        )


@dataclass(frozen=True)
class NotExpressible:
    """A model that no scenario says.

    Attributes:
        reason: What is missing.
    """

    reason: str
