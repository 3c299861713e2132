//! The binned tier under controllers: replica-hours as with single requests, whatever the number of threads.

use super::support::{Read, SECOND, Scene, cluster, ns, service};
use hookean_sim::run::{Heartbeat, RunOutput};
use serde_json::{Value, json};

const MINUTES: usize = 720;

fn hpa(service: usize, metrics: &Value) -> Value {
    json!({
        "kind": "hpa", "service": service, "period_ns": 15 * SECOND, "phase_ns": 0, "metrics": metrics,
        "config": {
            "min_replicas": 2, "max_replicas": 100, "behavior": null, "tolerance": 0.1,
            "metrics": [{"type": "resource", "resource": "cpu", "target": {"utilization_percent": 60}}],
            "cpu_initialization_period_ns": 300 * SECOND, "initial_readiness_delay_ns": 30 * SECOND,
            "downscale_stabilization_ns": 300 * SECOND, "scale_up_limit_factor": 2.0, "scale_up_limit_minimum": 4.0,
            "gates": {"scale_to_zero": true, "configurable_tolerance": true},
        },
    })
}

fn kubernetes() -> Value {
    json!({
        "pipeline": "kubernetes", "housekeeping_min_ns": 10 * SECOND, "housekeeping_max_ns": 15 * SECOND,
        "resolution_ns": 15 * SECOND, "adapter_period_ns": 30 * SECOND, "adapter_window_ns": 60 * SECOND,
        "adapter_delay_ns": 0,
    })
}

/// A triangle between a third and all of `peak` requests per second.
fn triangle(peak: f64) -> Vec<f64> {
    let half = MINUTES as f64 / 2.0;
    let rate = |minute: usize| peak * (1.0 - ((minute as f64 - half).abs() / half) * 2.0 / 3.0);
    (0..MINUTES).map(|minute| rate(minute) * 60.0).collect()
}

/// Services of some requests per second that need 200 ms each, on replicas of one core.
fn scene(tier: &Value, metrics: &Value) -> Scene {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let services = names.map(|name| {
        let mut service = service(name, 3);
        service["work"] = json!({"distribution": "exponential", "mean_ns": ns(0.2)});
        service["queue"] = json!({"discipline": "processor_sharing", "routing": "random", "limit": null, "when_full": "reject", "timeout_ns": null});
        service["replica"]["concurrency"] = Value::Null;
        service["startup"] = json!([super::support::stage("create", 3.0)]);
        service["fidelity"] = tier.clone();
        service
    });
    let mut scene = Scene::new(MINUTES as f64 * 60.0, cluster(1000, 20), services.to_vec());
    for index in 0..names.len() {
        scene = scene
            .poisson(index, &triangle(10.0 + 5.0 * index as f64), 60.0)
            .controller(hpa(index, metrics));
    }
    scene
}

fn exact() -> Value {
    json!({"tier": "exact"})
}

fn bins(secs: f64) -> Value {
    json!({"tier": "binned", "bin_ns": ns(secs)})
}

fn sum(output: &RunOutput, name: &str) -> f64 {
    output.reals("summary", name).iter().flatten().sum()
}

#[test]
fn replica_hours_are_within_a_hundredth_of_those_of_single_requests() {
    for metrics in [
        kubernetes(),
        json!({"pipeline": "ideal", "window_ns": 15 * SECOND}),
    ] {
        let runs = [exact(), bins(15.0), bins(5.0)].map(|tier| scene(&tier, &metrics).run());
        let figures = runs.each_ref().map(|run| {
            (
                sum(run, "replicas_mean"),
                sum(run, "cpu_cores_mean"),
                run.counts("summary", "scale_outs").iter().sum::<u64>(),
            )
        });
        for (hours, cpu, _) in &figures[1..] {
            assert!((hours / figures[0].0 - 1.0).abs() < 0.01, "{figures:?}");
            assert!((cpu / figures[0].1 - 1.0).abs() < 0.01, "{figures:?}");
        }
    }
}

#[test]
fn threads_change_nothing() {
    let digest = |threads| {
        let run =
            scene(&bins(15.0), &kubernetes()).run_with(threads, &mut |_, _| Heartbeat::Continue);
        run.digest
    };
    let one = digest(1);
    assert_eq!(one, digest(2));
    assert_eq!(one, digest(5));
}

#[test]
fn tiers_mix_in_one_run() {
    let mut scene = scene(&exact(), &kubernetes());
    let single = scene.run();
    scene.document["services"][1]["fidelity"] = bins(15.0);
    let mixed = scene.run();
    let arrivals = |run: &RunOutput| run.counts("summary", "arrivals");
    let (before, after) = (arrivals(&single), arrivals(&mixed));
    assert_eq!((before[0], &before[2..]), (after[0], &after[2..]));
    assert_ne!(before[1], after[1]);
}

#[test]
fn what_bins_cannot_do_is_refused() {
    let refusal = |path: &str, value: Value| {
        let mut scene = scene(&bins(15.0), &kubernetes());
        *scene.document.pointer_mut(path).expect("a field") = value;
        scene.refusal()
    };
    let cases = [
        (
            "/services/0/fidelity/bin_ns",
            json!(0),
            "`services.0.fidelity.bin_ns` is zero",
        ),
        (
            "/services/0/fidelity/bin_ns",
            json!(ns(20.0)),
            "is shorter than a bin",
        ),
        (
            "/services/0/queue/routing",
            json!({"power_of_choices": {"choices": 2}}),
            "`services.0.queue` is of a kind",
        ),
        (
            "/engine",
            json!("reference"),
            "`engine` is `reference`, which has no bins",
        ),
        (
            "/record/requests",
            json!({"keep": "full"}),
            "`record.requests` keeps single requests",
        ),
    ];
    for (path, value, expected) in cases {
        let text = refusal(path, value);
        assert!(text.contains(expected), "{path}: {text}");
    }
}

#[test]
fn what_is_kept_of_decisions_changes_no_result() {
    let run = |keep: Value| {
        let mut scene = scene(&bins(15.0), &kubernetes());
        scene.document["record"]["decisions"] = keep;
        scene.run()
    };
    let all = run(json!({"keep": "all"}));
    let rows = |run: &RunOutput| run.counts("decisions", "desired");
    for (keep, least, most) in [
        (json!({"keep": "changes"}), 24, 8000),
        (json!({"keep": "sampled", "one_in": 10}), 3100, 3800),
        (json!({"keep": "off"}), 0, 0),
    ] {
        let fewer = run(keep);
        assert_eq!(fewer.digest, all.digest);
        assert!(
            (least..=most).contains(&rows(&fewer).len()),
            "{}",
            rows(&fewer).len()
        );
    }
    let changed = run(json!({"keep": "changes"}));
    let current = changed.counts("decisions", "current");
    assert!(
        current
            .iter()
            .zip(rows(&changed))
            .all(|(before, after)| *before != after)
    );
}
