"""Command line of the fit: reads recorded counts, writes a profile, prints how well it fits."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hookean.errors import HookeanError
from hookean.traces.fit.fitting import FITS, fit_profile
from hookean.traces.loader import load_trace
from hookean.traces.profile import write_profile


def main(arguments: list[str] | None = None) -> int:
    """Fits one trace of the catalogue; returns the exit code (0 done, 2 bad input)."""
    parser = argparse.ArgumentParser(
        prog="python -m hookean.traces.fit", description="Fit a profile to recorded counts"
    )
    parser.add_argument("name", choices=sorted(FITS), help="entry of the catalogue")
    parser.add_argument("--input", type=Path, required=True, help="recorded counts per minute")
    parser.add_argument("--output", type=Path, required=True, help="profile to write (.json)")
    options = parser.parse_args(arguments)
    try:
        series = load_trace(options.input)
        profile = fit_profile(series, name=options.name)
        write_profile(profile, options.output)
    except (HookeanError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for statistic, pair in profile.fit["statistics"].items():
        sys.stdout.write(f"{statistic:14} source {pair['source']:>12.6g}   profile {pair['profile']:>12.6g}\n")
    sys.stdout.write(f"{profile.fit['parameters']} parameters, {len(profile.crowds)} crowds: {options.output}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
