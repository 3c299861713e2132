//! Controllers that act on requests, of services that others call or that hold their requests for answers.

use super::calls::graphs::graphs;
use super::calls::{call, cases, instants};
use super::calls_theory::{estimate, exponential};
use super::support::{Read, Scene, changes, cluster, constant, ns, stage};
use super::synchronous::hold;
use super::triggers::{crowd, impatient_crowd, life, on_demand, pooled, thresholds};
use hookean_sim::run::RunOutput;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

/// Services with one queue each, whose replicas take their time to start.
fn scene(cores: u64, startups: &[f64]) -> Scene {
    let named = startups.iter().zip(["a", "b", "c", "d"]);
    let services = named.map(|(init, name)| pooled(name, *init)).collect();
    Scene::new(60.0, cluster(cores, 1), services).logged()
}

/// When replicas of a service were created and ended.
fn lives(output: &RunOutput, service: &str) -> Vec<(f64, Option<f64>)> {
    let owners = output.texts("replicas", "service");
    let rows = owners.iter().zip(life(output));
    rows.filter(|(owner, _)| owner.as_deref() == Some(service))
        .map(|(_, [created, _, ended])| (created.expect("an instant"), ended))
        .collect()
}

#[test]
fn a_call_that_finds_no_place_starts_a_replica_at_that_instant() {
    let mut scene = scene(8, &[0.0, 0.5])
        .requests(0, &[(1.0, 1.0), (1.5, 1.0)])
        .calls(vec![call(0, &[1])])
        .controller(on_demand(1, 0, 5, 2.0));
    scene.document["services"][0]["initial_replicas"] = json!(1);
    scene.document["services"][1]["work"] = constant(0.25);
    let output = scene.run();
    // The second call at 3 s finds the replica that has been idle since 2.75 s.
    assert_eq!(instants(&output, "b", "start"), [2.5, 3.0]);
    assert_eq!(lives(&output, "b"), [(2.0, Some(5.25))]);
}

#[test]
fn a_replica_that_is_called_leaves_with_the_departure_that_crosses_the_level() {
    let mut copies = call(0, &[1]);
    copies["copies"] = json!(4);
    let mut scene = scene(8, &[0.0, 0.0])
        .requests(0, &[(1.0, 1.0)])
        .calls(vec![copies])
        .controller(thresholds(1, 1, &[2], &[2]));
    for service in 0..2 {
        scene.document["services"][service]["initial_replicas"] = json!(1);
    }
    let output = scene.run();
    // Two are done at 3 s: the second replica goes before it takes one of the two that are left.
    assert_eq!(instants(&output, "b", "start"), [2.0, 2.0, 3.0, 4.0]);
    assert_eq!(changes(&output), [(2.0, 2), (3.0, 1)]);
    assert_eq!(output.counts("summary", "lost"), [0, 0]);
}

#[test]
fn a_replica_on_demand_stays_while_its_request_is_held() {
    let mut scene = scene(8, &[0.0, 0.0])
        .requests(0, &[(1.0, 1.0), (1.25, 1.0)])
        .calls(vec![hold(0, &[1])])
        .controller(on_demand(0, 0, 5, 0.0));
    scene.document["services"][1]["initial_replicas"] = json!(1);
    scene.document["services"][1]["work"] = constant(2.0);
    let output = scene.run();
    assert_eq!(instants(&output, "a", "end"), [4.0, 6.0]);
    assert_eq!(lives(&output, "a"), [(1.0, Some(4.0)), (1.25, Some(6.0))]);
}

#[test]
fn who_is_called_by_one_that_is_held_may_start_on_demand() {
    let mut scene = scene(8, &[0.0, 0.5])
        .requests(0, &[(1.0, 1.0), (1.0, 1.0)])
        .calls(vec![hold(0, &[1])])
        .controller(on_demand(1, 0, 5, 1.0));
    scene.document["services"][0]["initial_replicas"] = json!(2);
    scene.document["services"][1]["work"] = constant(2.0);
    let output = scene.run();
    assert_eq!(instants(&output, "b", "start"), [2.5, 2.5]);
    assert_eq!(instants(&output, "a", "end"), [4.5, 4.5]);
    assert_eq!(lives(&output, "b"), [(2.0, Some(5.5)), (2.0, Some(5.5))]);
}

/// On one core: what the departure frees is there for the call that it sets off.
#[test]
fn a_caller_that_leaves_gives_its_room_to_the_callee_at_the_same_instant() {
    let scene = scene(1, &[0.0, 0.0])
        .requests(0, &[(1.0, 1.0)])
        .calls(vec![call(0, &[1])])
        .controller(on_demand(0, 0, 5, 0.0))
        .controller(on_demand(1, 0, 5, 0.0));
    let output = scene.run();
    assert_eq!(lives(&output, "a"), [(1.0, Some(2.0))]);
    assert_eq!(lives(&output, "b"), [(2.0, Some(3.0))]);
    assert_eq!(instants(&output, "b", "start"), [2.0]);
}

/// The first table, or column of the requests, in which two runs differ.
fn difference<'a>(a: &RunOutput, b: &RunOutput, tables: &[&'a str]) -> Option<&'a str> {
    let other = |table: &&&str| a.table(table) != b.table(table);
    if let Some(table) = tables.iter().find(other) {
        return Some(table);
    }
    let texts = |of: &RunOutput, column| of.texts("requests", column);
    let of_texts = ["service", "outcome"].into_iter();
    let mut texts = of_texts.filter(|column| texts(a, column) != texts(b, column));
    let secs = |of: &RunOutput, column| of.secs("requests", column);
    let of_secs = ["arrival", "start", "end", "work"].into_iter();
    let mut secs = of_secs.filter(|column| secs(a, column) != secs(b, column));
    texts.next().or_else(|| secs.next())
}

/// Calls that nobody ever makes join the services: they run on the event list together, where they were lazy alone.
#[test]
fn a_call_that_is_never_made_changes_nothing() {
    for scene in [crowd(), impatient_crowd()] {
        let scene = scene.logged();
        let alone = scene.run();
        let mut never = vec![call(0, &[1, 3]), call(1, &[2]), call(2, &[3])];
        for call in &mut never {
            call["probability"] = json!(0.0);
        }
        let joined = scene.calls(never).run();
        assert_eq!(
            difference(&alone, &joined, &["decisions", "replicas", "series"]),
            None
        );
        assert!(alone.counts("decisions", "desired").len() > 2_000);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// A controller that waits for more requests than there are joins services that are lazy without it.
    #[test]
    fn prop_a_controller_that_never_acts_changes_nothing(drawn in graphs()) {
        let mut drawn = drawn;
        drawn.acts = [0; 3];
        let without = drawn.scene().logged();
        let mut with = without.clone();
        for service in [3, 4] {
            with = with.controller(thresholds(service, 2, &[1_000_000], &[0]));
        }
        let (without, with) = (without.run(), with.run());
        let tables = ["end_to_end", "critical_path", "replicas", "series", "faults"];
        prop_assert_eq!(difference(&without, &with, &tables), None);
    }
}

/// M/G/infinity: everybody has a replica of their own from arrival to answer.
#[test]
fn with_a_replica_for_each_request_nobody_waits_in_a_chain_of_synchronous_calls() {
    let mut scene = scene(10_000, &[0.0, 0.0, 0.0])
        .poisson(0, &[2000.0], 1000.0)
        .calls(vec![hold(0, &[1]), call(1, &[2])])
        .controller(on_demand(0, 0, 1000, 0.0))
        .controller(on_demand(1, 0, 1000, 0.0))
        .controller(on_demand(2, 0, 1000, 0.0));
    scene.document["horizon_ns"] = json!(ns(2000.0));
    for (service, mean) in [0.7, 1.1, 0.4].into_iter().enumerate() {
        scene.document["services"][service]["work"] = exponential(mean);
    }
    let output = scene.run();
    let owners = output.texts("requests", "service");
    let [arrivals, starts, ends, works] = ["arrival", "start", "end", "work"].map(|name| {
        let nanos = output.secs("requests", name).into_iter();
        nanos
            .map(|at| ns(at.expect("all have ended")))
            .collect::<Vec<u64>>()
    });
    assert_eq!(arrivals, starts);
    let mut trees: BTreeMap<u64, BTreeMap<&str, usize>> = BTreeMap::new();
    for (row, request) in output.counts("requests", "request").into_iter().enumerate() {
        let owner = owners[row].as_deref().expect("a service");
        trees.entry(request).or_default().insert(owner, row);
    }
    assert!(trees.len() > 1_800);
    for tree in trees.values() {
        let [a, b, c] = ["a", "b", "c"].map(|name| tree[name]);
        assert_eq!(ends[b], arrivals[b] + works[b]);
        assert_eq!(arrivals[c], ends[b]);
        // `b` holds no place for `c`, and has answered with it.
        assert_eq!(ends[a], arrivals[a] + works[a] + works[b] + works[c]);
    }
    let mut replicas: Vec<[u64; 2]> = Vec::new();
    for name in ["a", "b", "c"] {
        let of = lives(&output, name).into_iter();
        replicas.extend(of.map(|(from, to)| [ns(from), ns(to.expect("an end"))]));
    }
    let mut requests: Vec<[u64; 2]> = arrivals.into_iter().zip(ends).map(Into::into).collect();
    replicas.sort_unstable();
    requests.sort_unstable();
    assert_eq!(replicas, requests);
}

/// Mean number in the system where a second server comes with the third request, and goes when only one is left.
fn mean_number(rate: f64) -> f64 {
    // States: one server and 0, 1, 2 requests; then two servers and 2, 3, ...
    const MOST: usize = 300;
    let mut shares = vec![1.0; MOST + 1];
    let number = |state: usize| if state < 3 { state } else { state - 1 };
    for _ in 0..20_000 {
        let s = &mut shares;
        s[0] = s[1] / rate;
        s[1] = (rate * s[0] + s[2] + 2.0 * s[3]) / (rate + 1.0);
        s[2] = rate * s[1] / (rate + 1.0);
        s[3] = 2.0 * s[4] / (rate + 2.0);
        s[4] = (rate * (s[2] + s[3]) + 2.0 * s[5]) / (rate + 2.0);
        for n in 5..MOST {
            s[n] = (rate * s[n - 1] + 2.0 * s[n + 1]) / (rate + 2.0);
        }
        s[MOST] = rate * s[MOST - 1] / 2.0;
    }
    let all: f64 = shares.iter().sum();
    let weighted = shares.iter().enumerate();
    weighted
        .map(|(state, share)| number(state) as f64 * share)
        .sum::<f64>()
        / all
}

/// Departures of M/M/1 are Poisson (P. J. Burke 1956), so what it calls is a queue by itself.
#[test]
fn levels_behind_a_queue_are_as_the_chain_of_states_says() {
    let rate = 0.8;
    let run = |seed: u64| {
        let mut scene = scene(8, &[0.0, 0.0])
            .poisson(0, &[rate * 20_000.0], 20_000.0)
            .calls(vec![call(0, &[1])])
            .controller(thresholds(1, 1, &[2], &[1]));
        scene.document["record"]["requests"] = json!({"keep": "off"});
        scene.document["horizon_ns"] = json!(ns(20_000.0));
        scene.document["seed"] = json!(seed);
        for (service, mean) in [0.6, 1.0].into_iter().enumerate() {
            scene.document["services"][service]["initial_replicas"] = json!(1);
            scene.document["services"][service]["work"] = exponential(mean);
        }
        scene.run().secs("summary", "latency_mean")[1].expect("a mean")
    };
    let (mean, error) = estimate(&(0..20).map(run).collect::<Vec<_>>());
    let expected = mean_number(rate) / rate;
    assert!(
        (mean - expected).abs() < 4.0 * error,
        "{mean} not {expected}"
    );
    assert!(error < 0.02 * expected, "{error}");
}

/// What a person sees cut into other steps, in other engines and on threads.
#[test]
fn looking_on_and_threads_change_nothing() {
    let scene = |engine: &str, step: f64| {
        let mut scene = scene(12, &[0.0, 0.4, 0.0, 1.0])
            .poisson(0, &[600.0, 1800.0], 300.0)
            .poisson(2, &[300.0], 600.0)
            .calls(vec![hold(0, &[1]), call(0, &[3]), hold(1, &[2])])
            .controller(thresholds(0, 1, &[2, 4], &[1, 2]))
            .controller(on_demand(1, 0, 6, 1.0))
            .controller(on_demand(3, 0, 6, 0.0));
        scene.document["horizon_ns"] = json!(ns(900.0));
        for service in 0..4 {
            scene.document["services"][service]["work"] = exponential(0.2);
            scene.document["services"][service]["initial_replicas"] = json!(2);
        }
        scene.document["services"][3]["startup"] = json!([stage("init", 1.0)]);
        scene.document["engine"] = json!(engine);
        scene.document["record"]["series_step_ns"] = json!(ns(step));
        scene
    };
    let whole = scene("lazy", 60.0).run();
    assert!(whole.counts("decisions", "desired").len() > 1_000);
    let completed = whole.counts("summary", "completed");
    assert!(completed.iter().all(|n| *n > 1_500), "{completed:?}");
    let same = |other: &RunOutput| {
        assert_eq!(whole.digest, other.digest);
        for table in ["end_to_end", "critical_path", "decisions", "requests"] {
            assert!(whole.table(table) == other.table(table), "{table}");
        }
    };
    same(&scene("lazy", 0.37).run());
    same(&scene("reference", 7.0).run());
    same(&scene("lazy", 60.0).run_with(3, &mut |_, _| hookean_sim::run::Heartbeat::Continue));
}
