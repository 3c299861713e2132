"""Synchronous calls, as a person writes them."""

from datetime import timedelta

import polars as pl
import pytest
from scenario_examples import load

import hookean
from hookean.errors import ScenarioError
from hookean.plan import resolve
from hookean.report import render_report

SHOP = """\
name: shop
seed: 3
duration: 3min
workload:
  - {service: front, rate: 20/s, duration: 2min, retry: {attempts: 2, after: [unanswered]}}
services:
  front:
    work: 10ms
    replica: {cpu: 2, memory: 512Mi, concurrency: 4}
    queue: {discipline: processor_sharing}
    calls:
      - {to: cart, hold: true, delay: 2ms}
      - {to: mail}
  cart: {work: 30ms, replica: {cpu: 1, memory: 512Mi}, replicas: 2, queue: {discipline: fifo, limit: 1}, calls: [{to: stock}]}
  stock: {work: 5ms, replica: {cpu: 1, memory: 512Mi}}
  mail: {work: 5ms, replica: {cpu: 1, memory: 512Mi}}
platform: {preset: kubernetes-on-vms, pools: [{name: general, instance: aws/m7i.2xlarge, nodes: 2}]}
record: {requests: full}
"""


def test_holding_enters_the_plan_with_its_origin(tmp_path):
    plan = resolve(load(tmp_path, SHOP))
    held = {(call["service"], call["to"][0]): call["hold"] for call in plan.document["calls"]}
    names = [each["name"] for each in plan.document["services"]]
    assert held == {
        (names.index("front"), names.index("cart")): True,
        (names.index("front"), names.index("mail")): False,
        (names.index("cart"), names.index("stock")): False,
    }
    sources = {each.path: each.status for each in plan.provenance}
    assert sources["calls.front.0.hold"] == "user"
    assert sources["calls.front.1.hold"] == "assumed"
    assert plan.document["workloads"][0]["retry"]["after_unanswered"] is True
    assert plan.warnings == []


def test_a_request_ends_with_the_answer_it_is_held_for(tmp_path):
    result = hookean.simulate(load(tmp_path, SHOP))
    requests = result.requests
    assert requests is not None
    front = requests.filter(pl.col("service") == "front")
    assert set(front["outcome"]) == {"completed", "unanswered"}
    # `cart` holds no place for `stock`, but has answered only when `stock` has.
    stock = requests.filter(pl.col("service") == "stock").select("request", pl.col("end").alias("answered"))
    both = front.filter(pl.col("outcome") == "completed").join(stock, on="request")
    assert both.height > 1000
    assert both["end"].equals(both["answered"])
    # Asynchronous calls follow the answer, and only one that was given.
    mail = requests.filter(pl.col("service") == "mail")
    assert mail.height == both.height
    assert set((mail.join(both, on="request")["arrival"] - both["end"]).unique()) == {timedelta(0)}
    row = result.summary.row(by_predicate=pl.col("service") == "front", named=True)
    assert row["unanswered"] == front.filter(pl.col("outcome") == "unanswered").height
    # Nobody uses CPU while it is held: 10 ms for each attempt, a little more on cores of a VM.
    used = result.replicas.filter(pl.col("service") == "front")["cpu_core_seconds"].sum()
    assert used == pytest.approx(0.0103 * row["arrivals"], rel=0.01)
    assert result.end_to_end is not None
    assert result.end_to_end["answered"].to_list()[0] == row["completed"]


def test_the_report_counts_unanswered_requests(tmp_path):
    page = render_report({"held": hookean.simulate(load(tmp_path, SHOP))})
    assert ">unanswered<" in page


@pytest.mark.parametrize(
    ("old", "new", "message", "where"),
    [
        (
            "hold: true,",
            "hold: true, wait_for: none,",
            "waits for answers, not for `none`",
            "services.front.calls.0.wait_for",
        ),
        ("hold: true,", "hold: yes please,", "expected `true` or `false`", "services.front.calls.0.hold"),
        ("hold: true,", "hold: true, copies: 1000,", "copies and attempts counted", "services."),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path, old, new, message, where):
    assert old in SHOP
    attempts = SHOP.replace("attempts: 2", "attempts: 20") if "copies" in new else SHOP
    with pytest.raises(ScenarioError) as caught:
        resolve(load(tmp_path, attempts.replace(old, new)))
    told = str(caught.value)
    assert message in told
    assert where in told


def test_who_is_held_may_be_sent_back_and_has_called_once(tmp_path):
    fault = "faults: [{kind: replica_crash, service: front, at: 30s, requests: requeued}]\nrecord:"
    text = SHOP.replace("record:", fault).replace("work: 30ms", "work: 90ms")
    result = hookean.simulate(load(tmp_path, text))
    assert result.faults is not None
    assert result.faults["requeued"].sum() > 0
    requests = result.requests
    assert requests is not None
    # Every attempt has made its call once: those of a request whose calls have failed are made anew.
    attempts = requests.filter(pl.col("service") == "front").group_by("request").len()
    calls = requests.filter(pl.col("service") == "cart").group_by("request").len(name="calls")
    both = attempts.join(calls, on="request", how="left")
    assert both.height > 1000
    assert both["len"].equals(both["calls"])
    assert hookean.simulate(load(tmp_path, text + "engine: reference\n")).digest == result.digest


def test_a_queue_that_pushes_out_may_be_joined_to_others(tmp_path):
    queue = "queue: {discipline: priority, limit: 1, when_full: push_out}"
    classes = "classes: {gold: {share: 0.3, level: 0}, tin: {share: 0.7, level: 1}}"
    text = SHOP.replace("queue: {discipline: fifo, limit: 1}", f"{queue}, {classes}").replace(
        "work: 30ms", "work: 90ms"
    )
    result = hookean.simulate(load(tmp_path, text))
    counts = result.summary.rows_by_key("service", named=True, unique=True)
    assert counts["cart"]["rejected"] == counts["front"]["unanswered"] > 100
    assert hookean.simulate(load(tmp_path, text + "engine: reference\n")).digest == result.digest


def test_retries_after_what_cannot_happen_are_told(tmp_path):
    text = SHOP.replace("hold: true, ", "")
    [warning] = resolve(load(tmp_path, text)).warnings
    assert warning == "retries of `front` after `unanswered` never happen: it makes no synchronous calls"
