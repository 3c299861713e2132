"""The long call into the engine: it lets other threads run, passes exceptions on, and stops within a second."""

from __future__ import annotations

import signal
import threading
import time

import pytest

import hookean
from hookean import Scenario
from hookean.errors import SimulationInterrupted

pytest.importorskip("hookean._core", reason="the native module is not built (`make build` builds it)")

LONG = """
seed: 1
workload: {service: web, rate: 800/s, duration: 30d}
services:
  web: {work: 1ms, replica: {cpu: 1, memory: 1Gi}, queue: {discipline: fifo}}
platform: {preset: kubernetes-on-metal, pools: [{name: metal, instance: aws/m5.metal, nodes: 1}]}
"""


@pytest.fixture
def long(tmp_path) -> Scenario:
    """A scenario of minutes of wall time."""
    path = tmp_path / "long.yaml"
    path.write_text(LONG, encoding="utf-8")
    return hookean.load_scenario(path)


def test_ctrl_c_stops_within_a_second_and_keeps_what_was_simulated(long: Scenario) -> None:
    pressed = []

    def press() -> None:
        pressed.append(time.monotonic())
        signal.raise_signal(signal.SIGINT)

    timer = threading.Timer(0.5, press)
    timer.start()
    with pytest.raises(SimulationInterrupted) as caught:
        hookean.simulate(long)
    assert time.monotonic() - pressed[0] < 1
    partial = caught.value.partial
    assert partial.summary["arrivals"].item() > 0
    assert partial.series["arrivals"].sum() == partial.summary["arrivals"].item()


def test_an_exception_of_the_progress_function_comes_out_unchanged(long: Scenario) -> None:
    error = LookupError("no such bar")

    def progress(_nanos: int, _requests: int) -> None:
        raise error

    with pytest.raises(LookupError) as caught:
        hookean.simulate(long, progress=progress)
    assert caught.value is error


def test_other_threads_run_during_a_simulation(long: Scenario) -> None:
    beats = []
    done = threading.Event()

    def count() -> None:
        while not done.wait(0.01):
            beats.append(1)

    def progress(_nanos: int, _requests: int) -> None:
        if len(beats) >= 20:
            raise KeyboardInterrupt

    other = threading.Thread(target=count)
    other.start()
    try:
        with pytest.raises(SimulationInterrupted):
            hookean.simulate(long, progress=progress)
    finally:
        done.set()
        other.join()
    assert len(beats) >= 20
