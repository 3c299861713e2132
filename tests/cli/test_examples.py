"""Every example scenario runs, and the one with a known answer gives it."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from hookean.result import RunResult

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_to_its_end(call, tmp_path, path):
    outcome = call("run", path, "--out", "result")
    assert outcome.code == 0, outcome.stderr
    result = RunResult.load(tmp_path / "result")
    assert result.name == path.stem
    assert not result.partial
    assert result.summary["completed"].sum() > 0


def test_the_request_table_ends_when_processor_sharing_says(call, tmp_path):
    [path] = [path for path in EXAMPLES if path.stem == "request-table"]
    call("run", path, "--out", "result")
    requests = RunResult.load(tmp_path / "result").requests
    assert requests["end"].to_list() == [timedelta(seconds=end) for end in (21, 23, 10, 48, 50)]


def test_scaling_beats_a_fixed_size_in_the_flash_crowd(call, tmp_path):
    paths = [path for path in EXAMPLES if path.stem in {"fixed-size", "flash-crowd"}]
    call("compare", *paths, "--out", "both")
    fixed, scaled = (RunResult.load(tmp_path / "both" / path.stem).summary.row(0, named=True) for path in paths)
    assert fixed["arrivals"] == scaled["arrivals"]
    assert scaled["replicas_mean"] < fixed["replicas_mean"]


def test_a_retry_budget_ends_the_storm_that_retries_keep_up(call, tmp_path):
    paths = [path for path in EXAMPLES if path.stem in {"retry-budget", "retry-storm"}]
    call("compare", *paths, "--out", "both")
    budget, storm = (RunResult.load(tmp_path / "both" / path.stem) for path in paths)
    # The crowd has gone after the fourth minute; by the last two, one service is back and the other is not.
    late = pl.col("time") > timedelta(minutes=8)
    good, done = (result.series.filter(late)["slo_good"].sum() for result in (budget, storm))
    sent = 180 * 120
    assert good > 0.95 * sent
    assert done < 0.25 * sent
    requests = [result.summary["arrivals"].item() - result.summary["retries"].item() for result in (budget, storm)]
    assert requests[0] == requests[1]
    # A tenth of the first attempts, one per second, and the reserve of the window.
    assert budget.summary["retries"].item() <= 0.1 * requests[0] + 600 + 10
    assert storm.summary["retries"].item() > requests[1]
