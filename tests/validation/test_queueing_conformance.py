"""Quick cases of `hookean conformance tests/conformance/queueing`, one or two of each family; all of them take minutes."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from hookean.conformance.queueing import SCHEMA, check_cases
from hookean.conformance.queueing.experiment import Case
from hookean.conformance.queueing.families import setup
from hookean.conformance.queueing.families.table import experiment_of
from hookean.conformance.queueing.intervals import estimate, t_quantile
from hookean.conformance.queueing.system import System
from hookean.conformance.queueing.traffic import Cycle

FOLDER = Path(__file__).parents[1] / "conformance" / "queueing"
QUICK = (
    "mm1-rho0.8",
    "mm1-lam80-mu100",
    "mmck-c1-K5-rho0.8",
    "mmck-c2-K2-rho0.9",
    "mdc-c2-rho0.8",
    "mg1-gamma_shape0.5-lam0.5",
    "mg1ps-deterministic-lam0.5",
    "mgcps-c2-rho0.8",
    "mminf-a0.5",
    "split-n4-rho0.8",
    "drain-6000-10",
    "ggc-c1-rho0.8-ca0.5-cs2",
    "erlang-c1-a0.5",
    "dim-lam50-mu10-slo0.5-p0.95",
    "mm1-expsetup-lam0.5-al1",
    "md1-detsetup-lam0.8-D2",
    "mmk-setup-k2-rho0.3-al0.1",
    "mmk-stag-k2-rho0.7-al0.5",
    "mm1-setup-detkeepalive-lam0.8-al0.05-tw2",
    "ttl-poisson-lam0.1-tau10",
    "ttl-periodic-T3600-tau1200",
    "hyst-a",
    "ceil-lam5-q3-1-10",
    "ceildelay-lam2-q2-al0.1",
)


def read(path):
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["schema"] == SCHEMA
    return document["cases"]


CASES = {case["id"]: (path, case) for path in sorted(FOLDER.glob("*.json")) for case in read(path)}


def check(case, **changes):
    path, written = CASES[case]
    return check_cases(path, {"schema": SCHEMA, "cases": [{**written, **changes}]})


@pytest.mark.parametrize("case", QUICK)
def test_a_quick_case_passes_and_covers_every_figure(case):
    report = check(case)
    assert (report.passed, report.failures) == (1, ())
    assert [row.key for row in report.comparisons] == list(CASES[case][1]["expected"])
    assert all(row.passed or row.note for row in report.comparisons)


def test_a_wrong_reference_fails():
    expected = CASES["mmck-c1-K5-rho0.8"][1]["expected"]
    report = check("mmck-c1-K5-rho0.8", expected={**expected, "L": 1.05 * expected["L"]})
    assert [row.key for row in report.comparisons if not row.passed] == ["L"]
    assert report.failed == 1
    assert "does not hold it" in report.failures[0].got


def test_an_event_too_rare_to_be_seen_is_not_covered_whatever_was_seen():
    expected = CASES["mmck-c1-K5-rho0.8"][1]["expected"]
    report = check("mmck-c1-K5-rho0.8", expected={"L": expected["L"], "p0": 9e-5})
    assert [(row.key, row.passed) for row in report.comparisons] == [("L", True), ("p0", None)]
    assert report.comparisons[1].how == "not covered"
    assert report.failed == 0


def test_what_contradicts_a_probability_near_one_need_not_be_seen():
    expected = {"P_Wq_le_10": CASES["md1-lam0.5"][1]["expected"]["P_Wq_le_10"]}
    (row,) = check("md1-lam0.5", expected=expected).comparisons
    assert row.passed
    assert row.half_width >= 1e-4
    (row,) = check("md1-lam0.5", expected={"P_Wq_le_10": 1.0 - 2e-4}).comparisons
    assert row.passed is False


def test_a_figure_that_nothing_measures_fails():
    report = check("ggc-c1-rho0.8-ca0.5-cs2", expected={"Wq_of_a_new_kind": 1.0})
    assert report.failures[0].got == "nothing measures `Wq_of_a_new_kind`"


@pytest.mark.parametrize(
    ("model", "params", "reason"),
    [
        ("M/M/1 with exponential setup and a keep-alive", {"lam": 0.5, "mu": 1, "alpha": 0.1}, "`t_w`"),
        ("fluid backlog drain", {"backlog": 9, "lam": 2.0, "mu": 1, "c": 2}, "never drains"),
        ("M/M/1 with exponential setup, immediate off", {"lam": 0.5, "mu": 1, "setup": "uniform"}, "`uniform`"),
        ("M/M/m with m in 1..cmax", {"lam": 1.5, "mu": 1, "forward": [6], "reverse": [3], "N": 7}, "buffer"),
        ("a model of another kind", {}, "no family"),
    ],
)
def test_a_case_that_is_not_expressed_fails_with_the_reason(model, params, reason):
    case = {"id": "case", "model": model, "params": params, "expected": {"W": 1.0}}
    report = check_cases(FOLDER / "setup.json", {"schema": SCHEMA, "cases": [case]})
    assert (report.passed, report.failed) == (0, 1)
    assert report.failures[0].got.startswith("not expressible: ")
    assert reason in report.failures[0].got


def test_exponential_keep_alives_have_their_closed_form():
    rate, service_rate, on, off = 0.5, 1.0, 0.1, 0.1
    ends_off = off / (rate + off)
    extra = ends_off * (on + rate) / on / (on + rate * ends_off)
    case = {
        "id": "mm1-setup-delayedoff",
        "model": "M/M/1 with exponential setup and exponential keep-alive",
        "params": {"lam": rate, "mu": service_rate, "alpha": on, "delta": off},
        "expected": {
            "W": 2.0 + extra,
            "L": 1.0 + rate * extra,
            "P_idle_ends_off": ends_off,
            "extra_delay_vs_mm1": extra,
        },
    }
    report = check_cases(FOLDER / "setup.json", {"schema": SCHEMA, "cases": [case]})
    assert (report.passed, report.failures) == (1, ())
    assert all(row.passed for row in report.comparisons)


@pytest.mark.parametrize("reference", [math.nan, math.inf, None, "4.0", True])
def test_a_reference_that_is_no_finite_number_fails(reference):
    report = check("ggc-c1-rho0.8-ca0.5-cs2", expected={"Wq_mmc": reference})
    assert (report.passed, report.failures[0].expected) == (0, "`Wq_mmc` to be a finite number")


@pytest.mark.parametrize(
    "broken",
    [
        {"params": {"c": 1, "lam": 0.0, "mu": 1.0, "ca2": 0.5, "cs2": 2}},
        {"params": {"c": 1, "lam": "many", "mu": 1.0, "ca2": 0.5, "cs2": 2}},
        {"params": {"lam": 0.8}},
        {"params": None},
        {"expected": {}},
    ],
)
def test_a_case_that_breaks_fails_and_the_others_are_checked(broken):
    path, sound = CASES["ggc-c1-rho0.8-ca0.5-cs2"]
    cases = [{**sound, "id": "broken", **broken}, sound]
    report = check_cases(path, {"schema": SCHEMA, "cases": cases})
    assert (report.passed, [failure.case for failure in report.failures]) == (1, ["broken"])


@pytest.mark.parametrize("case", ["dim-lam50-mu10-slo0.5-p0.95", "mminf-a0.5", "erlang-c1-a0.5", "split-n4-rho0.8"])
def test_some_of_the_figures_may_be_asked_for(case):
    key, reference = next(iter(CASES[case][1]["expected"].items()))
    asked = {"min_c": CASES[case][1]["expected"]["min_c"]} if case.startswith("dim") else {key: reference}
    assert check(case, expected=asked).passed == 1


def test_probabilities_too_small_to_be_seen_are_computed():
    params = {"c": 10, "a": 1.0}
    blocked = 1.0 / math.factorial(10) / sum(1.0 / math.factorial(k) for k in range(11))
    report = check("erlang-c1-a0.5", params=params, expected={"erlang_b": blocked})
    assert [(row.how, row.passed) for row in report.comparisons] == [("computed", True)]


def test_batches_of_whole_cycles_grow_from_what_they_are():
    system = System(Cycle((60_000.0,), 600_000_000_000), None, relaxation_s=10.0)
    assert system.least_s == 600.0
    batches = [system.length(factor).batch_ns for factor in (1 / 3, 1.0, 1.5, 2.0)]
    assert batches == [600_000_000_000, 600_000_000_000, 1_200_000_000_000, 1_200_000_000_000]


def test_a_call_at_the_very_end_of_a_keep_alive_is_warm():
    params = {"T": 60, "tau": 60}
    report = check("ttl-periodic-T3600-tau1200", params=params, expected={"P_cold": 0, "loaded_time_fraction": 1})
    assert (report.passed, report.failures) == (1, ())
    assert check("ttl-periodic-T3600-tau1200", params={"T": 61, "tau": 60}, expected={"P_cold": 1}).passed == 1


def test_infinitely_many_servers_that_run_out_are_an_error(monkeypatch):
    params = {"lam": 5.0, "mu": 1, "alpha": 0.1}
    chances = np.cumprod([5.0 / (5.0 + 0.1 * held) for held in range(1, 1000)])
    setups = float(np.arange(1, 1000) @ chances / (1.0 + chances.sum()))
    expected = {"L": 5.0 + setups}
    assert check("mminf-setup-a50-al0.02", params=params, expected=expected).failures == ()
    monkeypatch.setattr(setup, "SPREADS", 0.0)
    report = check("mminf-setup-a50-al0.02", params=params, expected=expected)
    assert "infinitely many" in report.failures[0].got


def test_every_model_of_the_vectors_has_a_family():
    for _, written in CASES.values():
        if not written["model"].startswith("fluid"):  # simulated when it is read
            case = Case(*(written[name] for name in ("id", "model", "params", "expected")))
            reason = getattr(experiment_of(case), "reason", "")
            assert "no family" not in reason, written["id"]


def test_student_quantiles_are_those_of_tables():
    assert t_quantile(9, 0.05) == pytest.approx(2.262157, abs=1e-6)
    assert t_quantile(39, 0.001) == pytest.approx(3.558050, abs=5e-4)


def test_the_jackknife_of_a_mean_is_the_interval_of_batch_means():
    values = np.array([[3.0], [5.0], [4.0], [8.0]])
    found = estimate(values, lambda means: float(means[0]), alpha=0.05)
    assert found.value == pytest.approx(5.0)
    assert found.half_width == pytest.approx(t_quantile(3, 0.05) * values.std(ddof=1) / 2.0)
