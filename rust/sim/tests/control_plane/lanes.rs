//! Loops that run ahead of the rest of a run: the same result as when every step is taken in the order of time.
//!
//! `HOOKEAN_EXACTNESS_CASES` sets how many random scenes are tried (default 60). What once failed is kept in
//! `proptest-regressions` and tried first.

use super::calls_theory::exponential;
use super::faults::{every, fault, loss};
use super::outlet::assert_same_rows;
use super::outsider::{outsider, outsider_of_nodes};
use super::run::hpa;
use super::scaling::target_tracking;
use super::support::{Read, SECOND, Scene, changes, cluster, fixed, fleet, ns, service, stage};
use super::triggers::{on_demand, thresholds};
use hookean_kernel::SimTime;
use hookean_sim::run::{Heartbeat, RunOutput};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::{Value, json};

const HORIZON: f64 = 900.0;

fn every_beat(scene: &Scene, threads: usize, in_order: bool) -> RunOutput {
    scene.run_as(threads, in_order, &mut |_, _| Heartbeat::Continue)
}

fn assert_same(scene: &Scene) -> RunOutput {
    let in_order = every_beat(scene, 1, true);
    for threads in [1, 2] {
        let ahead = every_beat(scene, threads, false);
        assert_eq!(in_order.digest, ahead.digest);
        assert_eq!(in_order.tables, ahead.tables);
    }
    in_order
}

/// A run that is stopped has come to one instant with all services, and is the same as one that ends there.
fn assert_same_when_stopped(scene: &Scene, secs: f64) {
    let stopped = scene.run_as(1, false, &mut |at, _| {
        if at.as_secs_f64() < secs {
            Heartbeat::Continue
        } else {
            Heartbeat::Stop
        }
    });
    let mut short = scene.clone();
    short.document["horizon_ns"] = json!(stopped.end.as_nanos());
    let whole = every_beat(&short, 1, true);
    assert_eq!(stopped.digest, whole.digest);
    assert_eq!(stopped.tables, whole.tables);
}

/// A run that a policy outside of the engine ends is the same however far others might have run ahead.
fn assert_same_when_failing(scene: &Scene, secs: f64) {
    let run = |threads, in_order| {
        let from = SimTime::from_nanos(ns(secs));
        let mut beat = |_, _| Heartbeat::Continue;
        scene.run_failing(from, threads, in_order, &mut beat)
    };
    let in_order = run(1, true);
    for threads in [1, 2] {
        let ahead = run(threads, false);
        assert_eq!(in_order.failure.is_some(), ahead.failure.is_some());
        assert_eq!(in_order.digest, ahead.digest);
        assert_eq!(in_order.tables, ahead.tables);
    }
}

/// How a service is scaled.
#[derive(Debug, Clone, Copy)]
enum Scaled {
    Never,
    ByCpu,
    ByRate,
    ByAlarms,
    Once,
    OnDemand,
    AtThresholds,
    Twice,
    Outside(u64),
    OutsideAtOnce,
}

fn ideal_hpa(service: usize) -> Value {
    let mut hpa = hpa(service);
    hpa["metrics"] = json!({"pipeline": "ideal", "window_ns": 15 * SECOND});
    let rate = json!({"type": "pods", "name": "requests_per_second", "average_value_milli": 700});
    hpa["config"]["metrics"] = json!([rate]);
    hpa
}

fn controllers(scaled: Scaled, service: usize) -> Vec<Value> {
    match scaled {
        Scaled::Never => vec![],
        Scaled::ByCpu => vec![hpa(service)],
        Scaled::ByRate => vec![ideal_hpa(service)],
        Scaled::ByAlarms => {
            let mut controller = target_tracking(5);
            controller["service"] = json!(service);
            vec![controller]
        }
        Scaled::Once => vec![fixed(service, 3, 100.0)],
        Scaled::OnDemand => vec![on_demand(service, 0, 4, 20.0)],
        Scaled::AtThresholds => vec![thresholds(service, 1, &[3, 6, 9], &[1, 3, 6])],
        Scaled::Twice => vec![fixed(service, 4, 200.0), ideal_hpa(service)],
        Scaled::Outside(period_s) => {
            let kubernetes = &hpa(service)["metrics"];
            vec![outsider(service, period_s, kubernetes)]
        }
        Scaled::OutsideAtOnce => {
            let ideal = json!({"pipeline": "ideal", "window_ns": 0});
            vec![outsider(service, 15, &ideal)]
        }
    }
}

fn scaled() -> impl Strategy<Value = Scaled> {
    prop_oneof![
        1 => Just(Scaled::Never),
        3 => Just(Scaled::ByCpu),
        3 => Just(Scaled::ByRate),
        2 => Just(Scaled::ByAlarms),
        1 => Just(Scaled::Once),
        1 => Just(Scaled::OnDemand),
        1 => Just(Scaled::AtThresholds),
        1 => Just(Scaled::Twice),
        2 => prop_oneof![Just(15), Just(20)].prop_map(Scaled::Outside),
        2 => Just(Scaled::OutsideAtOnce),
    ]
}

/// Faults of a scene: of nodes, and of the replicas of its first service.
fn faults() -> Vec<Value> {
    let nodes = || json!({"of": "node", "node": null});
    let replicas = || json!({"of": "replica", "service": 0, "replica": null});
    let crash =
        |recovery: &str| json!({"kind": "replica_crash", "requests": "lost", "recovery": recovery});
    let scripted = |secs: f64| json!({"when": "at", "at_ns": ns(secs)});
    vec![
        fault(loss("lost"), nodes(), every(400.0), Some(25.0)),
        fault(loss("lost"), nodes(), scripted(300.0), Some(60.0)),
        fault(crash("restart"), replicas(), every(90.0), None),
        fault(crash("replace"), replicas(), every(120.0), None),
        fault(crash("replace"), replicas(), scripted(200.0), None),
        fault(
            json!({"kind": "slow_down", "speed_ratio": 0.4}),
            nodes(),
            every(200.0),
            Some(20.0),
        ),
        fault(
            json!({"kind": "pause"}),
            replicas(),
            every(100.0),
            Some(3.0),
        ),
    ]
}

/// Changes of CPU in place, of one of so many services each.
fn resizes(services: usize) -> impl Strategy<Value = Vec<Value>> {
    let cpu = prop::sample::select(vec![300_u64, 700, 1000, 1500, 2000]);
    let resize = (0.0..HORIZON, 0..services, cpu);
    prop::collection::vec(resize, 0..5).prop_map(|mut resizes| {
        resizes.sort_by(|a, b| a.0.total_cmp(&b.0));
        let written = resizes.into_iter().map(|(secs, service, cpu)| {
            json!({"service": service, "at_ns": ns(secs), "cpu_millicores": cpu})
        });
        written.collect()
    })
}

pub(crate) fn scenes() -> impl Strategy<Value = Scene> {
    let disciplines = prop::sample::select(vec!["fifo", "processor_sharing", "central_fifo"]);
    let rates = prop::collection::vec(0.0..4.0f64, 1..15);
    // Replicas that hold requests for long are drained for long.
    let work = prop_oneof![3 => Just(0.4), 1 => Just(15.0)];
    let services = (scaled(), disciplines, rates, 0.0..40.0f64, work);
    let services = prop::collection::vec(services, 1..6);
    let platforms = prop_oneof![
        3 => (2u64..9, 1u32..5).prop_map(|(cores, nodes)| cluster(cores, nodes)),
        1 => (0.0..60.0f64).prop_map(fleet),
    ];
    let faults = prop::sample::subsequence(faults(), 0..3);
    let places = (platforms, prop::bool::weighted(0.2));
    let step = prop_oneof![3 => 3.0..200.0f64, 1 => 200.0..600.0f64];
    let drawn = (services, places, faults, step, any::<u32>());
    drawn.prop_flat_map(|(parts, (platform, buys), faults, step, seed)| {
        let cluster = platform["kind"] == "cluster";
        let mut scene = scene(&parts, platform, faults, step, seed);
        if buys && cluster {
            scene.document["node_controllers"] = json!([outsider_of_nodes()]);
        }
        resizes(parts.len()).prop_map(move |resizes| {
            let mut scene = scene.clone();
            if cluster {
                scene.document["resizes"] = json!(resizes);
            }
            scene
        })
    })
}

/// Scenes whose replicas are drained for long, and whose policies are outside and ask for others meanwhile.
fn drained_for_long() -> impl Strategy<Value = Scene> {
    let outside = prop_oneof![Just(Scaled::Outside(15)), Just(Scaled::OutsideAtOnce)];
    let rates = prop::collection::vec(0.0..0.2f64, 10..15);
    let part = (outside, Just("fifo"), rates, 0.0..20.0f64, 5.0..60.0f64);
    let services = prop::collection::vec(part, 1..3);
    let drawn = (
        services,
        1u32..5,
        any::<bool>(),
        20.0..300.0f64,
        any::<u32>(),
    );
    drawn.prop_map(|(parts, nodes, buys, step, seed)| {
        let mut scene = scene(&parts, cluster(6, nodes), vec![], step, seed);
        if buys {
            scene.document["node_controllers"] = json!([outsider_of_nodes()]);
        }
        scene
    })
}

/// How a service is scaled, its discipline, requests per second of each minute, seconds of its start-up and of its work.
type Part = (Scaled, &'static str, Vec<f64>, f64, f64);

fn scene(parts: &[Part], platform: Value, faults: Vec<Value>, step: f64, seed: u32) -> Scene {
    let services = parts
        .iter()
        .enumerate()
        .map(|(at, (_, discipline, _, startup, work))| {
            let mut one = service(&format!("s{at}"), 1);
            one["queue"]["discipline"] = json!(discipline);
            one["queue"]["limit"] = json!(30);
            one["work"] = exponential(*work);
            one["termination_grace_ns"] = json!(ns(if *work > 1.0 { 600.0 } else { 30.0 }));
            one["startup"] = json!([stage("init", *startup)]);
            one["created_at_ns"] = json!(ns(if at == 2 { 130.0 } else { 0.0 }));
            one
        });
    let mut scene = Scene::new(HORIZON, platform, services.collect());
    for (at, (scaled, _, rates, ..)) in parts.iter().enumerate() {
        let counts: Vec<f64> = rates.iter().map(|rate| rate * 60.0).collect();
        scene = scene.poisson(at, &counts, 60.0);
        for controller in controllers(*scaled, at) {
            scene = scene.controller(controller);
        }
    }
    let named = faults.into_iter().enumerate().map(|(at, mut fault)| {
        fault["name"] = json!(format!("f{at}"));
        fault
    });
    scene.document["faults"] = named.collect();
    scene.document["record"]["series_step_ns"] = json!(ns(step));
    scene.document["record"]["requests"] = json!({"keep": "full"});
    scene.document["seed"] = json!(seed);
    scene
}

fn cases() -> u32 {
    let cases = std::env::var("HOOKEAN_EXACTNESS_CASES").ok();
    cases.and_then(|n| n.parse().ok()).unwrap_or(60)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn prop_running_ahead_changes_nothing(
        scene in scenes(),
        stop in 0.0..HORIZON,
        part_rows in 1usize..400,
    ) {
        let whole = assert_same(&scene);
        assert_same_when_stopped(&scene, stop);
        assert_same_when_failing(&scene, stop);
        assert_same_rows(&scene, &whole, part_rows);
    }

    #[test]
    fn prop_replicas_begin_while_others_drain(scene in drained_for_long()) {
        assert_same(&scene);
    }
}

#[test]
fn a_crowded_cluster_whose_services_wait_for_each_others_room_is_the_same() {
    let parts: Vec<Part> = (0..6)
        .map(|at| {
            let rates = (0..15)
                .map(|bin| f64::from((bin * 5 + at * 4) % 9))
                .collect();
            (Scaled::ByCpu, "fifo", rates, 3.0, 0.4)
        })
        .collect();
    let scene = scene(&parts, cluster(8, 2), vec![], 60.0, 3);
    assert_same(&scene);
    let pending = every_beat(&scene, 1, false).counts("series", "pending");
    assert!(
        pending.iter().filter(|n| **n > 0).count() > 20,
        "{pending:?}"
    );
}

/// While one replica is drained, the loop has nothing to do before that is over; then a policy asks for another one.
#[test]
fn a_replica_that_is_wanted_while_another_drains_begins_when_it_is_ready() {
    let ideal = json!({"pipeline": "ideal", "window_ns": 0});
    let mut one = service("a", 4);
    one["startup"] = json!([stage("init", 2.0)]);
    one["termination_grace_ns"] = json!(ns(600.0));
    // The fourth replica goes at once, the third is drained from 15 s until 90 s, the second goes, and the first, which is
    // busy at 60 s, gets company. Rows are due at 50 s and 100 s.
    let early = [(1.0, 1.0), (1.2, 1.0), (1.5, 88.5)];
    let late = [(50.0, 100.0), (65.0, 1.0), (66.0, 1.0), (67.0, 1.0)];
    let mut scene = Scene::new(300.0, cluster(8, 1), vec![one])
        .requests(0, &[&early[..], &late].concat())
        .controller(outsider(0, 15, &ideal));
    scene.document["record"]["series_step_ns"] = json!(ns(50.0));
    scene.document["record"]["requests"] = json!({"keep": "full"});
    let whole = assert_same(&scene);
    assert_eq!(
        changes(&whole)[..4],
        [(0.0, 3), (15.0, 2), (30.0, 1), (60.0, 2)]
    );
    let starts = whole.secs("requests", "start");
    assert!(starts.contains(&Some(65.0)), "{starts:?}");
}
