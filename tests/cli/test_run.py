"""`hookean run` and `compare`: figures on stdout, files where they were asked for, clear refusals."""

import csv
import io
import json

import pytest

from hookean.result import RunResult

from .conftest import SMALL


def test_a_run_prints_its_figures_and_nothing_else_on_stdout(call, scenario):
    outcome = call("run", scenario)
    assert outcome.code == 0
    lines = outcome.stdout.splitlines()
    assert lines[0].split() == ["small"]
    labels = [line.split()[0] for line in lines[2:]]
    assert labels[:3] == ["platform", "service", "arrivals"]
    assert max(map(len, lines)) <= 80
    assert outcome.stderr == ""


def test_the_formats_agree(call, scenario):
    document = json.loads(call("run", scenario, "--format", "json").stdout)
    [row] = csv.DictReader(io.StringIO(call("run", scenario, "--format", "csv").stdout))
    assert document["manifest"]["name"] == "small"
    [summary] = document["summary"]
    assert int(row["arrivals"]) == summary["arrivals"]
    assert int(row["latency_mean_ns"]) == summary["latency_mean_ns"] > 50_000_000
    assert summary["slo_latency_ns"] == 500_000_000
    assert 11_000 < summary["arrivals"] < 13_000


def test_a_saved_run_is_what_was_printed(call, scenario, tmp_path):
    outcome = call("run", scenario, "--out", "a/result", "--format", "json")
    assert outcome.stderr == "result: a/result\n"
    loaded = RunResult.load(tmp_path / "a" / "result")
    printed = json.loads(outcome.stdout)
    assert loaded.manifest == printed["manifest"]
    assert loaded.summary["arrivals"].to_list() == [row["arrivals"] for row in printed["summary"]]
    assert not loaded.partial


def test_the_same_run_twice_gives_the_same_bytes(call, scenario, tmp_path):
    for name in ("one", "two"):
        call("run", scenario, "--out", name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_seed_and_set_change_the_scenario(call, scenario):
    plain, seeded, changed = (
        json.loads(call("run", scenario, "--format", "json", *more).stdout)
        for more in ((), ("--seed", "8"), ("--set", "workload.rate=10/s"))
    )
    assert (plain["manifest"]["seed"], seeded["manifest"]["seed"]) == (7, 8)
    assert seeded["manifest"]["result_digest"] != plain["manifest"]["result_digest"]
    assert changed["summary"][0]["arrivals"] < 0.7 * plain["summary"][0]["arrivals"]


def test_both_engines_and_any_threads_give_the_same_result(call, scenario):
    variants = ((), ("--engine", "reference"), ("--threads", "2"))
    printed = [json.loads(call("run", scenario, "--format", "json", *more).stdout) for more in variants]
    assert printed[0]["summary"] == printed[1]["summary"] == printed[2]["summary"]
    assert printed[0]["manifest"]["result_digest"] == printed[2]["manifest"]["result_digest"]


def test_an_existing_result_is_replaced_only_with_force(call, scenario, tmp_path):
    call("run", scenario, "--out", "r")
    refused = call("run", scenario, "--out", "r", "--seed", "9")
    assert refused.code == 2
    assert refused.stderr.startswith("error: `r` already holds a result\n\nhint: ")
    assert refused.stdout == ""
    assert RunResult.load(tmp_path / "r").manifest["seed"] == 7
    assert call("run", scenario, "--out", "r", "--seed", "9", "--force").code == 0
    assert RunResult.load(tmp_path / "r").manifest["seed"] == 9


def test_a_report_is_one_file(call, scenario, tmp_path):
    outcome = call("run", scenario, "--report", "r.html")
    assert outcome.code == 0
    assert outcome.stderr == "report: r.html\n"
    assert (tmp_path / "r.html").read_text().lstrip().lower().startswith("<!doctype html")
    assert call("run", scenario, "--report", "r.html").code == 2
    assert call("run", scenario, "--report", "r.html", "--force").code == 0


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (("--out", "/proc/nope"), "cannot write a result to `/proc/nope`: "),
        (("--out", "small.yaml"), "cannot write a result to `small.yaml`: "),
        (("--out", "."), "`.` is not empty and holds no result"),
        (("--report", "nowhere/r.html"), "cannot write the report to `nowhere/r.html`: no such file or directory"),
        (("--report", "small.yaml"), "a report is an HTML file, not `small.yaml`"),
        (("--set", "services.wib.replicas=3"), "unknown service `wib`"),
        (("--set", "seed"), "an override has the form `a.b=c`"),
        (("--seed", "x"), "invalid value for '--seed'"),
        (("--seed", "-1"), "invalid value for '--seed'"),
        (("--threads", "0"), "invalid value for '--threads'"),
        (("--engine", "fast"), "invalid value for '--engine'"),
        (("--nope",), "no such option: --nope"),
    ],
)
def test_bad_options_end_with_a_hint_and_leave_nothing(call, scenario, tmp_path, more, text):
    outcome = call("run", scenario, *more)
    assert outcome.code == 2
    assert outcome.stdout == ""
    assert outcome.stderr.startswith(f"error: {text}")
    assert "\n\nhint: " in outcome.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("seed: 7", "sead: 7", "unknown field `sead`"),
        ("mean: 50ms", "mean: 50MB", "50MB"),
        ("mean: 50ms", "mean: 50", "50"),
        ("min: 2, max: 10", "min: 11, max: 10", "`min` (11) is above `max` (10)"),
        ("memory: 512Mi", "memory: 5120Gi", ""),
        ("rate: 20/s, duration: 10min", "trace: nowhere.csv", "nowhere.csv"),
        ("rate: 20/s, duration: 10min", "requests: empty.csv", "empty.csv"),
        ("rate: 20/s, duration: 10min", "requests: unsorted.csv", "unsorted.csv"),
        ("rate: 20/s, duration: 10min", "requests: negative.csv", "negative.csv"),
        ("rate: 20/s, duration: 10min", "requests: nan.csv", "nan.csv"),
        ("services:", "services: [", ""),
    ],
)
def test_bad_scenarios_end_with_place_and_hint_and_leave_nothing(call, scenario, old, new, text):
    tmp_path = scenario.parent
    (tmp_path / "empty.csv").write_text("time,work\n")
    (tmp_path / "unsorted.csv").write_text("time,work\n2,1\n1,1\n")
    (tmp_path / "negative.csv").write_text("time,work\n-2,1\n1,1\n")
    (tmp_path / "nan.csv").write_text("time,work\n1,NaN\n2,1\n")
    assert old in SMALL
    scenario.write_text(SMALL.replace(old, new))
    before = sorted(tmp_path.iterdir())
    outcome = call("run", scenario, "--out", "result", "--report", "r.html")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("error: ")
    assert text in outcome.stderr
    assert ".yaml" in outcome.stderr or ".csv" in outcome.stderr
    assert "hint: " in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_a_missing_scenario_is_bad_input(call, scenario):
    outcome = call("run", scenario.with_name("smal.yaml"))
    assert outcome.code == 2
    assert f"did you mean `{scenario}`?" in outcome.stderr


def other(scenario, name):
    path = scenario.with_name(f"{name}.yaml")
    path.write_text(SMALL.replace("name: small", f"name: {name}").replace("replicas: 2", "replicas: 4"))
    return path


def test_compare_puts_scenarios_side_by_side(call, scenario, tmp_path):
    outcome = call("compare", scenario, other(scenario, "wide"), "--out", "both", "--report", "r.html")
    assert outcome.code == 0
    assert outcome.stdout.splitlines()[0].split() == ["small", "wide"]
    assert {path.name for path in (tmp_path / "both").iterdir()} == {"small", "wide"}
    assert RunResult.load(tmp_path / "both" / "wide").name == "wide"
    assert (tmp_path / "r.html").exists()
    rows = json.loads(call("compare", scenario, other(scenario, "wide"), "--format", "json").stdout)
    assert [row["contender"] for row in rows] == ["small", "wide"]
    assert rows[0]["arrivals"] == rows[1]["arrivals"]


def test_scenarios_of_one_name_are_told_apart_by_their_files(call, scenario):
    twin = scenario.with_name("twin.yaml")
    twin.write_text(SMALL)
    assert call("compare", scenario, twin).stdout.splitlines()[0].split() == ["small", "twin"]
    twice = call("compare", scenario, scenario)
    assert twice.code == 2
    assert twice.stderr == "error: two scenarios are called `small`\n\nhint: give each its own `name`\n"
