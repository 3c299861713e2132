"""What the tests of the command line share: a small scenario, and ways to call the program."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("hookean._core", reason="the native module is not built (`make setup` builds it)")

from hookean.cli.app import run_program

SMALL = """\
name: small
seed: 7
workload: {service: web, rate: 20/s, duration: 10min}
services:
  web:
    work: {distribution: exponential, mean: 50ms}
    replica: {cpu: 1, memory: 512Mi}
    slo: {latency: 500ms, target: 0.95}
    replicas: 2
platform:
  preset: kubernetes-on-metal
controllers:
  - {kind: hpa, service: web, min: 2, max: 10, metrics: [{resource: cpu, utilization: 60}]}
"""

LONG = (
    SMALL.replace("name: small", "name: long")
    .replace("rate: 20/s, duration: 10min", "rate: 2000/s, duration: 900d")
    .replace("mean: 50ms", "mean: 2ms")
)


@dataclass(frozen=True)
class Outcome:
    """What one call of the program left: exit code and what it wrote."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """Calls the program inside this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = run_program([str(argument) for argument in arguments], debug=False)
        written = capsys.readouterr()
        return Outcome(code, written.out, written.err)

    return run


PROGRAM = [sys.executable, "-c", "from hookean.cli.app import main; main()"]


def start(*arguments, **options):
    """Starts the program as a process of its own, without colours in its environment."""
    environment = {**os.environ, "COLUMNS": "80", **options.pop("env", {})}
    return subprocess.Popen(  # noqa: S603
        [*PROGRAM, *map(str, arguments)],
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=options.pop("stderr", subprocess.PIPE),
        text=True,
        env=environment,
        **options,
    )


SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.fixture
def snapshot():
    """Compares a text with its stored snapshot; `HOOKEAN_SNAPSHOTS=write` stores it anew."""

    def check(name, text):
        path = SNAPSHOTS / f"{name}.txt"
        if os.environ.get("HOOKEAN_SNAPSHOTS") == "write":
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check
