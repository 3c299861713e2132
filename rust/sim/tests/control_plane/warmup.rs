//! Cold replicas, with every instant worked out by hand.

use super::support::{Read, Scene, cluster, ns, service, stage};
use serde_json::{Value, json};

/// Half as fast for ten seconds.
fn cold(warm_start: bool) -> Value {
    let mut cold = service("a", 1);
    cold["warm_start"] = json!(warm_start);
    cold["startup"] = json!([stage("init", 5.0)]);
    cold["warmup"] =
        json!([{"age_ns": 0, "speed_ratio": 0.5}, {"age_ns": ns(10.0), "speed_ratio": 1.0}]);
    cold
}

fn scene(warm_start: bool) -> Scene {
    let mut scene = Scene::new(60.0, cluster(2, 1), vec![cold(warm_start)]);
    scene.document["record"]["requests"] = json!({"keep": "full"});
    scene.requests(0, &[(10.0, 5.0)])
}

#[test]
fn a_cold_replica_is_slower_and_a_warm_start_is_warm() {
    // Ready at 5 s, so half as fast until 15 s.
    assert_eq!(scene(false).run().secs("requests", "end"), [Some(17.5)]);
    assert_eq!(scene(true).run().secs("requests", "end"), [Some(15.0)]);
}

#[test]
fn warming_up_multiplies_with_what_slows_a_node_down() {
    let mut scene = scene(false);
    scene.document["platform"]["pools"][0]["speed_ratio"] = json!(0.5);
    // 1.25 s of work are done at 15 s, and 3.75 s are left for half a core.
    assert_eq!(scene.run().secs("requests", "end"), [Some(22.5)]);
}

#[test]
fn a_restarted_container_is_cold_again() {
    let mut scene = scene(true);
    let crash = json!({"kind": "replica_crash", "requests": "requeued", "recovery": "restart"});
    scene.document["faults"] = json!([{
        "name": "crash", "effect": crash, "target": {"of": "replica", "service": 0, "replica": 0},
        "times": {"when": "at", "at_ns": ns(11.0)}, "duration": null,
    }]);
    // Back at 16 s, half as fast until 26 s, when its 5 s are just done.
    assert_eq!(scene.run().secs("requests", "end"), [Some(26.0)]);
}

#[test]
fn steps_that_do_not_ascend_from_zero_are_refused() {
    let mut scene = scene(true);
    scene.document["services"][0]["warmup"] = json!([{"age_ns": 5, "speed_ratio": 0.5}]);
    assert!(scene.refusal().contains("does not ascend from age 0"));
}
