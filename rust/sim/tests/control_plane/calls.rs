//! Calls between services: who calls whom when, and that neither engine, threads nor intervals matter.
//!
//! `HOOKEAN_EXACTNESS_CASES` sets how many random graphs are tried (default 40).

pub(super) mod graphs;

use super::run::hpa;
use super::support::{Read, Scene, cluster, constant, ns, service, stage};
use graphs::{Drawn, graphs};
use hookean_kernel::SimTime;
use hookean_sim::run::{Heartbeat, RunOutput};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn call(from: usize, to: &[usize]) -> Value {
    json!({"service": from, "to": to, "probability": 1.0, "copies": 1, "hold": false, "delay": constant(0.0), "wait_for": {"wait": "all"}, "deadline_ns": null, "retry": null})
}

impl Scene {
    pub(crate) fn calls(mut self, calls: Vec<Value>) -> Self {
        self.document["calls"] = Value::Array(calls);
        self
    }

    pub(super) fn logged(mut self) -> Self {
        self.document["record"]["requests"] = json!({"keep": "full"});
        self
    }
}

/// Services of one-second requests, each with `replicas`.
pub(super) fn scene(horizon: f64, replicas: &[u32]) -> Scene {
    let names = ["a", "b", "c", "d", "e", "f"];
    let services = replicas
        .iter()
        .zip(names)
        .map(|(n, name)| service(name, *n));
    Scene::new(horizon, cluster(100, 1), services.collect())
}

/// Instants of a column of the requests of one service, sorted.
pub(super) fn instants(output: &RunOutput, of: &str, name: &str) -> Vec<f64> {
    let owners = output.texts("requests", "service");
    let rows = owners.iter().zip(output.secs("requests", name));
    let mut found: Vec<f64> = rows
        .filter(|(owner, _)| owner.as_deref() == Some(of))
        .filter_map(|(_, at)| at)
        .collect();
    found.sort_by(f64::total_cmp);
    found
}

#[test]
fn a_completed_request_sets_off_others_at_once() {
    let output = scene(60.0, &[1, 1, 2])
        .requests(0, &[(1.0, 1.0), (1.5, 1.0), (9.0, 0.5)])
        .calls(vec![call(0, &[1, 2]), call(1, &[2])])
        .logged()
        .run();
    assert_eq!(instants(&output, "a", "end"), [2.0, 3.0, 9.5]);
    assert_eq!(instants(&output, "b", "arrival"), [2.0, 3.0, 9.5]);
    assert_eq!(instants(&output, "b", "end"), [3.0, 4.0, 10.5]);
    // Those of `a`, and a second later those of `b`.
    assert_eq!(
        instants(&output, "c", "arrival"),
        [2.0, 3.0, 3.0, 4.0, 9.5, 10.5]
    );
    assert_eq!(output.counts("summary", "completed"), [3, 3, 6]);
}

#[test]
fn calls_take_their_time_and_come_in_copies_beside_open_arrivals() {
    let mut delayed = call(0, &[1]);
    delayed["copies"] = json!(3);
    delayed["delay"] = constant(0.25);
    let output = scene(60.0, &[1, 9])
        .requests(0, &[(1.0, 1.0), (50.0, 20.0)])
        .requests(1, &[(0.5, 1.0), (2.25, 0.125)])
        .calls(vec![delayed])
        .logged()
        .run();
    assert_eq!(
        instants(&output, "b", "arrival"),
        [0.5, 2.25, 2.25, 2.25, 2.25]
    );
    assert_eq!(
        instants(&output, "b", "end"),
        [1.5, 2.375, 3.25, 3.25, 3.25]
    );
}

#[test]
fn what_was_not_completed_calls_nobody() {
    let mut scene = scene(60.0, &[1, 1])
        .requests(0, &[(1.0, 5.0), (1.5, 1.0), (2.0, 1.0)])
        .calls(vec![call(0, &[1])])
        .logged();
    scene.document["services"][0]["queue"]["limit"] = json!(0);
    assert_eq!(instants(&scene.run(), "b", "arrival"), [6.0]);
}

#[test]
fn a_probability_holds_for_all_services_of_a_call_together() {
    let mut sometimes = call(0, &[1, 2]);
    sometimes["probability"] = json!(0.3);
    let output = scene(4000.0, &[1, 1, 1])
        .poisson(0, &[2000.0], 4000.0)
        .calls(vec![sometimes])
        .logged()
        .run();
    let (sent, made) = (
        output.counts("summary", "completed")[0],
        instants(&output, "b", "arrival"),
    );
    assert_eq!(made, instants(&output, "c", "arrival"));
    let (expected, deviation) = (0.3 * sent as f64, (0.21 * sent as f64).sqrt());
    assert!(
        (made.len() as f64 - expected).abs() < 5.0 * deviation,
        "{} of {sent}",
        made.len()
    );
}

#[test]
fn failed_calls_come_back_by_the_rule_of_their_call() {
    let mut retried = call(0, &[2]);
    retried["retry"] = json!({
        "after_rejected": true, "after_timed_out": true, "after_lost": true, "after_unanswered": true, "attempts_max": 3, "budget": null,
        "backoff": {"initial_ns": ns(0.5), "factor": 2.0, "maximum_ns": ns(4.0), "jitter": "none"},
    });
    let mut scene = scene(60.0, &[1, 1, 1])
        .requests(0, &[(1.0, 1.0)])
        .requests(1, &[(1.5, 1.0)])
        .requests(2, &[(1.75, 2.5)])
        .calls(vec![retried, call(1, &[2])])
        .logged();
    scene.document["services"][2]["queue"]["limit"] = json!(0);
    let output = scene.run();
    // The call of `a` finds the only place taken at 2, 2.5 and 3.5, that of `b` once at 2.5.
    assert_eq!(
        instants(&output, "c", "arrival"),
        [1.75, 2.0, 2.5, 2.5, 3.5]
    );
    assert_eq!(output.counts("summary", "retries"), [0, 0, 2]);
    assert_eq!(output.counts("summary", "given_up"), [0, 0, 2]);
}

#[test]
fn a_request_has_the_same_calls_whatever_happens_to_others() {
    let mut sometimes = call(0, &[1]);
    sometimes["probability"] = json!(0.5);
    let scene = |replicas| {
        let mut scene = scene(5000.0, &[replicas, 50])
            .poisson(0, &[1000.0], 1000.0)
            .calls(vec![sometimes.clone()])
            .logged();
        scene.document["services"][1]["work"] =
            json!({"distribution": "exponential", "mean_ns": ns(1.0)});
        scene.run()
    };
    let works = |output: &RunOutput| instants(output, "b", "work");
    let [few, many] = [1, 40].map(scene);
    assert!(works(&few).len() > 300);
    assert_eq!(works(&few), works(&many));
    assert_ne!(few.digest, many.digest);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let with = |calls| {
        scene(60.0, &[1, 1, 1])
            .requests(0, &[(1.0, 1.0)])
            .calls(calls)
            .refusal()
    };
    let changed = |field: &str, value: Value| {
        let mut call = call(0, &[1]);
        call[field] = value;
        with(vec![call])
    };
    let ring = with(vec![call(0, &[1]), call(1, &[2]), call(2, &[0])]);
    assert!(
        ring.contains("lead from a service back to itself"),
        "{ring}"
    );
    assert!(with(vec![call(0, &[0])]).contains("back to itself"));
    assert!(changed("to", json!([7])).contains("does not exist"));
    assert!(changed("to", json!([])).contains("is empty"));
    assert!(changed("to", json!([1, 1])).contains("repeats one"));
    assert!(changed("probability", json!(1.5)).contains("not between 0 and 1"));
    assert!(changed("copies", json!(0)).contains("is zero"));
    assert!(with(vec![call(1, &[2]), call(0, &[1])]).contains("not sorted"));
}

#[test]
fn who_is_called_has_single_requests() {
    let fluid = scene(60.0, &[1, 1])
        .load(1, &[(1.0, 60.0)])
        .calls(vec![call(0, &[1])]);
    assert!(fluid.refusal().contains("fluid load"));
    let mut binned = scene(60.0, &[1, 1]).calls(vec![call(0, &[1])]);
    binned.document["services"][1]["fidelity"] = json!({"tier": "binned", "bin_ns": ns(1.0)});
    assert!(binned.refusal().contains("in bins"));
}

/// Latencies from end to end of the first head, in seconds: answered, unanswered, waiting, mean and largest.
pub(super) fn answers(output: &RunOutput) -> ([u64; 3], Option<f64>, Option<f64>) {
    let counts =
        ["answered", "unanswered", "waiting"].map(|name| output.counts("end_to_end", name)[0]);
    let [mean, max] =
        ["latency_mean", "latency_max"].map(|name| output.secs("end_to_end", name)[0]);
    (counts, mean, max)
}

/// Service, requests and mean time of the rows of `critical_path`.
pub(super) fn critical(output: &RunOutput) -> Vec<(Option<String>, u64, Option<f64>)> {
    let services = output.texts("critical_path", "service").into_iter();
    let requests = output.counts("critical_path", "requests");
    let times = output.secs("critical_path", "time_mean");
    services
        .zip(requests)
        .zip(times)
        .map(|((s, r), t)| (s, r, t))
        .collect()
}

#[test]
fn an_answer_waits_for_all_calls_and_the_slowest_way_is_critical() {
    let mut to_c = call(0, &[2]);
    to_c["delay"] = constant(0.5);
    let mut scene = scene(60.0, &[1, 1, 1, 1])
        .requests(0, &[(1.0, 1.0), (10.0, 2.0)])
        .calls(vec![call(0, &[1]), to_c, call(2, &[3])]);
    scene.document["services"][1]["work"] = constant(3.0);
    let output = scene.run();
    // a 1 s; then b 3 s beside 0.5 s, c 1 s and d 1 s: answered by b after 4 s. The second request takes a second longer.
    assert_eq!(answers(&output), ([2, 0, 0], Some(4.5), Some(5.0)));
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(
        critical(&output),
        [
            (name("a"), 2, Some(1.5)),
            (name("b"), 2, Some(3.0)),
            (None, 2, Some(0.0))
        ]
    );
    scene.document["services"][1]["work"] = constant(2.0);
    let output = scene.run();
    assert_eq!(
        critical(&output),
        [
            (name("a"), 2, Some(1.5)),
            (name("c"), 2, Some(1.0)),
            (name("d"), 2, Some(1.0)),
            (None, 2, Some(0.5))
        ]
    );
    let shares = output.reals("critical_path", "share_ratio");
    assert_eq!(shares[3], Some(0.125));
}

#[test]
fn an_answer_may_wait_for_the_first_for_some_or_for_none() {
    let waits = |wait: Value| {
        let mut copies = call(0, &[1]);
        copies["copies"] = json!(4);
        copies["wait_for"] = wait;
        let scene = scene(60.0, &[1, 1])
            .requests(0, &[(1.0, 1.0)])
            .calls(vec![copies]);
        answers(&scene.run())
    };
    // One replica serves the four calls one after the other.
    for (wait, latency) in [
        (json!({"wait": "all"}), 5.0),
        (json!({"wait": "some", "count": 1}), 2.0),
        (json!({"wait": "some", "count": 3}), 4.0),
        (json!({"wait": "nothing"}), 1.0),
    ] {
        assert_eq!(waits(wait), ([1, 0, 0], Some(latency), Some(latency)));
    }
}

#[test]
fn a_request_stays_unanswered_when_too_many_calls_fail_and_waits_while_they_last() {
    let ends = |wait: Value, horizon: f64| {
        let mut copies = call(0, &[1]);
        copies["copies"] = json!(4);
        copies["wait_for"] = wait;
        let mut scene = scene(horizon, &[1, 1])
            .requests(0, &[(1.0, 1.0)])
            .calls(vec![copies]);
        scene.document["services"][1]["queue"]["limit"] = json!(1);
        answers(&scene.run())
    };
    // Of four calls at 2 s, one is served at once, one waits, two are rejected.
    let some = |count: u64| json!({"wait": "some", "count": count});
    assert_eq!(ends(json!({"wait": "all"}), 60.0), ([0, 1, 0], None, None));
    assert_eq!(ends(some(3), 60.0), ([0, 1, 0], None, None));
    assert_eq!(ends(some(2), 60.0), ([1, 0, 0], Some(3.0), Some(3.0)));
    assert_eq!(ends(some(2), 3.5), ([0, 0, 1], None, None));
    assert_eq!(ends(some(1), 3.5), ([1, 0, 0], Some(2.0), Some(2.0)));
}

#[test]
fn retries_are_part_of_the_time_in_a_service() {
    let mut retried = call(0, &[1]);
    retried["retry"] = json!({
        "after_rejected": true, "after_timed_out": true, "after_lost": true, "after_unanswered": true, "attempts_max": 3, "budget": null,
        "backoff": {"initial_ns": ns(0.5), "factor": 2.0, "maximum_ns": ns(4.0), "jitter": "none"},
    });
    let mut scene = scene(60.0, &[1, 1])
        .requests(0, &[(1.0, 1.0)])
        .requests(1, &[(1.75, 2.5)])
        .calls(vec![retried]);
    scene.document["services"][1]["queue"]["limit"] = json!(0);
    // Tried in vain at 2 s, 2.5 s and 3.5 s.
    assert_eq!(answers(&scene.run()), ([0, 1, 0], None, None));
    scene.document["calls"][0]["retry"]["attempts_max"] = json!(4);
    // The fourth time is at 5.5 s.
    assert_eq!(answers(&scene.run()), ([1, 0, 0], Some(5.5), Some(5.5)));
}

/// It stops at triggers by itself; the one it calls is told of its requests in time all the same.
#[test]
fn a_caller_may_scale_on_demand() {
    let on_demand = json!({
        "kind": "on-demand", "service": 0, "period_ns": ns(1e9), "phase_ns": 0,
        "metrics": {"pipeline": "ideal", "window_ns": 0}, "config": {"min": 0, "max": 20, "keep_alive_ns": ns(3.0)},
    });
    let run = |threads, engine: &str, step: f64| {
        let mut scene = scene(600.0, &[0, 3])
            .poisson(0, &[900.0], 600.0)
            .poisson(1, &[60.0], 600.0)
            .calls(vec![call(0, &[1])])
            .controller(on_demand.clone())
            .controller(hpa(1));
        scene.document["services"][0]["queue"]["discipline"] = json!("central_fifo");
        scene.document["services"][0]["startup"] = json!([stage("create", 0.5)]);
        scene.document["services"][0]["work"] =
            json!({"distribution": "exponential", "mean_ns": ns(1.0)});
        scene.document["services"][1]["work"] = constant(0.8);
        scene.document["engine"] = json!(engine);
        scene.document["record"]["series_step_ns"] = json!(ns(step));
        scene.run_with(threads, &mut beat())
    };
    let output = run(1, "lazy", 60.0);
    let completed = output.counts("summary", "completed");
    assert!(completed[0] > 800 && completed[1] > 850, "{completed:?}");
    assert!(output.counts("summary", "replicas_created")[0] > 100);
    for other in [
        run(2, "lazy", 60.0),
        run(1, "lazy", 0.37),
        run(1, "reference", 7.0),
    ] {
        assert_eq!(output.digest, other.digest);
        assert_eq!(output.table("end_to_end"), other.table("end_to_end"));
    }
}

#[test]
fn a_sample_of_requests_keeps_whole_trees() {
    let arrivals: Vec<(f64, f64)> = (0..400).map(|n| (0.05 * f64::from(n), 0.01)).collect();
    let mut held = call(0, &[1, 2]);
    (held["hold"], held["copies"]) = (json!(true), json!(2));
    let mut later = call(1, &[3]);
    later["copies"] = json!(3);
    for first in [held, call(0, &[1, 2])] {
        let scene = scene(2000.0, &[9, 9, 9, 9])
            .requests(0, &arrivals)
            .requests(2, &arrivals[..50])
            .calls(vec![first, later.clone(), call(2, &[3])]);
        let rows = |requests: Value| {
            let mut document = scene.document.clone();
            document["record"]["requests"] = requests;
            let arrays = scene.arrays.clone();
            let output = Scene { document, arrays }.run();
            let mut rows = BTreeMap::new();
            for number in output.counts("requests", "request") {
                *rows.entry(number).or_insert(0) += 1;
            }
            rows
        };
        let (all, kept) = (
            rows(json!({"keep": "full"})),
            rows(json!({"keep": "sampled", "one_in": 5})),
        );
        assert!((50..110).contains(&kept.len()), "{} of 400", kept.len());
        assert!(kept.iter().all(|(number, count)| all[number] == *count));
    }
}

/// First arrival at the head and last end of each tree in the request log without a failure, by head and number of its
/// request.
fn whole_trees(output: &RunOutput) -> BTreeMap<(String, u64), (f64, f64)> {
    let mut trees = BTreeMap::new();
    let [owners, heads, outcomes] =
        ["service", "head", "outcome"].map(|name| output.texts("requests", name));
    let [arrivals, ends] = ["arrival", "end"].map(|name| output.secs("requests", name));
    for (row, request) in output.counts("requests", "request").into_iter().enumerate() {
        let head = heads[row].clone().or_else(|| owners[row].clone());
        let arrival = arrivals[row].expect("it arrived");
        let end = ends[row].filter(|_| outcomes[row].as_deref() == Some("completed"));
        let end = end.unwrap_or(f64::INFINITY);
        let tree = trees
            .entry((head.expect("a service"), request))
            .or_insert((arrival, end));
        *tree = (tree.0.min(arrival), tree.1.max(end));
    }
    trees.retain(|_, (_, end)| end.is_finite());
    trees
}

pub(super) fn cases() -> u32 {
    let cases = std::env::var("HOOKEAN_EXACTNESS_CASES").ok();
    cases.and_then(|n| n.parse().ok()).unwrap_or(40)
}

fn beat() -> impl FnMut(SimTime, u64) -> Heartbeat {
    |_, _| Heartbeat::Continue
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn prop_engines_threads_and_intervals_give_the_same(drawn in graphs()) {
        let scene = drawn.scene();
        let lazy = scene.run();
        let called: Vec<u64> = scene.document["calls"][0]["to"].as_array().expect("a list")
            .iter().filter_map(Value::as_u64).collect();
        // Requests that keep their places for slow answers may be too few for a call of small probability, and asynchronous
        // calls wait for answers that may never come: there it is seen without places being held that the graph calls.
        let mut open = scene.clone();
        for call in open.document["calls"].as_array_mut().expect("a list") {
            call["hold"] = json!(false);
        }
        let held = drawn.calls.iter().any(|call| call.5[1]);
        let arrivals = if held { open.run().counts("summary", "arrivals") } else { lazy.counts("summary", "arrivals") };
        prop_assert!(called.iter().all(|to| arrivals[*to as usize] > 0), "{:?}", arrivals);
        let mut others = vec![scene.run_with(2, &mut beat()), scene.run_with(3, &mut beat())];
        let mut other = scene.clone();
        other.document["record"]["series_step_ns"] = json!(ns(0.7));
        others.push(other.run());
        other.document["engine"] = json!("reference");
        others.push(other.run());
        for other in others {
            prop_assert_eq!(&lazy.digest, &other.digest);
            for table in ["end_to_end", "critical_path"] {
                prop_assert_eq!(lazy.table(table), other.table(table));
            }
        }
    }

    #[test]
    fn prop_an_answer_comes_with_the_last_of_its_tree(drawn in graphs()) {
        let drawn = Drawn { limit: None, faults: false, clients: false, ..drawn };
        let mut scene = drawn.scene().logged();
        scene.document["horizon_ns"] = json!(ns(100_000.0));
        for call in scene.document["calls"].as_array_mut().expect("a list") {
            call["wait_for"] = json!({"wait": "all"});
            call["retry"] = Value::Null;
        }
        let output = scene.run();
        let names = output.texts("end_to_end", "service");
        let trees = whole_trees(&output);
        for (at, name) in names.iter().enumerate() {
            let of_head = trees.iter().filter(|((head, _), _)| Some(head) == name.as_ref());
            let latencies: Vec<f64> = of_head.map(|(_, (arrival, end))| end - arrival).collect();
            prop_assert_eq!(output.counts("end_to_end", "answered")[at], latencies.len() as u64);
            let largest = latencies.iter().copied().reduce(f64::max);
            let mean = largest.map(|_| latencies.iter().sum::<f64>() / latencies.len() as f64);
            for (expected, name) in [(largest, "latency_max"), (mean, "latency_mean")] {
                let found = output.secs("end_to_end", name)[at];
                let same = found.zip(expected).is_none_or(|(a, b)| (a - b).abs() < 1e-6);
                prop_assert!(same && found.is_some() == expected.is_some(), "{:?} {:?}", found, expected);
            }
        }
    }
}
