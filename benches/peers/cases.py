"""What is measured: which jobs at which sizes, how often by whom, and how sharp the checks have to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TOOLS = ("hookean", "simpy", "ciw", "salabim", "numba", "simfaas")
"""All tools, hookean first; the place of each is part of its seeds."""


@dataclass(frozen=True)
class Case:
    """A job at a size.

    Attributes:
        job: `s1`, `s1k` (S1 with a thousand servers), `s2` or `s10`.
        requests: Requests to expect.
        runs: Timed runs of each tool that takes part; each is a process of its own with a seed of its own.
        answers: Further runs of hookean, for its answer alone.
        width_max: Largest accepted half-width of the interval in a check, relative to the value it is about.
        answer_requests: Requests of those further runs, when they are longer.
    """

    job: str
    requests: int
    runs: Mapping[str, int] = field(hash=False)
    answers: int
    width_max: float
    answer_requests: int | None = None

    @property
    def name(self) -> str:
        """Name in messages."""
        return f"{self.job} {self.requests:,}"

    @property
    def tools(self) -> tuple[str, ...]:
        """Who takes part."""
        return tuple(tool for tool in TOOLS if tool in self.runs)


FULL = (
    Case("s1", 200_000, {"hookean": 15, "simpy": 3, "ciw": 3, "salabim": 2}, 100, 0.05),
    Case("s1", 1_000_000, {"hookean": 15, "simpy": 3, "ciw": 1}, 40, 0.05),
    Case("s1", 20_000_000, {"hookean": 7, "numba": 7}, 4, 0.05),
    Case("s1k", 200_000, {"hookean": 15, "simpy": 3, "ciw": 2, "salabim": 1}, 40, 0.15, 4_000_000),
    Case("s1k", 1_000_000, {"hookean": 15, "simpy": 2}, 40, 0.15, 4_000_000),
    Case("s1k", 20_000_000, {"hookean": 7, "numba": 7}, 20, 0.15),
    Case("s2", 100_000, {"hookean": 3, "salabim": 3}, 100, 0.30),
    Case("s2", 200_000, {"hookean": 15, "simpy": 8, "ciw": 8}, 100, 0.20),
    Case("s2", 1_000_000, {"hookean": 15, "simpy": 3, "ciw": 1}, 60, 0.25),
    Case("s10", 900_000, {"hookean": 7, "simfaas": 3}, 40, 0.05),
)
QUICK = (
    Case("s1", 100_000, {"hookean": 3, "simpy": 2, "ciw": 2, "salabim": 1}, 100, 0.05),
    Case("s1", 2_000_000, {"hookean": 3, "numba": 3}, 40, 0.10),
    Case("s1k", 50_000, {"hookean": 3, "simpy": 1, "ciw": 1}, 40, 0.15, 4_000_000),
    Case("s1k", 10_000_000, {"hookean": 3, "numba": 3}, 20, 0.20),
    Case("s2", 100_000, {"hookean": 3, "simpy": 3, "ciw": 3, "salabim": 2}, 100, 0.40),
    Case("s10", 90_000, {"hookean": 3, "simfaas": 2}, 40, 0.10),
)
