//! Pools whose size changes, with every instant worked out by hand, and at random on both engines.

use crate::faults::{every, fault, loss};
use crate::support::{Read, SECOND, Scene, cluster, constant, fixed, fleet, ns, service, stage};
use hookean_kernel::{SimDuration, SimTime, splitmix};
use hookean_sim::control::external::{Choice, ExternalPolicies, Failure, NodeRow, Row};
use hookean_sim::record::Column;
use hookean_sim::run::{Heartbeat, RunOptions, RunOutput, simulate};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// What was seen, by the second.
type Seen = Arc<Mutex<Vec<(f64, NodeRow)>>>;

/// Wants so many nodes from an instant on.
struct Script {
    steps: Vec<(f64, u32)>,
    seen: Seen,
}

impl ExternalPolicies for Script {
    fn decide(&mut self, _: SimTime, _: &[Row]) -> Result<Vec<Choice>, Failure> {
        Err("no replicas are asked for".into())
    }

    fn decide_nodes(&mut self, now: SimTime, row: &NodeRow) -> Result<Choice, Failure> {
        let now = now.as_nanos() as f64 / SECOND as f64;
        let mut seen = self.seen.lock().expect("no other thread");
        seen.push((now, row.clone()));
        let step = self.steps.iter().rev().find(|(from, _)| *from <= now);
        let (_, wanted) = step.ok_or("nothing more is written")?;
        Ok(Choice {
            wanted: *wanted,
            reason: None,
        })
    }
}

fn controller(pool: usize, (min, max): (u32, u32)) -> Value {
    json!({"kind": "python", "pool": pool, "period_ns": 10 * SECOND,
        "config": {"policy": "script", "source_sha256": null, "parameters": {}, "instance": 0, "min": min, "max": max}})
}

/// A cluster of two-core nodes that start in 40 s.
fn pool(nodes: u32, owned: bool) -> Value {
    let mut cluster = cluster(2, nodes);
    let pool = &mut cluster["pools"][0];
    pool["startup"] = json!([stage("provision", 30.0), stage("boot", 10.0)]);
    pool["owned"] = json!(owned);
    pool["billing"]["minimum_ns"] = json!(0);
    cluster
}

fn scene(horizon: f64, platform: Value, services: Vec<Value>) -> Scene {
    let mut scene = Scene::new(horizon, platform, services);
    scene.document["node_controllers"] = json!([controller(0, (0, 100))]);
    scene
}

fn loss_at(secs: f64, node: u32, duration: Option<f64>) -> Value {
    let target = json!({"of": "node", "node": node});
    let times = json!({"when": "at", "at_ns": ns(secs)});
    json!([fault(loss("lost"), target, times, duration)])
}

fn run_on(scene: &Scene, threads: usize, steps: &[(f64, u32)]) -> (RunOutput, Seen) {
    let seen = Seen::default();
    let mut options = RunOptions {
        threads,
        in_order: false,
        heartbeat: &mut |_, _| Heartbeat::Continue,
        policies: Some(Box::new(Script {
            steps: steps.to_vec(),
            seen: Arc::clone(&seen),
        })),
        outlet: None,
    };
    let plan = scene.plan().expect("a sound plan");
    let output = simulate(plan, &scene.arrays, &mut options).expect("a sound run");
    (output, seen)
}

fn run(scene: &Scene, steps: &[(f64, u32)]) -> RunOutput {
    run_on(scene, 1, steps).0
}

fn figures(seen: &Seen, of: impl Fn(&NodeRow) -> [u32; 5]) -> Vec<(f64, [u32; 5])> {
    let seen = seen.lock().expect("no other thread");
    seen.iter().map(|(at, row)| (*at, of(row))).collect()
}

fn some(secs: &[f64]) -> Vec<Option<f64>> {
    secs.iter().map(|s| Some(*s)).collect()
}

fn outcomes(output: &RunOutput) -> Vec<String> {
    let outcomes = output.texts("replicas", "outcome");
    outcomes.into_iter().flatten().collect()
}

#[test]
fn bought_nodes_start_and_take_the_replicas_that_wait_in_order() {
    let mut a = service("a", 5);
    a["startup"] = json!([stage("create", 2.0)]);
    let scene = scene(100.0, pool(1, true), vec![a]);
    let output = run(&scene, &[(0.0, 1), (10.0, 3)]);
    assert_eq!(output.secs("nodes", "bought"), some(&[0.0, 10.0, 10.0]));
    assert_eq!(output.secs("nodes", "ready"), some(&[0.0, 50.0, 50.0]));
    assert_eq!(output.secs("nodes", "billed"), some(&[100.0, 90.0, 90.0]));
    assert_eq!(
        output.reals("nodes", "cost_usd"),
        some(&[0.1, 0.09, 0.09]),
        "paid for from the purchase on"
    );
    assert_eq!(output.counts("replicas", "node"), [0, 0, 1, 1, 2]);
    assert_eq!(output.secs("replicas", "ready")[2..], some(&[52.0; 3]));
    assert_eq!(output.secs("replicas", "place")[2..], some(&[50.0; 3]));
}

#[test]
fn a_policy_sees_nodes_that_start_and_replicas_that_wait() {
    let scene = scene(100.0, pool(1, true), vec![service("a", 5)]);
    let (_, seen) = run_on(&scene, 1, &[(0.0, 1), (10.0, 3)]);
    let found = figures(&seen, |r| {
        [r.desired, r.ready, r.starting, r.pending, r.replicas]
    });
    assert_eq!(
        found[..3],
        [
            (0.0, [1, 1, 0, 3, 2]),
            (10.0, [1, 1, 0, 3, 2]),
            (20.0, [3, 1, 2, 3, 2])
        ]
    );
    assert_eq!(
        found[5..7],
        [(50.0, [3, 1, 2, 3, 2]), (60.0, [3, 3, 0, 0, 5])],
        "state at an instant is that just before"
    );
    let seen = seen.lock().unwrap();
    let (row, full) = (&seen[2].1, &seen[6].1);
    assert_eq!(row.pending_longest, SimDuration::from_secs(20));
    assert_eq!(
        (row.pending_cpu_millicores, row.pending_memory_bytes),
        (3000, 3000)
    );
    assert_eq!(
        (row.allocatable_cpu_millicores, row.requested_cpu_millicores),
        (2000, 2000)
    );
    assert_eq!(
        (
            full.allocatable_cpu_millicores,
            full.requested_cpu_millicores
        ),
        (6000, 5000)
    );
    assert_eq!(
        (
            full.allocatable_memory_bytes,
            full.requested_memory_bytes,
            full.pending_longest
        ),
        (3_000_000, 5000, SimDuration::ZERO)
    );
}

#[test]
fn a_node_that_has_to_go_is_drained_and_paid_for_until_its_last_replica_has_ended() {
    let scene = scene(100.0, pool(3, true), vec![service("a", 3)]).requests(0, &[(5.0, 20.0); 3]);
    let (output, seen) = run_on(&scene, 1, &[(0.0, 3), (10.0, 1)]);
    assert_eq!(
        outcomes(&output),
        ["ready", "drained", "drained", "ready", "pending"]
    );
    assert_eq!(
        output.texts("replicas", "reason")[1].as_deref(),
        Some("its node was given back")
    );
    let created = output.secs("replicas", "created");
    assert_eq!(created[3..], some(&[10.0, 10.0]), "replaced at once");
    assert_eq!(
        output.secs("replicas", "placed")[3..],
        [Some(10.0), None],
        "one has room on the node that stays"
    );
    assert_eq!(
        output.secs("nodes", "drained"),
        [None, Some(10.0), Some(10.0)]
    );
    assert_eq!(
        output.secs("nodes", "ended"),
        [None, Some(25.0), Some(25.0)]
    );
    assert_eq!(
        output.secs("nodes", "billed"),
        some(&[100.0, 25.0, 25.0]),
        "to the nanosecond: one more would be billed as another second"
    );
    assert_eq!(output.counts("summary", "completed"), [3]);
    let found = figures(&seen, |r| {
        [r.desired, r.ready, r.leaving, r.pending, r.replicas]
    });
    assert_eq!(
        found[2..4],
        [(20.0, [1, 1, 2, 1, 2]), (30.0, [1, 1, 0, 1, 2])]
    );
}

#[test]
fn the_grace_of_a_service_bounds_how_long_its_nodes_are_kept() {
    let mut scene =
        scene(100.0, pool(3, true), vec![service("a", 3)]).requests(0, &[(5.0, 20.0); 3]);
    scene.document["services"][0]["termination_grace_ns"] = json!(ns(5.0));
    let output = run(&scene, &[(0.0, 3), (10.0, 1)]);
    assert_eq!(outcomes(&output)[1..3], ["killed", "killed"]);
    assert_eq!(output.counts("summary", "lost"), [2]);
    assert_eq!(
        output.secs("nodes", "ended"),
        [None, Some(15.0), Some(15.0)]
    );
}

#[test]
fn bills_are_exact() {
    let mut platform = pool(2, true);
    platform["pools"][0]["billing"] =
        json!({"nanousd_per_hour": 3_600_000_000_000_u64, "granularity_ns": 1, "minimum_ns": 0});
    // Replicas 0 and 2 are on node 0; the last one on node 1 is busy until 12.000000007 s.
    let scene = scene(100.0, platform, vec![service("a", 3)])
        .requests(0, &[(5.0, 1.0), (5.000_000_007, 7.0), (6.0, 3.000_000_002)]);
    let output = run(&scene, &[(0.0, 2), (10.0, 1), (30.0, 2), (80.0, 1)]);
    let Column::Duration(billed) = output.column("nodes", "billed") else {
        unreachable!("it is a length of time")
    };
    let bill = [100 * SECOND, 12 * SECOND + 7, 50 * SECOND];
    assert_eq!(*billed, bill.map(Some));
    let cost = bill.map(|nanos| Some(nanos as f64 / 1e9));
    assert_eq!(output.reals("nodes", "cost_usd"), cost, "1 USD per second");
}

#[test]
fn nodes_that_start_go_first_then_empty_ones_then_those_with_the_fewest_replicas() {
    let mut platform = pool(3, true);
    platform["pools"][0]["allocatable_cpu_millicores"] = json!(4000);
    platform["pools"][0]["cpu_millicores"] = json!(4000);
    let scene = scene(300.0, platform, vec![service("a", 5)]);
    let steps = [
        (0.0, 5),
        (10.0, 4),
        (20.0, 3),
        (30.0, 5),
        (80.0, 4),
        (90.0, 3),
        (100.0, 2),
        (110.0, 1),
    ];
    let output = run(&scene, &steps);
    let held = output.counts("nodes", "replicas_max");
    assert_eq!(held[..3].iter().sum::<u64>(), 7, "five, and two moved");
    let ended = output.secs("nodes", "ended");
    assert_eq!(
        ended[3..],
        some(&[20.0, 10.0, 90.0, 80.0]),
        "the youngest first"
    );
    assert_eq!(
        output.secs("nodes", "ready")[3..],
        [None, None, Some(70.0), Some(70.0)]
    );
    assert_eq!(
        ended[..3],
        [None, Some(110.0), Some(100.0)],
        "node 2 has one replica; then node 0 has taken the one that had to move"
    );
    assert_eq!(
        outcomes(&output),
        [
            "ready", "drained", "drained", "ready", "drained", "ready", "ready", "pending"
        ],
        "the last one has no room any more"
    );
}

#[test]
fn replicas_that_start_on_a_node_that_goes_are_cancelled() {
    let mut a = service("a", 1);
    a["startup"] = json!([stage("create", 20.0)]);
    let scene = scene(60.0, pool(2, true), vec![a]).controller(fixed(0, 2, 5.0));
    let output = run(&scene, &[(0.0, 2), (10.0, 1)]);
    assert_eq!(outcomes(&output), ["ready", "cancelled", "ready"]);
    assert_eq!(
        output.texts("replicas", "reason")[1].as_deref(),
        Some("its node was given back")
    );
    assert_eq!(
        output.secs("replicas", "ready"),
        [Some(0.0), None, Some(30.0)]
    );
    assert_eq!(output.secs("nodes", "ended"), [None, Some(10.0)]);
}

#[test]
fn replicas_are_scaled_before_nodes_at_one_instant() {
    let scene = scene(30.0, pool(1, true), vec![service("a", 1)]).controller(fixed(0, 4, 10.0));
    let (_, seen) = run_on(&scene, 1, &[(0.0, 1)]);
    let pending: Vec<u32> = seen.lock().unwrap().iter().map(|s| s.1.pending).collect();
    assert_eq!(pending, [0, 2, 2]);
}

/// One node, and another that is bought at once and lost at 25 s.
fn lost_while_starting(owned: bool, duration: Option<f64>) -> Scene {
    let mut scene = scene(200.0, pool(1, owned), vec![service("a", 3)]);
    scene.document["faults"] = loss_at(25.0, 1, duration);
    scene
}

#[test]
fn another_takes_the_place_of_a_node_lost_while_it_starts() {
    let lost = lost_while_starting;
    // The pool still has two nodes, one of which is lost: none is bought.
    let (output, seen) = run_on(&lost(false, Some(20.0)), 1, &[(0.0, 2)]);
    assert_eq!(output.secs("nodes", "bought"), some(&[0.0, 0.0, 45.0]));
    assert_eq!(output.secs("nodes", "ready"), [Some(0.0), None, Some(45.0)]);
    assert_eq!(output.secs("nodes", "ended"), [None, Some(25.0), None]);
    assert_eq!(output.secs("replicas", "placed")[2], Some(45.0));
    let found = figures(&seen, |r| {
        [r.desired, r.ready, r.starting, r.lost, r.leaving]
    });
    assert_eq!(
        found[2..6],
        [
            (20.0, [2, 1, 1, 0, 0]),
            (30.0, [2, 1, 0, 1, 0]),
            (40.0, [2, 1, 0, 1, 0]),
            (50.0, [2, 2, 0, 0, 0])
        ]
    );
    // Nothing comes in its place: the next decision buys one.
    let output = run(&lost(false, None), &[(0.0, 2)]);
    assert_eq!(output.secs("nodes", "bought"), some(&[0.0, 0.0, 30.0]));
    assert_eq!(output.secs("nodes", "ready"), [Some(0.0), None, Some(70.0)]);
    // The pool shrinks before something comes.
    let output = run(&lost(false, Some(20.0)), &[(0.0, 2), (40.0, 1)]);
    assert_eq!(output.secs("nodes", "bought"), some(&[0.0, 0.0]));
}

#[test]
fn a_machine_of_ones_own_that_is_lost_while_it_starts_comes_back() {
    let lost = lost_while_starting;
    // It goes on starting meanwhile, and takes replicas when it is back.
    for (duration, placed) in [(5.0, 40.0), (50.0, 75.0)] {
        let output = run(&lost(true, Some(duration)), &[(0.0, 2)]);
        assert_eq!(output.secs("nodes", "ready"), some(&[0.0, 40.0]));
        assert_eq!(output.secs("nodes", "ended"), [None, None]);
        assert_eq!(output.secs("replicas", "placed")[2], Some(placed));
    }
    // Given back while it is lost, it does not come back.
    let output = run(&lost(true, Some(50.0)), &[(0.0, 2), (30.0, 1)]);
    assert_eq!(output.secs("nodes", "ended"), [None, Some(30.0)]);
    assert_eq!(outcomes(&output), ["ready", "ready", "pending"]);
}

#[test]
fn a_node_lost_while_it_leaves_is_gone() {
    for owned in [true, false] {
        let mut scene =
            scene(100.0, pool(2, owned), vec![service("a", 2)]).requests(0, &[(5.0, 20.0); 2]);
        scene.document["faults"] = loss_at(15.0, 1, Some(20.0));
        let (output, seen) = run_on(&scene, 1, &[(0.0, 2), (10.0, 1)]);
        assert_eq!(outcomes(&output), ["ready", "failed", "ready"]);
        assert_eq!(output.secs("nodes", "ended"), [None, Some(15.0)]);
        assert_eq!(output.counts("faults", "lost"), [1]);
        let found = figures(&seen, |r| [r.ready, r.starting, r.lost, r.leaving, 0]);
        assert_eq!(found[2], (20.0, [1, 0, 0, 0, 0]));
        assert_eq!(found[5], (50.0, [1, 0, 0, 0, 0]), "nothing comes for it");
    }
}

#[test]
fn random_faults_of_a_bought_node_begin_when_it_is_ready() {
    let mut scene = scene(100.0, pool(0, true), vec![service("a", 0)]);
    let mut often = every(1.0);
    often["between"] = constant(7.0);
    let pause = json!({"kind": "pause"});
    scene.document["faults"] = json!([fault(
        pause,
        json!({"of": "node", "node": null}),
        often,
        Some(1.0)
    )]);
    let output = run(&scene, &[(0.0, 0), (10.0, 1), (70.0, 0)]);
    assert_eq!(
        output.secs("faults", "time"),
        some(&[57.0, 65.0]),
        "7 s after it is ready, and 7 s after the first one is over"
    );
}

#[test]
fn every_decision_is_recorded_within_its_bounds() {
    let mut scene = scene(40.0, pool(1, true), vec![service("a", 1)]);
    scene.document["node_controllers"] = json!([controller(0, (1, 3))]);
    let output = run(&scene, &[(0.0, 2), (10.0, 9), (20.0, 0)]);
    assert_eq!(output.counts("decisions", "current"), [1, 2, 3, 1]);
    assert_eq!(output.counts("decisions", "desired"), [2, 3, 1, 1]);
    assert_eq!(output.counts("decisions", "ready"), [1, 1, 1, 1]);
    assert_eq!(output.texts("decisions", "service"), vec![None; 4]);
    let pools = output.texts("decisions", "pool");
    assert_eq!(pools, vec![Some("general".to_owned()); 4]);
    let reasons: Vec<_> = output.texts("decisions", "reason");
    assert_eq!(reasons[0].as_deref(), Some("`script` wants 2"));
    assert_eq!(
        reasons[1].as_deref(),
        Some("`script` wants 9; 9 is outside of `max`, so 3")
    );
    assert_eq!(
        reasons[2].as_deref(),
        Some("`script` wants 0; 0 is outside of `min`, so 1")
    );
    let inputs = output.texts("decisions", "inputs")[1].clone().unwrap();
    let inputs: Value = serde_json::from_str(&inputs).expect("JSON");
    assert_eq!(
        (&inputs["current"], &inputs["ready"], &inputs["starting"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(inputs["requested_cpu_millicores"], json!(1000));
}

#[test]
fn start_ups_are_drawn_from_a_stream_of_the_node() {
    let ready = |steps: &[(f64, u32)]| {
        let mut platform = pool(0, true);
        platform["pools"][0]["startup"] = json!([{"stage": "provision", "duration":
            {"distribution": "exponential", "mean_ns": ns(5.0)}}]);
        let output = run(&scene(300.0, platform, vec![service("a", 0)]), steps);
        let both = output.secs("nodes", "ready").into_iter();
        let took = both.zip(output.secs("nodes", "bought"));
        let took: Vec<f64> = took.map(|(r, b)| r.unwrap() - b.unwrap()).collect();
        took
    };
    let (together, apart) = (ready(&[(0.0, 2)]), ready(&[(0.0, 0), (10.0, 1), (50.0, 2)]));
    assert!(together[0] > 0.0 && (together[0] - together[1]).abs() > 0.0);
    for (one, other) in together.iter().zip(apart) {
        assert!((one - other).abs() < 1e-6, "{one} and {other}");
    }
}

#[test]
fn what_has_no_policy_or_no_meaning_is_refused() {
    let refusal = |platform: Value, pools: &[usize]| {
        let mut scene = Scene::new(10.0, platform, vec![service("a", 1)]);
        let controllers = pools.iter().map(|pool| controller(*pool, (0, 1)));
        scene.document["node_controllers"] = controllers.collect();
        scene.refusal()
    };
    for (found, expected) in [
        (
            refusal(pool(1, true), &[0]),
            "has no policies beside the plan",
        ),
        (
            refusal(fleet(1.0), &[0]),
            "`node_controllers.0.pool` is of a fleet",
        ),
        (
            refusal(pool(1, true), &[1]),
            "`node_controllers.0.pool` does not exist",
        ),
        (
            refusal(pool(1, true), &[0, 0]),
            "`node_controllers` is not sorted by pool, or repeats one",
        ),
    ] {
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn a_policy_that_fails_ends_the_run_where_it_does() {
    let (output, _) = run_on(
        &scene(40.0, pool(1, true), vec![service("a", 1)]),
        1,
        &[(5.0, 1)],
    );
    assert_eq!(
        output.failure.unwrap().to_string(),
        "nothing more is written"
    );
    assert!(output.interrupted);
    assert_eq!(output.end, SimTime::ZERO);
}

/// A pool that changes every ten seconds, with faults, below two services of which one is scaled too.
fn turmoil(seed: u64, owned: bool) -> (Scene, Vec<(f64, u32)>) {
    let draw = |n: u64, below: u64| splitmix(seed ^ splitmix(n)) % below;
    let mut services = vec![service("a", 3), service("b", 2)];
    for of in &mut services {
        of["startup"] = json!([stage("create", 1.5)]);
        of["termination_grace_ns"] = json!(ns(6.0));
    }
    let mut platform = pool(2, owned);
    platform["pools"][0]["startup"] = json!([{"stage": "provision", "duration":
        {"distribution": "exponential", "mean_ns": ns(9.0)}}]);
    let mut scene = scene(200.0, platform, services)
        .poisson(0, &[20.0; 20], 10.0)
        .poisson(1, &[15.0; 20], 10.0);
    scene.document["seed"] = json!(seed);
    for step in 0..6 {
        let replicas = draw(100 + step, 7) as u32;
        scene = scene.controller(fixed(0, replicas, 7.0 + 30.0 * step as f64));
    }
    let lost = fault(
        loss("requeued"),
        json!({"of": "node", "node": null}),
        every(60.0),
        (draw(7, 3) > 0).then_some(15.0),
    );
    scene.document["faults"] = json!([lost]);
    let steps = (0..20).map(|step| (10.0 * step as f64, draw(step, 6) as u32));
    (scene, steps.collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn prop_pools_in_turmoil_keep_every_check_on_both_engines(seed in any::<u64>(), owned in any::<bool>()) {
        let (mut scene, steps) = turmoil(seed, owned);
        let (lazy, seen) = run_on(&scene, 1, &steps);
        prop_assert!(lazy.failure.is_none());
        prop_assert_eq!(&run_on(&scene, 2, &steps).0.digest, &lazy.digest);
        scene.document["engine"] = json!("reference");
        prop_assert_eq!(&run_on(&scene, 1, &steps).0.digest, &lazy.digest);
        for (at, row) in seen.lock().unwrap().iter().skip(1) {
            let size = row.ready + row.starting + row.lost;
            prop_assert!(size <= row.desired, "{size} nodes of {} at {at}", row.desired);
        }
    }
}
