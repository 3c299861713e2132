"""Whether the processor has what the engine is compiled for (`.cargo/config.toml`).

That is asked before the engine is loaded, which can only crash on one that has not. Linux alone says so in a file.
Elsewhere the check of polars, which asks for the same, has to do.
"""

from __future__ import annotations

import warnings

NEEDED = ("abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe")
"""The features of x86-64-v3 beyond older processors, as Linux calls them (`abm` has `lzcnt`)."""

_FLAGS_MAX = 8192
"""The flags of the first processor stand within so many characters; with many processors the file is long."""


def missing(cpuinfo: str) -> tuple[str, ...]:
    """Returns what is needed and not among the flags of the first processor; nothing if there are none, as on ARM."""
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    flags = next((set(flags.split()) for name, _, flags in lines if name.strip() == "flags"), None)
    return () if flags is None else tuple(name for name in NEEDED if name not in flags)


def check(cpuinfo: str = "/proc/cpuinfo") -> None:
    """Warns when the engine will probably crash."""
    try:
        with open(cpuinfo, encoding="ascii", errors="replace") as lines:  # noqa: PTH123 (`import hookean` stays quick)
            lacking = missing(lines.read(_FLAGS_MAX))
    except OSError:
        return
    if lacking:
        warnings.warn(
            f"this processor lacks {', '.join(lacking)}, for which hookean is compiled: it will probably crash. "
            'Build it from its source for any processor: RUSTFLAGS="-Ctarget-cpu=x86-64" make build',
            RuntimeWarning,
            stacklevel=2,
        )
