"""What is measured: which jobs at which sizes, how often by whom, and how sharp the checks have to be."""

from __future__ import annotations

from dataclasses import dataclass

TOOLS = ("hookean", "simpy", "ciw")


@dataclass(frozen=True)
class Case:
    """A job at a size.

    Attributes:
        job: `s1` or `s2`.
        requests: Requests to expect.
        runs: Timed runs of each tool of `TOOLS`; each is a process of its own with a seed of its own.
        answers: Further runs of hookean, for its answer alone.
        width_max: Largest accepted half-width of the interval in a check of waits, relative to the value it is about.
    """

    job: str
    requests: int
    runs: tuple[int, int, int]
    answers: int
    width_max: float

    @property
    def name(self) -> str:
        """Name in messages."""
        return f"{self.job} {self.requests:,}"


FULL = (
    Case("s1", 200_000, (7, 3, 3), 100, 0.15),
    Case("s1", 1_000_000, (7, 3, 1), 40, 0.10),
    Case("s2", 200_000, (7, 8, 8), 100, 0.20),
    Case("s2", 1_000_000, (7, 3, 1), 60, 0.25),
)
QUICK = (
    Case("s1", 100_000, (3, 2, 2), 100, 0.25),
    Case("s2", 100_000, (3, 3, 3), 100, 0.40),
)
