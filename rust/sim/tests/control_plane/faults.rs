//! Faults, with every instant worked out by hand, and at random on both engines.

use super::support::{Read, Scene, cluster, constant, fixed, fleet, ns, service, stage};
use hookean_sim::run::RunOutput;
use serde_json::{Value, json};

fn node(number: u32) -> Value {
    json!({"of": "node", "node": number})
}

fn replica(number: u32) -> Value {
    json!({"of": "replica", "service": 0, "replica": number})
}

fn at(secs: f64) -> Value {
    json!({"when": "at", "at_ns": ns(secs)})
}

pub(super) fn every(secs: f64) -> Value {
    let between = json!({"distribution": "exponential", "mean_ns": ns(secs)});
    json!({"when": "random", "between": between})
}

pub(super) fn loss(requests: &str) -> Value {
    json!({"kind": "node_loss", "requests": requests})
}

#[expect(clippy::needless_pass_by_value, reason = "faults are written inline")]
pub(super) fn fault(effect: Value, target: Value, times: Value, duration: Option<f64>) -> Value {
    json!({"name": "f", "effect": effect, "target": target, "times": times, "duration": duration.map(constant)})
}

trait WithFaults: Sized {
    fn faults(self, faults: Vec<Value>) -> Self;
}

impl WithFaults for Scene {
    /// Names the faults by their order, since names are unique.
    fn faults(mut self, faults: Vec<Value>) -> Self {
        let mut faults = faults;
        for (at, fault) in faults.iter_mut().enumerate() {
            fault["name"] = json!(format!("f{at}"));
        }
        self.document["faults"] = json!(faults);
        self
    }
}

fn outcomes(output: &RunOutput) -> Vec<String> {
    let outcomes = output.texts("replicas", "outcome");
    outcomes.into_iter().flatten().collect()
}

#[test]
fn the_replicas_of_a_lost_node_are_replaced_where_there_is_room_and_the_rest_when_it_is_back() {
    let mut a = service("a", 3);
    a["startup"] = json!([stage("create", 2.0)]);
    let output = Scene::new(60.0, cluster(2, 2), vec![a])
        .faults(vec![fault(loss("lost"), node(0), at(10.0), Some(20.0))])
        .run();
    assert_eq!(
        outcomes(&output),
        ["failed", "ready", "failed", "ready", "ready"]
    );
    assert_eq!(
        output.texts("replicas", "reason")[0].as_deref(),
        Some("node 0 was lost")
    );
    assert_eq!(output.secs("replicas", "ended")[0], Some(10.0));
    assert_eq!(
        output.secs("replicas", "created")[3..],
        [Some(10.0), Some(10.0)]
    );
    assert_eq!(
        output.secs("replicas", "ready")[3..],
        [Some(12.0), Some(32.0)]
    );
    assert_eq!(output.counts("nodes", "failures"), [1, 0]);
    assert_eq!(
        output.secs("nodes", "billed"),
        [Some(60.0); 2],
        "a machine of one's own is paid for all the time"
    );
    assert_eq!(output.counts("faults", "replicas"), [2]);
    assert_eq!(output.secs("faults", "duration"), [Some(20.0)]);
    assert_eq!(
        output.texts("faults", "kind"),
        [Some("node_loss".to_owned())]
    );
}

#[test]
fn what_a_lost_node_held_is_lost_or_served_elsewhere() {
    for (requests, toll, completed) in [("lost", (1, 0), 0), ("requeued", (0, 1), 1)] {
        let mut scene = Scene::new(60.0, cluster(1, 2), vec![service("a", 2)])
            .requests(0, &[(9.0, 5.0)])
            .faults(vec![fault(loss(requests), node(0), at(10.0), None)]);
        scene.document["record"]["requests"] = json!({"keep": "full"});
        let output = scene.run();
        let found = (
            output.counts("faults", "lost")[0],
            output.counts("faults", "requeued")[0],
        );
        assert_eq!(found, toll);
        assert_eq!(output.counts("summary", "completed"), [completed]);
        let end = if completed == 1 { 15.0 } else { 10.0 };
        assert_eq!(output.secs("requests", "end"), [Some(end)]);
        assert_eq!(outcomes(&output), ["failed", "ready", "pending"]);
    }
}

#[test]
fn a_lost_machine_of_a_fleet_is_paid_until_then_and_another_is_bought() {
    let output = Scene::new(200.0, fleet(30.0), vec![service("a", 1)])
        .faults(vec![fault(loss("lost"), node(0), at(100.0), None)])
        .run();
    assert_eq!(output.secs("nodes", "bought"), [Some(0.0), Some(100.0)]);
    assert_eq!(output.secs("nodes", "ended"), [Some(100.0), None]);
    assert_eq!(output.secs("nodes", "billed"), [Some(100.0), Some(100.0)]);
    assert_eq!(output.secs("replicas", "ready"), [Some(0.0), Some(130.0)]);
    assert_eq!(output.counts("nodes", "failures"), [1, 0]);
}

#[test]
fn a_lost_cloud_node_of_a_cluster_is_paid_until_then_and_another_comes_after_the_repair() {
    let mut platform = cluster(1, 1);
    platform["pools"][0]["owned"] = json!(false);
    let output = Scene::new(100.0, platform, vec![service("a", 1)])
        .faults(vec![fault(loss("lost"), node(0), at(10.0), Some(20.0))])
        .run();
    assert_eq!(output.secs("nodes", "bought"), [Some(0.0), Some(30.0)]);
    assert_eq!(output.secs("nodes", "ended"), [Some(10.0), None]);
    assert_eq!(output.secs("replicas", "placed"), [Some(0.0), Some(30.0)]);
    assert_eq!(output.counts("series", "nodes"), [1, 1]);
}

#[test]
fn a_crashed_container_restarts_in_place_after_the_back_off() {
    let mut a = service("a", 1);
    a["startup"] = json!([stage("init", 4.0)]);
    let crash = || json!({"kind": "replica_crash", "requests": "lost", "recovery": "restart"});
    let crashes = [10.0, 20.0, 40.0].map(|secs| fault(crash(), replica(0), at(secs), None));
    let output = Scene::new(100.0, cluster(2, 1), vec![a])
        .requests(0, &[(1.0, 1.0), (12.0, 1.0), (39.0, 3.0)])
        .faults(crashes.to_vec())
        .run();
    // Back at 14 s, 20 + 10 + 4 s, 40 + 20 + 4 s.
    assert_eq!(
        output.secs("faults", "duration"),
        [Some(4.0), Some(14.0), Some(24.0)]
    );
    assert_eq!(output.counts("faults", "lost"), [0, 0, 1]);
    assert_eq!(output.counts("replicas", "restarts"), [3]);
    assert_eq!(output.counts("replicas", "completed"), [2]);
    assert_eq!(
        output.reals("replicas", "cpu_core_seconds"),
        [Some(3.0)],
        "a second of the lost request included"
    );
    assert_eq!(output.secs("replicas", "ready"), [Some(0.0)]);
    assert_eq!(outcomes(&output), ["ready"]);
    let ready = output.reals("summary", "replicas_mean")[0].expect("a mean");
    assert!((ready - 0.58).abs() < 1e-9, "{ready}");
}

#[test]
fn a_crashed_replica_may_be_replaced() {
    let crash = json!({"kind": "replica_crash", "requests": "lost", "recovery": "replace"});
    let output = Scene::new(100.0, cluster(2, 1), vec![service("a", 1)])
        .faults(vec![fault(crash, replica(0), at(10.0), None)])
        .run();
    assert_eq!(outcomes(&output), ["failed", "ready"]);
    assert_eq!(output.secs("replicas", "created")[1], Some(10.0));
}

#[test]
fn slow_and_paused_replicas_end_what_they_serve_later() {
    let slow = json!({"kind": "slow_down", "speed_ratio": 0.5});
    for (effect, target, end) in [
        (slow.clone(), node(0), 18.0),
        (slow, replica(0), 18.0),
        (json!({"kind": "pause"}), node(0), 24.0),
        (json!({"kind": "pause"}), replica(0), 24.0),
    ] {
        let mut scene = Scene::new(100.0, cluster(2, 1), vec![service("a", 1)])
            .requests(0, &[(8.0, 6.0)])
            .faults(vec![fault(effect, target, at(10.0), Some(10.0))]);
        scene.document["record"]["requests"] = json!({"keep": "full"});
        assert_eq!(scene.run().secs("requests", "end"), [Some(end)]);
    }
}

#[test]
fn a_draining_replica_that_is_slowed_and_sped_up_is_gone_when_it_is_empty() {
    let pause = json!({"kind": "pause"});
    let output = Scene::new(100.0, cluster(2, 1), vec![service("a", 1)])
        .requests(0, &[(8.0, 6.0)])
        .controller(fixed(0, 0, 9.0))
        .faults(vec![fault(pause, node(0), at(10.0), Some(10.0))])
        .run();
    assert_eq!(output.secs("replicas", "ended"), [Some(24.0)]);
    assert_eq!(outcomes(&output), ["drained"]);
}

#[test]
fn a_fault_that_finds_nothing_is_still_in_the_table() {
    let output = Scene::new(100.0, cluster(2, 1), vec![service("a", 1)])
        .faults(vec![fault(loss("lost"), node(7), at(10.0), None)])
        .run();
    assert_eq!(output.counts("faults", "replicas"), [0]);
    assert_eq!(output.counts("nodes", "failures"), [0]);
}

fn stormy(replicas: f64, engine: &str, discipline: &str) -> RunOutput {
    let mut services = vec![service("a", 6), service("b", 3)];
    for service in &mut services {
        service["queue"]["discipline"] = json!(discipline);
        service["queue"]["timeout_ns"] = json!(ns(3.0));
        service["queue"]["limit"] = json!(20);
        service["startup"] = json!([stage("init", 1.0)]);
    }
    let all_nodes = json!({"of": "node", "node": null});
    let all = |service: usize| json!({"of": "replica", "service": service, "replica": null});
    let crash = |requests: &str| json!({"kind": "replica_crash", "requests": requests, "recovery": "restart"});
    let mut scene = Scene::new(600.0, cluster(4, 4), services)
        .poisson(0, &[240.0; 20], 30.0)
        .poisson(1, &[100.0; 20], 30.0)
        .controller(fixed(0, replicas as u32, 100.0))
        .controller(fixed(1, 2, 200.0))
        .faults(vec![
            fault(
                loss("requeued"),
                all_nodes.clone(),
                every(150.0),
                Some(25.0),
            ),
            fault(crash("lost"), all(0), every(80.0), None),
            fault(crash("requeued"), all(1), every(60.0), Some(2.0)),
            fault(
                json!({"kind": "slow_down", "speed_ratio": 0.4}),
                all_nodes.clone(),
                every(50.0),
                Some(20.0),
            ),
            fault(json!({"kind": "pause"}), all(0), every(40.0), Some(3.0)),
            fault(json!({"kind": "pause"}), all_nodes, every(90.0), Some(2.0)),
        ]);
    let work = json!({"distribution": "exponential", "mean_ns": ns(0.5)});
    scene.document["services"][0]["work"] = work.clone();
    scene.document["services"][1]["work"] = work;
    scene.document["engine"] = json!(engine);
    scene.run()
}

#[test]
fn random_faults_leave_the_engines_alike_and_every_check_holds() {
    for discipline in ["central_fifo", "fifo", "processor_sharing"] {
        let [lazy, reference] = ["lazy", "reference"].map(|engine| stormy(8.0, engine, discipline));
        assert_eq!(lazy.digest, reference.digest, "{discipline}");
        assert!(lazy.counts("faults", "lost").len() > 50);
        assert!(lazy.counts("summary", "lost")[0] > 0);
        assert!(lazy.counts("faults", "requeued").iter().sum::<u64>() > 0);
    }
}

#[test]
fn nodes_fail_at_the_same_instants_whatever_the_services_do() {
    let losses = |output: &RunOutput| {
        let (kinds, times) = (
            output.texts("faults", "kind"),
            output.secs("faults", "time"),
        );
        let nodes = output.table("faults").column("node").cloned();
        let losses = kinds.iter().zip(times);
        let times: Vec<_> = losses
            .filter(|(kind, _)| kind.as_deref() == Some("node_loss"))
            .map(|(_, time)| time)
            .collect();
        (times, nodes.is_some())
    };
    let [few, many] = [5.0, 10.0].map(|replicas| stormy(replicas, "lazy", "fifo"));
    assert!(!losses(&few).0.is_empty());
    assert_eq!(losses(&few), losses(&many));
    assert_ne!(few.digest, many.digest);
}

#[test]
fn faults_without_meaning_are_refused() {
    let scene = |fault| Scene::new(60.0, cluster(2, 1), vec![service("a", 1)]).faults(vec![fault]);
    let slow = json!({"kind": "slow_down", "speed_ratio": 0.0});
    let nowhere = json!({"of": "replica", "service": 3, "replica": null});
    for (fault, text) in [
        (fault(loss("lost"), replica(0), at(1.0), None), "is no node"),
        (
            fault(slow, node(0), at(1.0), None),
            "is not a positive number",
        ),
        (
            fault(json!({"kind": "pause"}), nowhere, at(1.0), None),
            "does not exist",
        ),
    ] {
        let refusal = scene(fault).refusal();
        assert!(refusal.contains(text), "{refusal}");
    }
}
