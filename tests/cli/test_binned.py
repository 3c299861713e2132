"""The binned tier on the command line: approximate figures say so."""

import json

import pytest

from hookean.result import RunResult

from .conftest import SMALL


@pytest.fixture
def binned(tmp_path):
    path = tmp_path / "binned.yaml"
    path.write_text(SMALL.replace("name: small", "name: binned\nfidelity: binned"))
    return path


def test_a_run_in_bins_says_that_it_is_approximate(call, binned, tmp_path):
    outcome = call("run", binned, "--out", "result", "--report", "report.html")
    assert outcome.code == 0
    lines = outcome.stdout.splitlines()
    assert " ".join(lines[:2]).split() == ["binned", "(approximate)"]
    assert ["fidelity", "binned"] in [line.split() for line in lines]
    assert "“binned” is approximate" in outcome.stderr
    loaded = RunResult.load(tmp_path / "result")
    assert loaded.approximate
    assert "approximate" in repr(loaded)
    assert loaded.manifest["services"]["web"]["fidelity"] == "binned"
    assert loaded.manifest["services"]["web"]["bin_ns"] == 15 * 10**9
    assert "≈ binned (approximate)" in (tmp_path / "report.html").read_text()


def test_a_comparison_marks_the_contender_in_bins(call, binned, scenario):
    outcome = call("compare", scenario, binned)
    assert "“binned” is approximate" in outcome.stderr.replace("\n", " ")
    heads = outcome.stdout.splitlines()[:2]
    assert "(approximate)" in " ".join(heads)
    assert ["fidelity", "exact", "binned"] in [line.split() for line in outcome.stdout.splitlines()]
    rows = json.loads(call("compare", scenario, binned, "--format", "json").stdout)
    assert [row["fidelity"] for row in rows] == ["exact", "binned"]


def test_an_exact_run_has_no_such_row(call, scenario):
    assert "fidelity" not in call("run", scenario).stdout


def test_both_tiers_agree_on_the_bill(call, binned, scenario):
    rows = json.loads(call("compare", scenario, binned, "--format", "json").stdout)
    exact, approximate = (row["replicas_mean"] for row in rows)
    assert approximate == pytest.approx(exact, rel=0.1)
