"""Counts the instructions of the hot kernels and compares them with the recorded counts.

    python benches/instructions/run.py [--record] [KERNEL...]

Instructions do not depend on what else the machine does, so a change of a few per cent shows. Needs valgrind; the counts
belong to one compiler and one architecture, which are recorded with them. Exit code 1 when a kernel needs more than
3 % more instructions than recorded.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

RECORD = Path(__file__).with_name("recorded.json")
KERNELS = (
    "central_fifo_10",
    "central_fifo_1000",
    "fifo_random_100",
    "sharing_random_100",
    "sharing_least_outstanding_100",
    "autoscaled_day",
)
WORSE = 1.03


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kernels", nargs="*", default=KERNELS, metavar="KERNEL", help=f"of {', '.join(KERNELS)}")
    parser.add_argument("--record", action="store_true", help=f"write the counts to {RECORD.name}")
    options = parser.parse_args()
    if unknown := sorted(set(options.kernels) - set(KERNELS)):
        parser.error(f"no such kernel: {', '.join(unknown)}; there are {', '.join(KERNELS)}")
    if shutil.which("valgrind") is None:
        print("error: valgrind is not installed (Debian: apt install valgrind)", file=sys.stderr)
        return 2
    binary = _binary()
    counts = {kernel: _count(binary, kernel) for kernel in options.kernels}
    recorded: dict[str, Any] = json.loads(RECORD.read_text()) if RECORD.exists() else {"instructions": {}}
    here = {"compiler": _output("rustc", "--version").strip(), "machine": platform.machine()}
    worse = _show(counts, recorded["instructions"])
    if options.record:
        instructions = recorded["instructions"] | counts
        RECORD.write_text(json.dumps(here | {"instructions": instructions}, indent=1) + "\n")
        return 0
    if {key: recorded.get(key) for key in here} != here:
        print(f"note: recorded with {recorded.get('compiler')} on {recorded.get('machine')}: not comparable")
        return 0
    return int(worse)


def _binary() -> Path:
    """Compiles the bench and returns where it is."""
    command = ("cargo", "bench", "--locked", "-p", "hookean-sim", "--bench", "instructions", "--no-run")
    messages = _output(*command, "--message-format=json").splitlines()
    built = (json.loads(line) for line in messages)
    return Path(next(m["executable"] for m in built if m.get("target", {}).get("name") == "instructions"))


def _count(binary: Path, kernel: str) -> int:
    command = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(binary), kernel)
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 (our own bench)
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    if found is None:
        message = f"valgrind said nothing of instructions:\n{done.stderr}"
        raise RuntimeError(message)
    return int(found[1])


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 (fixed commands)


def _show(counts: dict[str, int], recorded: dict[str, int]) -> bool:
    """Prints a line for each kernel; returns whether one has become worse."""
    worse = False
    for kernel, count in counts.items():
        before = recorded.get(kernel)
        ratio = count / before if before else None
        worse |= ratio is not None and ratio > WORSE
        print(f"{kernel:32} {count:>14,}  " + (f"x {ratio:.3f} of recorded" if ratio else "not recorded"))
    return worse


if __name__ == "__main__":
    sys.exit(main())
