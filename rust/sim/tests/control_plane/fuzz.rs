//! Plans that nobody would write: sound ones with values changed at random. They are refused, or they run; nothing panics,
//! hangs or breaks a check.
//!
//! `HOOKEAN_FUZZ_CASES` sets how many are tried (default 300). What once failed is kept in `proptest-regressions` and tried first.

use super::run::hpa;
use super::support::{Scene, cluster, constant, fixed, fleet, service, stage};
use hookean_kernel::{SimTime, splitmix};
use hookean_sim::SimError;
use hookean_sim::control::external::{Choice, ExternalPolicies, Failure, NodeRow, Row};
use hookean_sim::plan::Plan;
use hookean_sim::run::{Heartbeat, RunOptions, simulate};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use serde_json::{Value, json};

/// Heartbeats after which a run is long enough.
const BEATS: u32 = 30;

fn scenes() -> Vec<Scene> {
    let mut starting = service("a", 1);
    starting["startup"] = json!([stage("create", 2.0), stage("init", 3.0)]);
    starting["queue"]["limit"] = json!(20);
    starting["queue"]["timeout_ns"] = json!(5_000_000_000_u64);
    let on_nodes = Scene::new(200.0, cluster(4, 3), vec![starting, service("b", 2)])
        .controller(hpa(0))
        .poisson(0, &[30.0, 90.0, 10.0], 60.0)
        .requests(1, &[(1.0, 2.0), (1.0, 0.5), (9.0, 1.0)]);
    let mut sharing = service("c", 2);
    sharing["queue"]["discipline"] = json!("processor_sharing");
    sharing["queue"]["routing"] = json!("least_outstanding");
    sharing["slo"] = json!({"latency_ns": 1_000_000_000_u64, "target_ratio": 0.9});
    sharing["work"] =
        json!({"distribution": "lognormal", "median_ns": 1_000_000_000_u64, "sigma": 0.5});
    let in_fleet = Scene::new(300.0, fleet(30.0), vec![sharing])
        .controller(fixed(0, 3, 10.0))
        .poisson(0, &[50.0, 200.0], 100.0);
    let mut central = service("d", 3);
    central["queue"]["discipline"] = json!("central_fifo");
    central["work"] = constant(0.25);
    let one_queue = Scene::new(60.0, cluster(2, 2), vec![central])
        .controller(fixed(0, 1, 30.0))
        .poisson(0, &[100.0], 60.0);
    let load =
        Scene::new(60.0, cluster(8, 1), vec![service("e", 1)]).load(0, &[(2.0, 20.0), (0.5, 10.0)]);
    vec![
        on_nodes,
        in_fleet,
        one_queue,
        load,
        limited(),
        with_policies(),
    ]
}

/// Replicas with a CPU limit that are resized, and some that are lost.
fn limited() -> Scene {
    let quota = |cores: u64| json!({"quota_ns": 40_000_000, "period_ns": 100_000_000, "cores_millicores": 1000 * cores});
    let mut sharing = service("f", 2);
    sharing["replica"]["cpu_quota"] = quota(4);
    sharing["replica"]["concurrency"] = json!(8);
    sharing["queue"]["discipline"] = json!("processor_sharing");
    sharing["queue"]["total_timeout_ns"] = json!(9_000_000_000_u64);
    let mut slotted = service("g", 1);
    slotted["replica"]["cpu_quota"] = quota(1);
    let mut scene = Scene::new(120.0, cluster(4, 2), vec![sharing, slotted])
        .controller(hpa(0))
        .controller(fixed(1, 2, 40.0))
        .poisson(0, &[40.0, 10.0], 60.0)
        .poisson(1, &[20.0], 60.0);
    scene.document["resizes"] = json!([
        {"service": 0, "at_ns": 20_000_000_000_u64, "cpu_millicores": 1500},
        {"service": 1, "at_ns": 50_000_000_000_u64, "cpu_millicores": 700},
    ]);
    scene.document["faults"] = json!([{
        "name": "lost", "effect": {"kind": "node_loss", "requests": "requeued"}, "target": {"of": "node", "node": null},
        "times": {"when": "random", "between": {"distribution": "exponential", "mean_ns": 60_000_000_000_u64}},
        "duration": constant(10.0),
    }]);
    scene
}

/// Policies outside of the engine for the replicas of a service and for the nodes of a pool.
fn with_policies() -> Scene {
    let config = |max: u32| json!({"policy": "any", "source_sha256": null, "parameters": {}, "instance": 0, "min": 1, "max": max});
    let mut replicas = config(9);
    replicas["metrics"] = json!(["cpu"]);
    replicas["sees_replicas"] = json!(true);
    let mut controller = hpa(0);
    controller["kind"] = json!("python");
    controller["config"] = replicas;
    let mut platform = cluster(2, 1);
    platform["pools"][0]["startup"] = json!([stage("boot", 20.0)]);
    platform["pools"][0]["owned"] = json!(false);
    let mut scene = Scene::new(240.0, platform, vec![service("h", 1)])
        .controller(controller)
        .poisson(0, &[20.0, 60.0, 5.0], 60.0);
    scene.document["node_controllers"] = json!([{"kind": "python", "pool": 0, "period_ns": 10_000_000_000_u64, "config": config(6)}]);
    scene
}

/// Wants other numbers all the time.
struct Fickle;

fn wish(now: SimTime) -> Choice {
    Choice {
        wanted: (splitmix(now.as_nanos()) % 8) as u32,
        reason: None,
    }
}

impl ExternalPolicies for Fickle {
    fn decide(&mut self, now: SimTime, rows: &[Row]) -> Result<Vec<Choice>, Failure> {
        Ok(rows.iter().map(|_| wish(now)).collect())
    }

    fn decide_nodes(&mut self, now: SimTime, _: &NodeRow) -> Result<Choice, Failure> {
        Ok(wish(now))
    }
}

/// What is done to one value of a plan.
#[derive(Debug, Clone)]
enum Change {
    Set(Value),
    /// Multiplies a number; leaves anything else alone.
    Scale(f64),
    Remove,
    Repeat,
}

impl Change {
    fn replace(&self, value: &mut Value) {
        match (self, value.as_u64(), value.as_f64()) {
            (Self::Set(new), ..) => *value = new.clone(),
            (Self::Scale(factor), Some(whole), _) => *value = json!((whole as f64 * factor) as u64),
            (Self::Scale(factor), None, Some(real)) => *value = json!(real * factor),
            _ => {}
        }
    }
}

fn changes() -> impl Strategy<Value = Change> {
    // None between a thousand and 2^53: a plan may ask for as many replicas, and the caller has checked that memory lasts.
    let numbers = prop::sample::select(vec![
        0_u64,
        1,
        2,
        3,
        7,
        255,
        1000,
        1 << 53,
        i64::MAX as u64,
        u64::MAX - 1,
        u64::MAX,
    ]);
    let reals = prop::sample::select(vec![-1.0, -0.0, 1e-300, 0.3, 1.5, 1e18, 1e300]);
    let others = prop::sample::select(vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(""),
        json!("a"),
        json!([]),
        json!({}),
        json!("central_fifo"),
        json!("processor_sharing"),
        json!("fifo"),
        json!("random"),
        json!("reference"),
        json!({"keep": "full"}),
    ]);
    prop_oneof![
        8 => prop::sample::select(vec![0.0, 1e-9, 0.01, 0.5, 2.0, 30.0]).prop_map(Change::Scale),
        4 => numbers.prop_map(|n| Change::Set(json!(n))),
        2 => reals.prop_map(|x| Change::Set(json!(x))),
        2 => others.prop_map(Change::Set),
        1 => Just(Change::Remove),
        1 => Just(Change::Repeat),
    ]
}

/// How many values a document has, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// Changes the value at a place, counted through the document.
fn apply(value: &mut Value, mut place: usize, change: &Change) {
    match value {
        Value::Array(items) => {
            for at in 0..items.len() {
                if place == 0 {
                    match change {
                        Change::Remove => drop(items.remove(at)),
                        Change::Repeat => items.insert(at, items[at].clone()),
                        other => other.replace(&mut items[at]),
                    }
                    return;
                }
                let inside = count(&items[at]);
                if place < inside {
                    return apply(&mut items[at], place - 1, change);
                }
                place -= inside;
            }
        }
        Value::Object(fields) => {
            let names: Vec<String> = fields.keys().cloned().collect();
            for name in names {
                if place == 0 {
                    match change {
                        Change::Remove => drop(fields.remove(&name)),
                        Change::Repeat => drop(fields.insert(format!("{name}_again"), Value::Null)),
                        other => other.replace(&mut fields[&name]),
                    }
                    return;
                }
                let inside = count(&fields[&name]);
                if place < inside {
                    return apply(&mut fields[&name], place - 1, change);
                }
                place -= inside;
            }
        }
        _ => {}
    }
}

/// Whether the scene runs; false when it is refused.
fn run(scene: &Scene) -> Result<bool, TestCaseError> {
    let Ok(plan) = Plan::from_json(scene.document.to_string().as_bytes()) else {
        return Ok(false);
    };
    let mut beats = 0;
    let mut options = RunOptions {
        threads: 1,
        in_order: false,
        heartbeat: &mut |_, _| {
            beats += 1;
            if beats < BEATS {
                Heartbeat::Continue
            } else {
                Heartbeat::Stop
            }
        },
        policies: Some(Box::new(Fickle)),
        outlet: None,
    };
    match simulate(plan, &scene.arrays, &mut options) {
        Ok(_) => Ok(true),
        Err(SimError::Plan(_)) => Ok(false),
        Err(broken) => Err(TestCaseError::fail(broken.to_string())),
    }
}

fn cases() -> u32 {
    let cases = std::env::var("HOOKEAN_FUZZ_CASES").ok();
    cases.and_then(|n| n.parse().ok()).unwrap_or(300)
}

/// Every scene is sound before it is changed: else nothing but refusals would be tried.
#[test]
fn unchanged_scenes_run() {
    for scene in scenes() {
        assert!(matches!(run(&scene), Ok(true)));
    }
}

fn changed_scenes() -> impl Strategy<Value = Scene> {
    let changed = prop::collection::vec((any::<prop::sample::Index>(), changes()), 1..4);
    (0..scenes().len(), changed).prop_map(|(scene, changed)| {
        let mut scene = scenes().swap_remove(scene);
        for (place, change) in &changed {
            let places = count(&scene.document) - 1;
            if places > 0 {
                apply(&mut scene.document, place.index(places), change);
            }
        }
        scene
    })
}

/// Most changes make a plan that is refused; but if nearly all did, little would be tried.
#[test]
fn enough_of_the_changed_scenes_run() {
    let mut runner = TestRunner::deterministic();
    let mut tried = || {
        changed_scenes()
            .new_tree(&mut runner)
            .map(|tree| run(&tree.current()))
    };
    let ran = (0..300).filter(|_| matches!(tried(), Ok(Ok(true)))).count();
    assert!(ran >= 60, "{ran} of 300");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn prop_a_changed_plan_is_refused_or_runs(scene in changed_scenes()) {
        run(&scene)?;
    }
}
