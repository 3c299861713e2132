//! Synchronous calls against queueing theory, and against the same requests without them.

use super::calls::{answers, instants};
use super::calls_theory::{estimate, exponential};
use super::support::{Read, Scene, cluster, constant, ns, service};
use super::synchronous::hold;
use hookean_sim::run::RunOutput;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A service with one queue for so many servers, each with a core of its own.
fn servers(name: &str, count: u64, work: Value) -> Value {
    let mut service = service(name, 1);
    service["queue"]["discipline"] = json!("central_fifo");
    service["replica"]["cpu_millicores"] = json!(1000 * count);
    service["replica"]["concurrency"] = json!(count);
    service["work"] = work;
    service
}

fn scene(horizon: f64, rate: f64, services: Vec<Value>) -> Scene {
    Scene::new(horizon, cluster(10_000, 1), services).poisson(0, &[rate * horizon], horizon)
}

/// Who waits where they call and where they are called, and nowhere else, waits as long if nobody lacks a place to be held.
#[test]
fn with_places_for_all_synchronous_calls_are_as_asynchronous_ones() {
    let run = |synchronous: bool| {
        let services = vec![
            servers("a", 1000, exponential(0.5)),
            servers("b", 1000, exponential(1.0)),
            servers("c", 2, exponential(0.7)),
            servers("d", 3, exponential(0.9)),
        ];
        let mut calls = vec![hold(0, &[1, 2]), hold(1, &[3])];
        calls[0]["delay"] = exponential(0.1);
        calls[0]["probability"] = json!(0.8);
        for call in &mut calls {
            call["hold"] = json!(synchronous);
        }
        let mut scene = scene(2000.0, 2.0, services).calls(calls).logged();
        scene.document["horizon_ns"] = json!(ns(4000.0));
        scene.run()
    };
    let (held, free) = (run(true), run(false));
    assert!(answers(&held).0[0] > 3500);
    for table in ["end_to_end", "critical_path"] {
        assert_eq!(held.table(table), free.table(table));
    }
    for service in ["c", "d"] {
        for column in ["arrival", "start", "end"] {
            assert_eq!(
                instants(&held, service, column),
                instants(&free, service, column)
            );
        }
    }
    // Each request: its own end where it is held, the last of its tree where it is not.
    let ends = |output: &RunOutput, all: bool| {
        let owners = output.texts("requests", "service");
        let requests = output.counts("requests", "request");
        let ends = output.secs("requests", "end");
        let mut last: BTreeMap<u64, f64> = BTreeMap::new();
        for row in (0..owners.len()).filter(|row| all || owners[*row].as_deref() == Some("a")) {
            let end = last.entry(requests[row]).or_default();
            *end = end.max(ends[row].expect("all have ended"));
        }
        last
    };
    assert_eq!(ends(&held, false), ends(&free, true));
}

#[test]
fn a_caller_with_one_place_is_a_server_whose_time_is_the_sum() {
    let services = vec![
        servers("a", 1, exponential(0.4)),
        servers("b", 1, exponential(0.3)),
    ];
    let mut scene = scene(2000.0, 1.2, services)
        .calls(vec![hold(0, &[1])])
        .logged();
    scene.document["horizon_ns"] = json!(ns(4000.0));
    let output = scene.run();
    let owners = output.texts("requests", "service");
    let [arrivals, works] = ["arrival", "work"].map(|name| output.secs("requests", name));
    let mut sums: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for (row, request) in output.counts("requests", "request").into_iter().enumerate() {
        let sum = sums.entry(request).or_default();
        sum.1 += works[row].expect("a length");
        if owners[row].as_deref() == Some("a") {
            sum.0 = arrivals[row].expect("an instant");
        }
    }
    let requests: Vec<(f64, f64)> = sums.into_values().collect();
    assert!(requests.len() > 2000);
    let one = vec![servers("one", 1, constant(1.0))];
    let alone = Scene::new(4000.0, cluster(10, 1), one)
        .requests(0, &requests)
        .logged()
        .run();
    let nanos = |output: &RunOutput, service: &str| -> Vec<u64> {
        instants(output, service, "end")
            .into_iter()
            .map(ns)
            .collect()
    };
    assert_eq!(nanos(&output, "a"), nanos(&alone, "one"));
}

/// Probability that all of `servers` are busy, at an offered load of `load` (A. K. Erlang 1917).
fn erlang_c(servers: u64, load: f64) -> f64 {
    let inverse_b = (1..=servers).fold(1.0, |inverse, n| 1.0 + inverse * n as f64 / load);
    let blocked = 1.0 / inverse_b;
    let free = 1.0 - load / servers as f64;
    blocked / (free + blocked * (1.0 - free))
}

/// A caller without work of its own and with fewer places than the service behind has servers is a queue for as many servers
/// as it has places.
#[test]
fn places_of_a_caller_are_the_servers_of_its_queue() {
    let (rate, places) = (2.2, 3);
    let run = |seed: u64| {
        let services = vec![
            servers("a", places, constant(0.0)),
            servers("b", 5, exponential(1.0)),
        ];
        let mut scene = scene(10_000.0, rate, services).calls(vec![hold(0, &[1])]);
        scene.document["seed"] = json!(seed);
        let output = scene.run();
        assert_eq!(output.secs("summary", "wait_mean")[1], Some(0.0));
        output.secs("summary", "wait_mean")[0].expect("a mean")
    };
    let waits: Vec<f64> = (0..20).map(run).collect();
    let (mean, error) = estimate(&waits);
    let expected = erlang_c(places, rate) / (places as f64 - rate);
    assert!(
        (mean - expected).abs() < 4.0 * error,
        "{mean} not {expected}"
    );
    assert!(error < 0.03 * expected, "{error}");
}

/// A caller that turns away whom it has no place for, before k servers with a queue: M/M/k/c, of whose states the last has
/// the share `rho^(c-k) a^k/k!` of the sum of all (D. G. Kendall 1953).
#[test]
fn a_caller_without_a_queue_is_the_room_of_the_queue_behind() {
    let (rate, places, behind) = (1.8, 4_u64, 2_u64);
    let run = |seed: u64| {
        let mut front = servers("a", places, constant(0.0));
        front["queue"]["limit"] = json!(0);
        let services = vec![front, servers("b", behind, exponential(1.0))];
        let mut scene = scene(10_000.0, rate, services).calls(vec![hold(0, &[1])]);
        scene.document["seed"] = json!(seed);
        let output = scene.run();
        let [arrivals, rejected] =
            ["arrivals", "rejected"].map(|name| output.counts("summary", name)[0] as f64);
        rejected / arrivals
    };
    let (mean, error) = estimate(&(0..20).map(run).collect::<Vec<_>>());
    let states = (0..=places).scan(1.0, |state, n| {
        if n > 0 {
            *state *= rate / n.min(behind) as f64;
        }
        Some(*state)
    });
    let states: Vec<f64> = states.collect();
    let expected = states[places as usize] / states.iter().sum::<f64>();
    assert!(
        (mean - expected).abs() < 4.0 * error,
        "{mean} not {expected}"
    );
    assert!(error < 0.02 * expected, "{error}");
}
