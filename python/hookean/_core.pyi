# The compiled engine. Callers use `hookean.simulate` and `hookean.conformance`; these names may change.

from collections.abc import Callable
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONTROLLERS", "ArrowTable", "RawResult", "__version__", "conformance", "git_revision", "simulate"]

CONTROLLERS: list[str]
__version__: str

def git_revision() -> str: ...
def conformance(name: str, text: str) -> bytes: ...
def simulate(
    plan: Callable[[], bytes],
    f64_arrays: list[NDArray[np.float64]],
    u64_arrays: list[NDArray[np.uint64]],
    threads: int,
    progress: Callable[[int, int], object] | None,
    policies: tuple[Callable[..., tuple[list[int], list[str | None] | None]], Callable[..., tuple[int, str | None]]]
    | None = None,
    outlet: tuple[Callable[[str, int, ArrowTable], object], int] | None = None,
) -> RawResult: ...

@final
class RawResult:
    def take_table(self, name: str) -> ArrowTable: ...
    def failure(self) -> BaseException | None: ...
    def info(self) -> dict[str, Any]: ...

@final
class ArrowTable:
    def nulls(self) -> list[tuple[str, int]]: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
