"""What came out of a vector file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

How = Literal["simulated", "replayed", "computed", "not covered"]


@dataclass(frozen=True)
class Failure:
    """A case that did not come out as expected.

    Attributes:
        case: Id of the case in its file, or the name of the file when it could not be run at all.
        expected: What the file wants.
        got: What came out.
    """

    case: str
    expected: str
    got: str


@dataclass(frozen=True)
class Comparison:
    """One figure of a case beside its reference.

    Attributes:
        case: Id of the case.
        key: Name of the figure in the vector file.
        reference: Its value there.
        how: `simulated` (interval over batches), `replayed` (deterministic input, error bound), `computed` (by a closed
            form of `hookean.analysis`) or `not covered`.
        value: What came out; None when not covered.
        half_width: Of the interval, or the error bound; 0 when computed, None when not covered.
        passed: Whether value and reference agree; None when not covered.
        note: Why it failed or is not covered; empty otherwise.
    """

    case: str
    key: str
    reference: float
    how: How
    value: float | None
    half_width: float | None
    passed: bool | None
    note: str = ""


@dataclass(frozen=True)
class FileReport:
    """What became of one vector file.

    Attributes:
        path: The file.
        kind: Schema that somebody claims, or None when nobody does.
        passed: Cases that came out as expected.
        failed: Cases that did not.
        failures: What differed in the latter.
        comparisons: Every figure beside its reference, for kinds that simulate; else empty.
        requests: Requests that were simulated for it.
    """

    path: Path
    kind: str | None
    passed: int
    failed: int
    failures: tuple[Failure, ...]
    comparisons: tuple[Comparison, ...] = ()
    requests: int = 0
