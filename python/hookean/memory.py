"""How much memory there is: what is longer, a trace or a simulation, is refused before it begins."""

from __future__ import annotations

import os
from pathlib import Path

from hookean.errors import TraceError

_MEMINFO = Path("/proc/meminfo")

SMALL_BYTES = 16 << 20
"""Not worth asking the machine for: hookean and polars take several times as much before anything is simulated."""


def available_memory_bytes() -> int:
    """Returns the memory that can be had without swapping: `MemAvailable` on Linux, else the physical memory."""
    if _MEMINFO.exists():
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def memory_short_of(needed_bytes: int) -> int | None:
    """Returns the memory that is available if it is less than what is needed, else `None`.

    Args:
        needed_bytes: Estimate of what is needed; the machine is asked only if that is more than a little.
    """
    if needed_bytes <= SMALL_BYTES:
        return None
    available = available_memory_bytes()
    return available if available < needed_bytes else None


def require_memory(needed_bytes: int, *, path: Path, limit_bytes: int | None = None) -> None:
    """Checks that a file fits in memory before it is read.

    Args:
        needed_bytes: Estimate of the memory that reading needs.
        path: The file, for the message.
        limit_bytes: What may be used; `available_memory_bytes()` when `None`.

    Raises:
        TraceError: If it does not fit.
    """
    limit = available_memory_bytes() if limit_bytes is None else limit_bytes
    if needed_bytes > limit:
        raise TraceError(
            f"trace is longer than memory: it needs about {size_text(needed_bytes)}, {size_text(limit)} are available",
            where=f"`{path}`",
            hint="cut it into parts, count it into bins, or convert it to Parquet, which needs less memory to read",
        )


def size_text(count: int) -> str:
    """Writes bytes in the binary unit that fits."""
    for unit, power in (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if count >= 1 << power:
            return f"{count / (1 << power):,.1f} {unit}"
    return f"{count} B"
