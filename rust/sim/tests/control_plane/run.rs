//! Runs as a whole: the same for any number of threads, stoppable, quick with many services.

use super::support::{Read, SECOND, Scene, cluster, ns, service, stage};
use hookean_sim::run::{Heartbeat, RunOutput};
use serde_json::{Value, json};

pub(crate) fn hpa(service: usize) -> Value {
    json!({
        "kind": "hpa", "service": service, "period_ns": 15 * SECOND, "phase_ns": 0,
        "metrics": {
            "pipeline": "kubernetes", "housekeeping_min_ns": 10 * SECOND, "housekeeping_max_ns": 15 * SECOND,
            "resolution_ns": 15 * SECOND, "adapter_period_ns": 30 * SECOND, "adapter_window_ns": 60 * SECOND,
            "adapter_delay_ns": 0,
        },
        "config": {
            "min_replicas": 1, "max_replicas": 30,
            "metrics": [{"type": "resource", "resource": "cpu", "target": {"utilization_percent": 50}}],
            "behavior": null, "tolerance": 0.1, "cpu_initialization_period_ns": 300 * SECOND,
            "initial_readiness_delay_ns": 30 * SECOND, "downscale_stabilization_ns": 60 * SECOND,
            "scale_up_limit_factor": 2.0, "scale_up_limit_minimum": 4.0,
            "gates": {"scale_to_zero": true, "configurable_tolerance": true},
        },
    })
}

/// Several services that crowd a small cluster.
fn crowd(disciplines: &[&str], horizon: f64) -> Scene {
    let services = disciplines.iter().enumerate().map(|(i, discipline)| {
        let mut one = service(&format!("s{i:04}"), 1);
        one["queue"]["discipline"] = json!(discipline);
        one["work"] = json!({"distribution": "exponential", "mean_ns": ns(0.3)});
        one["startup"] = json!([stage("init", 3.0)]);
        one
    });
    let mut scene = Scene::new(horizon, cluster(8, 3), services.collect());
    for index in 0..disciplines.len() {
        let counts: Vec<f64> = (0..20)
            .map(|bin| f64::from((bin * 7 + index as u32 * 3) % 20) * 60.0)
            .collect();
        scene = scene.poisson(index, &counts, 60.0).controller(hpa(index));
    }
    scene
}

const KINDS: [&str; 4] = ["fifo", "processor_sharing", "central_fifo", "fifo"];

fn assert_same(a: &RunOutput, b: &RunOutput) {
    assert_eq!(a.digest, b.digest);
    assert_eq!(a.tables, b.tables, "the digest forgets nothing");
}

#[test]
fn threads_change_nothing() {
    let scene = crowd(&KINDS, 1200.0);
    let one = scene.run();
    assert!(
        one.counts("series", "pending").iter().any(|n| *n > 0),
        "the cluster is crowded"
    );
    for threads in [2, 3] {
        assert_same(
            &one,
            &scene.run_with(threads, &mut |_, _| Heartbeat::Continue),
        );
    }
}

#[test]
fn the_reference_engine_agrees() {
    let mut scene = crowd(&KINDS, 1200.0);
    let lazy = scene.run();
    scene.document["engine"] = json!("reference");
    assert_same(&lazy, &scene.run());
}

#[test]
fn a_run_that_is_stopped_is_the_beginning_of_the_whole_run() {
    let scene = crowd(&KINDS, 1200.0);
    let whole = scene.run();
    let part = scene.run_with(1, &mut |at, _| {
        if at.as_secs_f64() < 400.0 {
            Heartbeat::Continue
        } else {
            Heartbeat::Stop
        }
    });
    assert!(part.interrupted && part.end < whole.end);
    let rows = part.secs("series", "time").len() - KINDS.len();
    assert!(rows >= KINDS.len(), "stopped after the first row");
    for column in ["arrivals", "completed", "ready", "desired", "in_system"] {
        assert_eq!(
            part.counts("series", column)[..rows],
            whole.counts("series", column)[..rows],
            "{column}"
        );
    }
    let end = part.end.as_secs_f64();
    assert_eq!(part.secs("series", "time").last(), Some(&Some(end)));
    assert_eq!(
        part.secs("nodes", "billed"),
        [Some(end.max(60.0).ceil()); 3]
    );
}

#[test]
fn the_heartbeat_comes_often_at_high_rates() {
    // 100 s of silence, then a million requests in a second
    let counts: Vec<f64> = (0..102)
        .map(|bin| if bin == 100 { 1e6 } else { 0.0 })
        .collect();
    let mut one = service("a", 1);
    one["work"] = json!({"distribution": "constant", "value_ns": 10});
    let scene = Scene::new(102.0, cluster(4, 1), vec![one]).poisson(0, &counts, 1.0);
    let (mut last, mut most, mut beats) = (0, 0, 0);
    let output = scene.run_with(1, &mut |_, requests| {
        most = most.max(requests - last);
        last = requests;
        beats += 1;
        Heartbeat::Continue
    });
    assert_eq!(output.counts("summary", "arrivals")[0] / 100_000, 10);
    assert!(most < 1_100_000, "{most}");
    // stretches double from a millisecond up to a minute, whatever the silence
    assert!((10..2000).contains(&beats), "{beats}");

    let busy = Scene::new(
        2.0,
        cluster(4, 1),
        vec![scene.document["services"][0].clone()],
    )
    .poisson(0, &[2e6], 2.0);
    let (mut last, mut most) = (0, 0);
    busy.run_with(1, &mut |_, requests| {
        most = most.max(requests - last);
        last = requests;
        Heartbeat::Continue
    });
    assert!(most < 300_000, "{most}");
}

#[test]
fn a_service_may_be_created_after_others() {
    let mut scene = crowd(&["fifo", "fifo"], 600.0);
    scene.document["services"][1]["created_at_ns"] = json!(ns(130.0));
    let output = scene.run();
    let ready: Vec<u64> = output
        .counts("series", "ready")
        .into_iter()
        .skip(1)
        .step_by(2)
        .collect();
    assert_eq!(ready[..2], [0, 0]);
    assert!(ready[2] >= 1);
    let first = output
        .secs("decisions", "time")
        .into_iter()
        .zip(output.texts("decisions", "service"));
    let first = first
        .filter(|(_, s)| s.as_deref() == Some("s0001"))
        .find_map(|(at, _)| at);
    assert_eq!(first, Some(130.0));
}

#[test]
#[ignore = "a measurement: run it with --release --nocapture"]
fn an_hour_of_a_thousand_services() {
    let kinds: Vec<&str> = (0..1000).map(|_| "fifo").collect();
    let mut scene = crowd(&kinds, 3600.0);
    scene.document["platform"] = cluster(64, 400);
    for threads in [1, 2] {
        let output = scene.run_with(threads, &mut |_, _| Heartbeat::Continue);
        println!("{} requests, {}", output.requests, output.digest);
    }
}
