"""Rows that are written while a run goes on: the same as in memory, complete or visibly not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import hookean
from hookean import simulation
from hookean.errors import PolicyError, ResultError, SimulationInterrupted
from hookean.policies import policy, registry
from hookean.result import RunResult, store

pytest.importorskip("hookean._core", reason="the native module is not built (`make build` builds it)")

STREAMED = ("series", "decisions", "requests")


def scenario(*, requests="full", controller=None, duration="10min"):
    """Three services, one of which calls another; classes, clients in a closed loop, retries and time-outs."""
    controller = controller or {"kind": "hpa", "metrics": [{"resource": "cpu", "utilization": 60}], "sync_period": "1s"}
    retry = {"attempts": 3, "after": ["timed_out", "rejected"], "backoff": {"initial": "50ms"}}
    return hookean.Scenario.model_validate(
        {
            "name": "streamed",
            "seed": 5,
            "duration": duration,
            "record": {"requests": requests, "series": "2s"},
            "workload": [
                {"service": "shop", "rate": "6/s", "duration": duration, "retry": retry},
                {"service": "club", "clients": {"count": 9, "think": "2s"}},
            ],
            "services": {
                "shop": {
                    "work": {"distribution": "exponential", "mean": "150ms"},
                    "replica": {"cpu": 1, "memory": "1Gi", "concurrency": 2},
                    "queue": {"discipline": "fifo", "limit": 5, "timeout": "1s"},
                    "classes": {"gold": {"share": 0.2}, "rest": {"share": 0.8}},
                    "calls": [{"to": "stock", "probability": 0.5}],
                },
                "club": {"work": "50ms", "replica": {"cpu": 1, "memory": "1Gi"}, "replicas": 1},
                "stock": {"work": "20ms", "replica": {"cpu": 1, "memory": "1Gi"}, "replicas": 1},
            },
            "platform": {
                "preset": "kubernetes-on-metal",
                "pools": [{"name": "metal", "instance": "aws/m5.metal", "nodes": 1}],
            },
            "controllers": [controller | {"service": "shop", "min": 1, "max": 20}],
        }
    )


@pytest.fixture
def _small_parts(monkeypatch):
    """Parts of about so many rows."""
    monkeypatch.setattr(simulation, "PART_ROWS", 200)


def files(folder):
    return sorted(entry.name for entry in folder.iterdir())


def same_rows(one, other):
    """Whether two frames have the same rows, in any order."""
    return one.sort(one.columns).equals(other.sort(other.columns), null_equal=True)


@pytest.mark.parametrize("requests", ["full", {"sampled": 3}, "off"])
@pytest.mark.parametrize("part_rows", [1, 200, 1 << 17])
def test_a_saved_run_has_the_rows_of_one_in_memory(tmp_path, monkeypatch, requests, part_rows):
    monkeypatch.setattr(simulation, "PART_ROWS", part_rows)
    whole = hookean.simulate(scenario(requests=requests, duration="5min"))
    saved = hookean.simulate(scenario(requests=requests, duration="5min"), save_to=tmp_path / "r")
    loaded = RunResult.load(tmp_path / "r")
    assert saved.manifest == loaded.manifest == whole.manifest
    for result in (saved, loaded):
        assert list(result.frames) == list(whole.frames)
        for name, frame in whole.frames.items():
            found = result.frames[name]
            if name == "requests" and part_rows < 1 << 17:
                assert same_rows(found, frame)
            else:
                assert found.equals(frame, null_equal=True), name
    for name in STREAMED if requests != "off" else STREAMED[:2]:
        assert whole.frames[name].height > 0
        in_parts = whole.frames[name].height > part_rows
        assert (tmp_path / "r" / f"{name}.parquet").is_dir() is in_parts
    assert ".hookean-partial" not in files(tmp_path / "r")


@pytest.mark.usefixtures("_small_parts")
def test_other_readers_see_one_table_whether_it_has_parts_or_not(tmp_path):
    saved = hookean.simulate(scenario(), save_to=tmp_path / "r")
    assert len(files(tmp_path / "r" / "requests.parquet")) > 5
    for name, frame in saved.frames.items():
        assert pl.read_parquet(tmp_path / "r" / f"{name}.parquet").equals(frame, null_equal=True)


@pytest.mark.usefixtures("_small_parts")
def test_parts_are_the_same_for_any_number_of_threads(tmp_path):
    for threads in (1, 3):
        hookean.simulate(scenario(), save_to=tmp_path / str(threads), threads=threads)
    one, three = (RunResult.load(tmp_path / str(threads)) for threads in (1, 3))
    assert one.requests.equals(three.requests, null_equal=True)
    bytes_of = [
        {
            path.relative_to(tmp_path / str(threads)): path.read_bytes()
            for path in (tmp_path / str(threads)).rglob("*.parquet")
            if path.is_file()
        }
        for threads in (1, 3)
    ]
    assert bytes_of[0] == bytes_of[1]


@pytest.mark.usefixtures("_small_parts")
def test_loading_reads_no_table_and_a_scan_only_what_it_needs(tmp_path, monkeypatch):
    rows = hookean.simulate(scenario(), save_to=tmp_path / "r").requests.height
    monkeypatch.setattr("hookean.result.saved.SavedTable.read", None)
    loaded = RunResult.load(tmp_path / "r")
    late = loaded.scan("requests").filter(pl.col("outcome") == "completed").select(pl.len())
    assert 0 < late.collect().item() < rows
    with pytest.raises(KeyError):
        loaded.scan("classified")


def test_a_scan_of_a_result_in_memory_gives_the_same(tmp_path):
    whole = hookean.simulate(scenario())
    saved = hookean.simulate(scenario(), save_to=tmp_path / "r")
    for name in whole.frames:
        assert whole.scan(name).collect().equals(saved.scan(name).collect(), null_equal=True)


@pytest.mark.parametrize("how", ["replaced", "deleted"])
@pytest.mark.usefixtures("_small_parts")
def test_a_table_that_has_changed_since_is_not_read(tmp_path, how):
    saved = hookean.simulate(scenario(), save_to=tmp_path / "r")
    if how == "replaced":
        hookean.simulate(scenario(duration="9min"), save_to=tmp_path / "r", overwrite=True)
    else:
        next((tmp_path / "r" / "requests.parquet").iterdir()).unlink()
    with pytest.raises(ResultError, match="has been replaced" if how == "replaced" else "no longer"):
        _ = saved.requests


@pytest.mark.usefixtures("_small_parts")
def test_a_damaged_or_missing_part_is_found_when_loading(tmp_path):
    hookean.simulate(scenario(), save_to=tmp_path / "r")
    part = tmp_path / "r" / "requests.parquet" / "part-00003.parquet"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    with pytest.raises(ResultError, match=r"damaged.*part-00003.parquet"):
        RunResult.load(tmp_path / "r")
    part.unlink()
    with pytest.raises(ResultError, match="table `requests` is missing"):
        RunResult.load(tmp_path / "r")


def test_a_result_in_parts_is_replaced_by_one_without_and_the_other_way_round(tmp_path, monkeypatch):
    for part_rows in (200, 1 << 17, 200):
        monkeypatch.setattr(simulation, "PART_ROWS", part_rows)
        saved = hookean.simulate(scenario(), save_to=tmp_path / "r", overwrite=True)
        assert RunResult.load(tmp_path / "r").requests.equals(saved.requests, null_equal=True)
        assert (tmp_path / "r" / "requests.parquet").is_dir() is (part_rows == 200)


@pytest.mark.usefixtures("_small_parts")
def test_a_folder_with_something_else_in_place_of_parts_is_refused(tmp_path):
    hookean.simulate(scenario(), save_to=tmp_path / "r")
    (tmp_path / "r" / "requests.parquet" / "thesis.tex").write_text("mine")
    with pytest.raises(ResultError, match="holds no result"):
        hookean.simulate(scenario(), save_to=tmp_path / "r", overwrite=True)
    assert (tmp_path / "r" / "requests.parquet" / "thesis.tex").exists()


@pytest.mark.usefixtures("_small_parts")
def test_compare_saves_each_contender_in_a_folder_of_its_name(tmp_path):
    found = hookean.compare({"a": scenario(), "b": scenario(requests="off")}, save_to=tmp_path / "both")
    assert files(tmp_path / "both") == ["a", "b"]
    assert RunResult.load(tmp_path / "both" / "a").requests.equals(found["a"].requests, null_equal=True)
    with pytest.raises(ValueError, match="no name for a folder"):
        hookean.compare({"../c": scenario()}, save_to=tmp_path / "both")


def test_a_fluid_load_has_no_rows_of_requests(tmp_path):
    fluid = hookean.Scenario.model_validate(
        {
            "seed": 1,
            "record": {"requests": "full"},
            "workload": [{"service": "shop", "load": [{"cpu": 2, "for": "60s"}]}],
            "services": {"shop": {"work": "1ms", "replica": {"cpu": 1, "memory": "1Gi"}, "replicas": 3}},
            "platform": {"preset": "kubernetes-on-metal"},
        }
    )
    assert hookean.simulate(fluid).requests.height == 0
    assert hookean.simulate(fluid, save_to=tmp_path / "r").requests.height == 0


def fail_at(monkeypatch, table, number, error):
    """Lets the first writing of a part fail."""
    original, failed = store._write_table, []

    def write(path, frame):
        if path.parent.name == f"{table}.parquet" and path.name == store.part_file(number) and not failed:
            failed.append(1)
            path.write_bytes(b"PAR1")
            raise error
        return original(path, frame)

    monkeypatch.setattr(store, "_write_table", write)


@pytest.mark.parametrize("table", STREAMED)
@pytest.mark.usefixtures("_small_parts")
def test_a_full_disk_ends_the_run_and_leaves_nothing(tmp_path, monkeypatch, table):
    fail_at(monkeypatch, table, 1, OSError(28, "No space left on device"))
    with pytest.raises(ResultError, match=r"no space left on device\n\nhint: choose a folder"):
        hookean.simulate(scenario(), save_to=tmp_path / "parent" / "r")
    assert files(tmp_path) == []


@pytest.mark.usefixtures("_small_parts")
def test_a_full_disk_leaves_the_older_result_untouched(tmp_path, monkeypatch):
    hookean.simulate(scenario(duration="3min"), save_to=tmp_path / "r")
    fail_at(monkeypatch, "requests", 2, OSError(28, "No space left on device"))
    with pytest.raises(ResultError, match="no space left"):
        hookean.simulate(scenario(), save_to=tmp_path / "r", overwrite=True)
    assert RunResult.load(tmp_path / "r").manifest["simulated_ns"] == 180_000_000_000


@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.usefixtures("_small_parts")
def test_ctrl_c_while_a_part_is_written_stops_the_run_and_tears_nothing(tmp_path, monkeypatch, number):
    fail_at(monkeypatch, "requests", number, KeyboardInterrupt())
    with pytest.raises(SimulationInterrupted) as stopped:
        hookean.simulate(scenario(), save_to=tmp_path / "r")
    partial = RunResult.load(tmp_path / "r")
    assert partial.partial
    assert stopped.value.partial.partial
    assert partial.manifest["simulated_ns"] < 600_000_000_000
    assert partial.requests.height == partial.summary["arrivals"].sum() > 0
    assert partial.requests.select("service", "request", "attempt", "client").is_unique().all()


def test_ctrl_c_at_the_last_part_comes_too_late_for_the_run_but_is_told(tmp_path, monkeypatch):
    fail_at(monkeypatch, "requests", 0, KeyboardInterrupt())
    with pytest.raises(SimulationInterrupted) as stopped:
        hookean.simulate(scenario(), save_to=tmp_path / "r")
    assert not stopped.value.partial.partial
    assert RunResult.load(tmp_path / "r").requests.equals(hookean.simulate(scenario()).requests, null_equal=True)


@pytest.fixture
def failing_policy(monkeypatch):
    """The settings of a controller whose policy fails after 300 seconds."""
    monkeypatch.setattr(registry, "_REGISTERED", {})

    @policy("tired")
    class Tired:
        def decide(self, obs):
            if obs.time_ns > 300_000_000_000:
                raise RuntimeError("enough")
            return 3

    return {"kind": "python", "policy": "tired", "period": "1s"}


@pytest.mark.usefixtures("_small_parts")
def test_a_policy_that_fails_leaves_the_partial_result_in_the_folder(tmp_path, failing_policy):
    with pytest.raises(PolicyError) as failed:
        hookean.simulate(scenario(controller=failing_policy), save_to=tmp_path / "r")
    partial = RunResult.load(tmp_path / "r")
    assert partial.partial
    assert partial.requests.height == partial.summary["arrivals"].sum() > 0
    assert failed.value.partial.requests.equals(partial.requests, null_equal=True)


def test_a_disk_that_is_full_when_a_policy_has_failed_leaves_nothing(tmp_path, monkeypatch, failing_policy):
    fail_at(monkeypatch, "requests", 0, OSError(28, "No space left on device"))  # the last part is the only one
    with pytest.raises(ResultError, match="no space left"):
        hookean.simulate(scenario(controller=failing_policy), save_to=tmp_path / "r")
    assert files(tmp_path) == []


KILLED = """
import os, runpy, signal, sys
from hookean import simulation
from hookean.result import store

tests = runpy.run_path(sys.argv[1])
simulation.PART_ROWS = 200
original, calls = getattr(store, sys.argv[2]), []

def step(*arguments):
    calls.append(1)
    if len(calls) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments)

setattr(store, sys.argv[2], step)
simulation.simulate(tests["scenario"](), save_to=sys.argv[4])
"""


@pytest.mark.parametrize(("step", "nth"), [("_write_table", 3), ("_remove", 4), ("_sync_folder", 5)])
@pytest.mark.usefixtures("_small_parts")
def test_a_killed_run_leaves_a_folder_that_does_not_load_and_can_be_used_again(tmp_path, step, nth):
    command = [sys.executable, "-c", KILLED, Path(__file__), step, str(nth), tmp_path / "r"]
    killed = subprocess.run(command, check=False, env=dict(os.environ))  # noqa: S603
    assert killed.returncode == -signal.SIGKILL
    with pytest.raises(ResultError, match="not a complete result"):
        RunResult.load(tmp_path / "r")
    hookean.simulate(scenario(), save_to=tmp_path / "r", overwrite=True)
    assert RunResult.load(tmp_path / "r").requests.height > 0
    assert ".hookean-partial" not in files(tmp_path / "r")
