//! Controllers fed by their pipelines, with every decision worked out by hand.

use super::support::{Read, SECOND, Scene, changes, cluster, fixed, fleet, ns, service, stage};
use serde_json::{Value, json};

fn hpa(metric: &Value, metrics: &Value) -> Value {
    json!({
        "kind": "hpa", "service": 0, "period_ns": 15 * SECOND, "phase_ns": 0, "metrics": metrics,
        "config": {
            "min_replicas": 1, "max_replicas": 100, "metrics": [metric], "behavior": null, "tolerance": 0.1,
            "cpu_initialization_period_ns": 300 * SECOND, "initial_readiness_delay_ns": 30 * SECOND,
            "downscale_stabilization_ns": 300 * SECOND, "scale_up_limit_factor": 2.0, "scale_up_limit_minimum": 4.0,
            "gates": {"scale_to_zero": true, "configurable_tolerance": true},
        },
    })
}

fn cpu(percent: u32) -> Value {
    json!({"type": "resource", "resource": "cpu", "target": {"utilization_percent": percent}})
}

fn kubernetes() -> Value {
    json!({
        "pipeline": "kubernetes", "housekeeping_min_ns": 10 * SECOND, "housekeeping_max_ns": 15 * SECOND,
        "resolution_ns": 15 * SECOND, "adapter_period_ns": 30 * SECOND, "adapter_window_ns": 60 * SECOND,
        "adapter_delay_ns": 0,
    })
}

fn ideal(window: f64) -> Value {
    json!({"pipeline": "ideal", "window_ns": ns(window)})
}

#[test]
fn the_hpa_doubles_until_utilisation_is_on_target() {
    // 8 cores on n replicas of one core: 100 % up to 8 replicas, 50 % with 16; a window of 30 s is longer than the period
    for window in [0.0, 15.0] {
        let scene =
            Scene::new(300.0, cluster(100, 1), vec![service("a", 1)]).load(0, &[(8.0, 300.0)]);
        let output = scene.controller(hpa(&cpu(50), &ideal(window))).run();
        let expected = [(15.0, 2), (30.0, 4), (45.0, 8), (60.0, 16)];
        assert_eq!(changes(&output), expected, "window {window} s");
    }
}

#[test]
fn a_window_longer_than_the_period_averages_over_it() {
    // 100 % until 60 s, then nothing: at 75 s half of the window of 30 s, at 90 s none of it
    let scene = Scene::new(120.0, cluster(100, 1), vec![service("a", 1)]).load(0, &[(1.0, 60.0)]);
    let output = scene.controller(hpa(&cpu(95), &ideal(30.0))).run();
    let values = output.reals("decisions", "value");
    assert_eq!(
        values[1..],
        [100.0, 100.0, 100.0, 100.0, 50.0, 0.0, 0.0].map(Some)
    );
}

#[test]
fn a_new_pod_counts_once_its_sample_lies_after_its_readiness() {
    let mut slow = service("a", 1);
    slow["startup"] = json!([stage("create", 1.0), stage("init", 6.0)]);
    let scene = Scene::new(300.0, cluster(100, 1), vec![slow]).load(0, &[(1.0, 300.0)]);
    let output = scene.controller(hpa(&cpu(50), &kubernetes())).run();
    let created = output.secs("replicas", "created")[1].expect("a second replica");
    let times = output.secs("decisions", "time");
    let after = times
        .iter()
        .zip(output.texts("decisions", "inputs"))
        .filter(|(at, _)| at.expect("a time") > created);
    let seen: Vec<(f64, u64, u64)> = after
        .map(|(at, inputs)| {
            let inputs: Value = serde_json::from_str(&inputs.expect("inputs")).expect("JSON");
            let count = |name: &str| inputs["metrics"][0][name].as_u64().expect("a count");
            (
                at.expect("a time") - created,
                count("ready"),
                count("unready") + count("missing"),
            )
        })
        .collect();
    // ready after 7 s; a sample a window (10 to 15 s) later, scraped within 15 s, read within 15 s
    let first = seen
        .iter()
        .find(|(_, ready, _)| *ready == 2)
        .expect("it counts at last");
    assert!(
        (17.0..=7.0 + 2.0 * 15.0 + 15.0 + 15.0).contains(&first.0),
        "{first:?}"
    );
    assert!(
        seen.iter()
            .filter(|s| s.0 < first.0)
            .all(|s| (s.1, s.2) == (1, 1)),
        "{seen:?}"
    );
}

#[test]
fn samples_of_pods_that_are_gone_count_for_nothing() {
    // all requests go to replica 0; without replica 1 the mean is 2 per second, not 1
    let mut a = service("a", 2);
    a["queue"]["routing"] = json!("least_outstanding");
    let requests: Vec<(f64, f64)> = (0..260).map(|i| (0.5 * f64::from(i), 0.1)).collect();
    let rate = json!({"type": "pods", "name": "requests_per_second", "average_value_milli": 1000});
    let mut controller = hpa(&rate, &kubernetes());
    controller["phase_ns"] = json!(101 * SECOND);
    let output = Scene::new(110.0, cluster(100, 1), vec![a])
        .requests(0, &requests)
        .controller(fixed(0, 1, 100.0))
        .controller(controller)
        .run();
    assert_eq!(output.secs("replicas", "ended"), [None, Some(100.0), None]);
    assert_eq!(output.reals("decisions", "value"), [None, Some(2.0)]);
    assert_eq!(changes(&output), [(100.0, 1), (101.0, 2)]);
}

#[test]
fn memory_follows_the_requests_held() {
    // 100 bytes idle and 300 for each of two requests: 700 of 1000 bytes requested
    let mut a = service("a", 1);
    a["replica"]["memory_idle_bytes"] = json!(100);
    a["replica"]["memory_per_request_bytes"] = json!(300);
    let memory =
        json!({"type": "resource", "resource": "memory", "target": {"utilization_percent": 35}});
    let output = Scene::new(20.0, cluster(100, 1), vec![a])
        .requests(0, &[(1.0, 100.0), (2.0, 100.0)])
        .controller(hpa(&memory, &ideal(0.0)))
        .run();
    assert_eq!(output.reals("decisions", "value"), [Some(10.0), Some(70.0)]);
    assert_eq!(changes(&output), [(15.0, 2)]);
}

pub(super) fn target_tracking(low_datapoints: u32) -> Value {
    json!({
        "kind": "ec2-target-tracking", "service": 0, "period_ns": 60 * SECOND, "phase_ns": 0,
        "metrics": {"pipeline": "cloudwatch", "period_ns": 60 * SECOND, "delay_ns": 60 * SECOND},
        "config": {
            "min": 2, "max": 10, "policies": [{"metric": "cpu", "target": 50.0, "disable_scale_in": false}],
            "high_datapoints": 3, "low_datapoints": low_datapoints, "low_factor": 0.9, "period_ns": 60 * SECOND,
            "alarm_repeat_ns": 60 * SECOND, "instance_warmup_ns": 300 * SECOND,
        },
    })
}

/// 1.6 cores on two machines of one core: 80 %; from 300 s on 0.8 cores on four: 20 %.
fn fleet_day(boot: f64, low_datapoints: u32) -> Scene {
    let scene = Scene::new(2000.0, fleet(boot), vec![service("a", 2)])
        .load(0, &[(1.6, 300.0), (0.8, 1700.0)]);
    scene.controller(target_tracking(low_datapoints))
}

#[test]
fn target_tracking_goes_out_after_three_datapoints_and_in_after_fifteen() {
    // Periods ending at 60, 120, 180 s are published at 120, 180, 240 s: ceil(2 * 80 / 50) = 4.
    // The first low one ends at 360 s and is published at 420 s, the fifteenth at 1260 s: ceil(4 * 20 / 50) = 2.
    let output = fleet_day(30.0, 15).run();
    assert_eq!(changes(&output), [(240.0, 4), (1260.0, 2)]);
    let values = output.reals("decisions", "value");
    assert_eq!(values[..3], [None, None, Some(80.0)]);
    // the two warmed machines: 30 s at 80 % and 30 s at 40 %
    assert!(
        (values[6].expect("published at 360 s") - 60.0).abs() < 1e-9,
        "{values:?}"
    );
    let first = output.texts("decisions", "reason")[0].clone();
    assert_eq!(
        first.as_deref(),
        Some("too few datapoints for the alarms to decide")
    );
}

#[test]
fn target_tracking_does_not_go_in_while_machines_are_warming() {
    // two low datapoints are there at 480 s; the machines are in service at 240 s + boot and warm 300 s later
    for (boot, goes_in) in [(30.0, 600.0), (0.0, 540.0)] {
        let output = fleet_day(boot, 2).run();
        assert_eq!(
            changes(&output),
            [(240.0, 4), (goes_in, 2)],
            "boot {boot} s"
        );
        let reasons = output.texts("decisions", "reason");
        assert_eq!(
            reasons[8].as_deref(),
            Some("no scale-in while 2 instances are warming")
        );
    }
}

#[test]
fn an_alarm_may_look_at_many_datapoints() {
    let mut scene =
        Scene::new(20_000.0, fleet(0.0), vec![service("a", 4)]).load(0, &[(0.8, 20_000.0)]);
    scene = scene.controller(target_tracking(200));
    // the period that ends at 200 * 60 s is published 60 s later
    assert_eq!(changes(&scene.run()), [(201.0 * 60.0, 2)]);
}

#[test]
fn a_pipeline_that_does_not_measure_what_is_read_is_refused() {
    let mut wrong = target_tracking(15);
    wrong["metrics"] = ideal(0.0);
    let mut upside_down = hpa(&cpu(50), &kubernetes());
    upside_down["metrics"] = json!({"pipeline": "cloudwatch", "period_ns": SECOND, "delay_ns": 0});
    for (platform, controller, what) in [
        (fleet(0.0), wrong, "group averages: `cloudwatch` does"),
        (
            cluster(1, 1),
            upside_down,
            "single replicas: `ideal` and `kubernetes` do",
        ),
    ] {
        let scene = Scene::new(100.0, platform, vec![service("a", 1)]).controller(controller);
        let error = scene.refusal();
        assert!(
            error.ends_with(&format!("has a pipeline that does not measure {what}")),
            "{error}"
        );
    }
}

/// Services beside each other whose settings are equal share what is built of them, and nothing else: with another one in
/// between each decides, and starts its replicas, as before.
#[test]
fn neighbours_with_equal_settings_have_memories_and_draws_of_their_own() {
    let law = json!({"distribution": "exponential", "mean_ns": 3 * SECOND});
    let lives = |names: [&str; 3]| {
        let is_other = |name: &str| !["a", "b"].contains(&name);
        let services = names.map(|name| {
            let stage = if is_other(name) { "init" } else { "create" };
            let mut service = service(name, 1);
            service["startup"] = json!([{"stage": stage, "duration": law}]);
            service
        });
        let mut scene = Scene::new(600.0, cluster(100, 1), services.into());
        for (at, name) in names.into_iter().enumerate() {
            let (load, target) = match name {
                "a" => ([(8.0, 300.0), (0.1, 300.0)], 50),
                "b" => ([(0.1, 200.0), (8.0, 400.0)], 50),
                _ => ([(2.0, 500.0), (1.0, 100.0)], 40),
            };
            let mut controller = hpa(&cpu(target), &ideal(15.0));
            controller["service"] = json!(at);
            scene = scene.load(at, &load).controller(controller);
        }
        let output = scene.run();
        let of = |name: &str| -> Vec<String> {
            let rows = |table| {
                let services = output.texts(table, "service").into_iter().enumerate();
                let own = services.filter(|(_, service)| service.as_deref() == Some(name));
                own.map(|(row, _)| row).collect::<Vec<_>>()
            };
            let desired = output.counts("decisions", "desired");
            let (created, create) = (
                output.secs("replicas", "created"),
                output.secs("replicas", "create"),
            );
            let decisions = rows("decisions").into_iter();
            let decisions = decisions.map(|row| desired[row].to_string());
            let starts = rows("replicas").into_iter();
            let starts = starts.map(|row| format!("{:?} {:?}", created[row], create[row]));
            decisions.chain(starts).collect()
        };
        let targets = output.reals("decisions", "target").into_iter();
        let services = output.texts("decisions", "service").into_iter();
        for (service, target) in services.flatten().zip(targets) {
            let own = if is_other(&service) { 40.0 } else { 50.0 };
            assert_eq!(target.or(Some(own)), Some(own), "{service}");
        }
        let stages = output.secs("replicas", "init").into_iter();
        let services = output.texts("replicas", "service").into_iter();
        let others = services.flatten().zip(stages);
        let (init, none): (Vec<_>, Vec<_>) = others.partition(|(_, init)| init.is_some());
        assert!(init.iter().all(|(service, _)| is_other(service)));
        assert!(!init.is_empty() && !none.is_empty(), "stages of their own");
        ["a", "b"].map(of)
    };
    let beside = lives(["a", "b", "c"]);
    assert_eq!(beside, lives(["a", "aa", "b"]));
    let [a, b] = beside;
    assert!(a.len() > 50 && b.len() > 50, "decisions and replicas");
    assert_ne!(a, b, "each by its own load, with starts of its own");
}
