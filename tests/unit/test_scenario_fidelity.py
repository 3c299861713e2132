"""The binned tier as a person writes it: defaults, provenance, and what is refused."""

import pytest
from fake_result import fake_result
from scenario_examples import SMALL, load

from hookean.analysis import approximate, comparison, headline
from hookean.errors import ScenarioError
from hookean.plan import resolve
from hookean.report import render_report

BINNED = SMALL.replace("seed: 7\n", "seed: 7\nfidelity: binned\n")


def test_everything_is_exact_unless_it_is_said(tmp_path):
    plan = resolve(load(tmp_path))
    assert plan.document["services"][0]["fidelity"] == {"tier": "exact"}
    assert not [entry for entry in plan.provenance if "fidelity" in entry.path]


@pytest.mark.parametrize(
    ("text", "seconds", "status"),
    [
        (BINNED, 15, "assumed"),
        (BINNED.replace("min: 2", "sync_period: 10s, min: 2"), 10, "assumed"),
        (BINNED.replace("min: 2", "sync_period: 60s, min: 2"), 15, "assumed"),
        (BINNED.replace("fidelity: binned", "fidelity: binned\nbin: 5s"), 5, "user"),
        (SMALL.replace("    work:", "    fidelity: binned\n    bin: 2s\n    work:"), 2, "user"),
    ],
)
def test_a_bin_is_at_most_the_period_of_a_controller(tmp_path, text, seconds, status):
    plan = resolve(load(tmp_path, text))
    assert plan.document["services"][0]["fidelity"] == {"tier": "binned", "bin_ns": seconds * 10**9}
    [tier, width] = [entry for entry in plan.provenance if "services.web.fidelity" in entry.path]
    assert (tier.value, tier.status) == ("binned (approximate)", "user")
    assert (width.path, width.value, width.status) == ("services.web.fidelity.bin", f"{seconds} s", status)


def test_a_fluid_load_is_not_put_into_bins(tmp_path):
    fluid = BINNED.replace("rate: 8/s, duration: 1h", "load: [{cpu: 1, for: 1h}]")
    assert resolve(load(tmp_path, fluid)).document["services"][0]["fidelity"] == {"tier": "exact"}


REFUSED = {
    "a bin without the tier": (("seed: 7", "seed: 7\nbin: 5s"), "`bin` has no meaning", "(bin)", "leave `bin` out"),
    "an empty bin": (("seed: 7", "seed: 7\nfidelity: binned\nbin: 0s"), "longer than 0", "(bin)", ""),
    "a bin longer than a period": (
        ("seed: 7", "seed: 7\nfidelity: binned\nbin: 16s"),
        "a bin of 16 s is longer than 15 s",
        "(bin)",
        "must not look twice",
    ),
    "single requests": (
        ("seed: 7", "seed: 7\nfidelity: binned\nrecord: {requests: {sampled: 10}}"),
        "no single requests to keep",
        "(record.requests)",
        "`fidelity: exact` in a scenario of their own",
    ),
    "the reference engine": (
        ("seed: 7", "seed: 7\nfidelity: binned\nengine: reference"),
        "knows single requests only",
        "(engine)",
        "`engine: lazy`",
    ),
    "a routing without a formula": (
        ("    work:", "    fidelity: binned\n    queue: {routing: power_of_choices}\n    work:"),
        "no formula for `power_of_choices`",
        "(services.web.queue.routing)",
        "`least_outstanding`",
    ),
    "retries": (
        ("rate: 8/s, duration: 1h}", "rate: 8/s, duration: 1h, retry: {attempts: 3}}\nfidelity: binned"),
        "`retry` is about single requests",
        "(workload.0.retry)",
        "`fidelity: exact`",
    ),
    "a deadline": (
        ("rate: 8/s, duration: 1h}", "rate: 8/s, duration: 1h, deadline: 2s}\nfidelity: binned"),
        "`deadline` is about single requests",
        "(workload.0.deadline)",
        "`fidelity: exact`",
    ),
    "a controller that requests wake": (
        (
            "{kind: hpa, service: web, min: 2, max: 20, metrics: [{resource: cpu, utilization: 60}]}",
            "{kind: thresholds, service: web, max: 9, per_replica: 2}\nfidelity: binned",
        ),
        "`thresholds` acts on single requests",
        "(controllers.0.kind)",
        "`fidelity: exact`",
    ),
    "a limit on the whole time": (
        ("    work:", "    fidelity: binned\n    queue: {total_timeout: 5s}\n    work:"),
        "how long a request is in service",
        "(services.web.queue.total_timeout)",
        "use `timeout`",
    ),
    "classes of requests": (
        ("    work:", "    fidelity: binned\n    classes: {gold: {share: 1, work_factor: 2}}\n    work:"),
        "does not tell requests apart",
        "(services.web.classes)",
        "`fidelity: exact`",
    ),
    "another word": (("seed: 7", "seed: 7\nfidelity: bins"), "unknown fidelity `bins`", "(fidelity)", "`binned`"),
    "a fluid load in bins": (
        (
            "rate: 8/s, duration: 1h}\nservices:\n  web:",
            "load: [{cpu: 1, for: 1h}]}\nservices:\n  web:\n    fidelity: binned",
        ),
        "a fluid load has no requests",
        "(services.web.fidelity)",
        "leave `fidelity` out",
    ),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_the_tier_cannot_do_is_refused(tmp_path, case):
    (before, after), message, place, hint = case
    assert before in SMALL
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path, SMALL.replace(before, after, 1))
    assert message in caught.value.message
    assert place in caught.value.where
    assert hint in caught.value.hint


def test_kept_decisions_are_written_to_the_plan(tmp_path):
    found = [
        resolve(load(tmp_path, f"{SMALL}record: {{decisions: {keep}}}\n")).document["record"]["decisions"]
        for keep in ("all", "changes", "{sampled: 50}", "off")
    ]
    assert found == [{"keep": "all"}, {"keep": "changes"}, {"keep": "sampled", "one_in": 50}, {"keep": "off"}]


def test_the_label_is_in_headline_comparison_and_report():
    results = {"few": fake_result(), "many": fake_result(fidelity="binned")}
    sentence = "“many” is approximate: `web` is simulated in numbers of requests per bin, with waits by formulas."
    assert approximate(comparison(results)) == [sentence]
    assert sentence in headline(results)
    assert not approximate(comparison({"few": results["few"]}))
    page = render_report(results)
    assert page.count(sentence) == 2, "in the headline and under what the result rests on"
    assert "≈ binned (approximate)" in page
    assert "· ≈ approximate" in page
    assert "approximate</" not in render_report({"few": results["few"]})
