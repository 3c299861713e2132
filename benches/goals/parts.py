"""The parts of the measurement: each a driver of its own, in a process of its own, with a line or a file of JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class PartError(Exception):
    """A part failed; the text is what it wrote."""


@dataclass(frozen=True)
class Part:
    """One part.

    Attributes:
        name: Its name.
        command: What to run, and the same quickly.
        quick: The same, within a minute or two.
        file: Where it writes JSON, below the root; `None` when that is the last line of its output.
    """

    name: str
    command: tuple[str, ...]
    quick: tuple[str, ...]
    file: str | None = None

    def measure(self, *, quick: bool) -> Any:
        """Runs it and returns what it measured.

        Raises:
            PartError: It failed.
        """
        command = self.quick if quick else self.command
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 (our own)
        if done.returncode != 0:
            raise PartError(f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stdout}")
        return json.loads((ROOT / self.file).read_text() if self.file else done.stdout.splitlines()[-1])


def parts(peer_python: str | None) -> tuple[Part, ...]:
    """Returns all parts in their order; without an interpreter for the peers, those are left out."""
    peers = () if peer_python is None else (_peers(peer_python),)
    floor = ("cargo", "bench", "--locked", "--quiet", "-p", "hookean-sim", "--bench", "floor", "--")
    return (
        *peers,
        Part("floor", (*floor, "15"), (*floor, "3")),
        _site("site, 1 thread", "--threads", "1", hours=("24", "1")),
        _site("site, 2 threads", "--threads", "2", hours=("24", "1")),
        _site("site, lazy", hours=("0.2", "0.05")),
        _site("site, event list", "--engine", "reference", hours=("0.2", "0.05")),
        _bench("memory", "memory.py", (), ("--quick", "5")),
        _bench("policies", "policies.py", ("--rounds", "7"), ("--rounds", "3", "--hours", "0.2")),
        _bench("binned", "binned.py", (), ("--hours", "4", "--seeds", "1")),
        _bench(
            "binned, many",
            "binned.py",
            ("--measure-only", "--services", "100000"),
            ("--measure-only", "--services", "10000", "--hours", "6"),
        ),
        _bench("growth", "growth.py", (), ("--minutes", "1")),
    )


def _peers(peer_python: str) -> Part:
    file = "out/goals/peers-all.json"
    command = (sys.executable, "benches/peers/run.py", "--peer-python", peer_python, "--json", file)
    return Part("peers", command, (*command, "--quick"), file)


def _site(name: str, *more: str, hours: tuple[str, str]) -> Part:
    return _bench(name, "s3.py", ("--hours", hours[0], *more), ("--hours", hours[1], *more))


def _bench(name: str, script: str, whole: tuple[str, ...], quick: tuple[str, ...]) -> Part:
    command = (sys.executable, f"benches/{script}", "--json")
    return Part(name, (*command, *whole), (*command, *quick))
