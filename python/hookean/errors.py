"""Exceptions: what failed, where, and how to mend it.

Every exception prints as one sentence, then, after a blank line, `hint: …`. A missing file stays `FileNotFoundError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookean.result import RunResult


class HookeanError(Exception):
    """Base of every error that hookean raises on purpose.

    Args:
        message: What failed, in one sentence: lower case, no final period, values in backticks.
        where: File, line and column, or the dotted path of a field; may be empty.
        hint: What to do about it; may be empty.
    """

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        head = f"{self.message} in {self.where}" if self.where else self.message
        return f"{head}\n\nhint: {self.hint}" if self.hint else head


class ScenarioError(HookeanError, ValueError):
    """A scenario that cannot be simulated as written."""


class TraceError(HookeanError, ValueError):
    """A trace or request table that cannot be read."""


class ResultError(HookeanError, ValueError):
    """A result folder that cannot be written, or read back."""


class PolicyError(HookeanError):
    """A scaling policy that failed or broke its contract.

    What the policy itself raised is the `__cause__`. When it ended a simulation, `partial` holds what was simulated
    until then, marked partial.
    """

    partial: RunResult | None = None


class SimulationError(HookeanError, RuntimeError):
    """The engine broke one of its own promises: our bug. The message says which and how to report it."""


class SimulationInterrupted(HookeanError, KeyboardInterrupt):  # noqa: N818 - an interruption is no error
    """Ctrl-C during a simulation; `partial` holds what was simulated until then."""

    def __init__(self, partial: RunResult) -> None:
        super().__init__("simulation interrupted", hint="the partial result is in the exception's `partial`")
        self.partial = partial
