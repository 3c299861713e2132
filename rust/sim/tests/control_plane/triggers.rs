//! Controllers that act on requests: at the very instant, in order of time and service, the same however a run is cut.

use super::calls_theory::exponential;
use super::support::{Read, SECOND, Scene, changes, cluster, ns, service, stage};
use hookean_sim::run::{Heartbeat, RunOutput};
use serde_json::{Value, json};

fn acts(kind: &str, service: usize, config: &Value) -> Value {
    json!({
        "kind": kind, "service": service, "period_ns": ns(1e9), "phase_ns": 0,
        "metrics": {"pipeline": "ideal", "window_ns": 0}, "config": config,
    })
}

pub(super) fn on_demand(service: usize, min: u32, max: u32, keep_alive: f64) -> Value {
    let config = json!({"min": min, "max": max, "keep_alive_ns": ns(keep_alive)});
    acts("on-demand", service, &config)
}

/// On demand, with a keep-alive that is drawn for each time a replica idles.
pub(super) fn on_demand_drawn(service: usize, min: u32, max: u32, keep_alive: &Value) -> Value {
    let config = json!({"min": min, "max": max, "keep_alive": keep_alive});
    acts("on-demand", service, &config)
}

pub(super) fn thresholds(service: usize, min: u32, up: &[u64], down: &[u64]) -> Value {
    let config = json!({
        "min": min, "max": min + up.len() as u32, "counted": "in_system", "starting_max": null,
        "levels": {"levels": "each", "up": up, "down": down},
    });
    acts("thresholds", service, &config)
}

/// A service with one queue, without replicas to begin with, whose replicas take `init` seconds to start.
pub(super) fn pooled(name: &str, init: f64) -> Value {
    let mut one = service(name, 0);
    one["queue"]["discipline"] = json!("central_fifo");
    one["startup"] = json!([stage("init", init)]);
    one
}

pub(super) fn life(output: &RunOutput) -> Vec<[Option<f64>; 3]> {
    let columns = ["created", "ready", "ended"].map(|name| output.secs("replicas", name));
    (0..columns[0].len())
        .map(|row| [0, 1, 2].map(|column| columns[column][row]))
        .collect()
}

#[test]
fn each_request_without_a_place_starts_a_replica_that_goes_when_its_own_keep_alive_is_over() {
    let scene = Scene::new(60.0, cluster(8, 1), vec![pooled("a", 3.0)])
        .requests(0, &[(1.0, 1.0), (1.5, 1.0), (1.75, 1.0), (12.0, 0.5)])
        .controller(on_demand(0, 0, 2, 10.0));
    let output = scene.run();
    // The newest of two that are free is not asked for: the one that has been free longest takes the request at 12 s.
    assert_eq!(
        life(&output),
        [
            [Some(1.0), Some(4.0), Some(16.0)],
            [Some(1.5), Some(4.5), Some(22.5)],
        ]
    );
    assert_eq!(changes(&output), [(1.0, 1), (1.5, 2), (16.0, 1), (22.5, 0)]);
    let reasons = output.texts("decisions", "reason");
    assert_eq!(reasons[0].as_deref(), Some("requests without a place: 1"));
    assert_eq!(reasons[2].as_deref(), Some("idle for the keep-alive: 1"));
}

#[test]
fn newest_first_lets_the_oldest_replica_go() {
    let mut one = pooled("a", 3.0);
    one["queue"]["routing"] = json!("newest");
    let scene = Scene::new(60.0, cluster(8, 1), vec![one])
        .requests(0, &[(1.0, 1.0), (1.5, 1.0), (12.0, 0.5)])
        .controller(on_demand(0, 0, 2, 10.0));
    let ended: Vec<_> = life(&scene.run()).iter().map(|row| row[2]).collect();
    assert_eq!(ended, [Some(15.0), Some(22.5)]);
}

#[test]
fn a_replica_that_starts_at_once_serves_the_request_that_asked_for_it() {
    let mut scene = Scene::new(60.0, cluster(8, 1), vec![pooled("a", 0.0)])
        .requests(0, &[(1.0, 1.0), (1.0, 1.0), (30.0, 1.0)])
        .controller(on_demand(0, 0, 5, 0.0));
    scene.document["record"]["requests"] = json!({"keep": "full"});
    let output = scene.run();
    assert_eq!(
        output.secs("requests", "start"),
        [Some(1.0), Some(1.0), Some(30.0)]
    );
    // Without keep-alive they go with their request.
    let ended: Vec<_> = life(&output).iter().map(|row| row[2]).collect();
    assert_eq!(ended, [Some(2.0), Some(2.0), Some(31.0)]);
}

#[test]
fn a_replica_leaves_with_the_departure_that_crosses_the_level_before_it_takes_another_request() {
    // Four requests at once: two replicas from the third on; when two are left, one.
    let mut one = pooled("a", 0.0);
    one["initial_replicas"] = json!(1);
    let mut scene = Scene::new(60.0, cluster(8, 1), vec![one])
        .requests(0, &[(1.0, 2.5), (1.0, 1.0), (1.0, 1.0), (1.0, 1.0)])
        .controller(thresholds(0, 1, &[2], &[2]));
    scene.document["record"]["requests"] = json!({"keep": "full"});
    let output = scene.run();
    // The second replica serves the second request and the third; it goes at 3 s, and the fourth waits for the first one.
    assert_eq!(
        output.secs("requests", "start"),
        [Some(1.0), Some(1.0), Some(2.0), Some(3.5)]
    );
    assert_eq!(changes(&output), [(1.0, 2), (3.0, 1)]);
    assert_eq!(output.counts("summary", "lost"), [0]);
}

#[test]
fn what_a_grace_was_too_short_for_is_acted_on_at_once() {
    // Five requests: three replicas. At 6 s three are left: the newest replica drains, and is killed at 8 s with one of them.
    let mut one = service("a", 1);
    one["queue"]["routing"] = json!("least_outstanding");
    one["termination_grace_ns"] = json!(ns(2.0));
    let scene = Scene::new(60.0, cluster(8, 1), vec![one])
        .requests(
            0,
            &[(1.0, 1.0), (1.0, 4.0), (1.0, 3.0), (1.5, 20.0), (1.6, 20.0)],
        )
        .controller(thresholds(0, 1, &[2, 3], &[2, 3]));
    let output = scene.run();
    let changes = changes(&output);
    assert_eq!(changes[changes.len() - 2..], [(6.0, 2), (8.0, 1)]);
    assert_eq!(output.counts("summary", "lost"), [2]);
}

#[test]
fn what_a_fault_gives_back_to_the_queue_is_acted_on_at_once() {
    let mut one = pooled("a", 0.0);
    one["initial_replicas"] = json!(1);
    let waiting = json!({
        "min": 1, "max": 2, "counted": "waiting", "starting_max": null,
        "levels": {"levels": "each", "up": [1], "down": [0]},
    });
    let mut scene = Scene::new(60.0, cluster(8, 1), vec![one])
        .requests(0, &[(1.0, 9.0), (2.0, 2.0)])
        .controller(acts("thresholds", 0, &waiting));
    scene.document["faults"] = json!([{
        "name": "crash",
        "effect": {"kind": "replica_crash", "requests": "requeued", "recovery": "restart"},
        "target": {"of": "replica", "service": 0, "replica": 0},
        "times": {"when": "at", "at_ns": ns(5.0)},
        "duration": null,
    }]);
    scene.document["record"]["requests"] = json!({"keep": "full"});
    scene.document["services"][0]["startup"] = json!([stage("init", 3.0)]);
    let output = scene.run();
    // Two wait from the crash on: a second replica is wanted that instant, and not when the first is back at 8 s.
    assert_eq!(changes(&output)[0], (5.0, 2));
    assert_eq!(life(&output)[1][..2], [Some(5.0), Some(8.0)]);
}

/// Services that react to their requests on one cluster that is too small: what one gives back starts another's replica.
pub(super) fn crowd() -> Scene {
    let kinds = ["central_fifo", "fifo", "central_fifo", "processor_sharing"];
    let services = kinds.iter().enumerate().map(|(i, discipline)| {
        let mut one = pooled(&format!("s{i}"), 0.7 * i as f64);
        one["queue"]["discipline"] = json!(discipline);
        one["work"] = json!({"distribution": "exponential", "mean_ns": ns(0.3)});
        one
    });
    let counts: Vec<f64> = (0..20)
        .map(|bin| f64::from((bin * 7) % 20) * 20.0)
        .collect();
    let mut scene = Scene::new(1200.0, cluster(12, 1), services.collect());
    for index in 0..kinds.len() {
        scene = scene.poisson(index, &counts, 60.0);
    }
    scene
        .controller(on_demand(0, 0, 6, 4.0))
        .controller(thresholds(1, 0, &[0, 2, 5, 9], &[0, 1, 3, 5]))
        .controller(on_demand(2, 0, 6, 0.0))
        .controller(thresholds(3, 1, &[1, 3, 6], &[1, 2, 4]))
}

fn assert_same(a: &RunOutput, b: &RunOutput) {
    assert_eq!(a.digest, b.digest);
    assert_eq!(a.tables, b.tables, "the digest forgets nothing");
}

/// The crowd, with requests that give up and are sent again at once.
pub(super) fn impatient_crowd() -> Scene {
    let mut scene = crowd();
    for index in 0..4 {
        scene.document["services"][index]["queue"]["timeout_ns"] = json!(ns(0.6));
        scene.document["workloads"][index]["retry"] = json!({
            "after_rejected": true, "after_timed_out": true, "after_lost": true, "after_unanswered": true, "attempts_max": 3,
            "backoff": {"initial_ns": 0, "factor": 1.0, "maximum_ns": 0, "jitter": "none"},
            "budget": null,
        });
    }
    scene
}

#[test]
fn attempts_that_are_sent_again_at_once_are_acted_on_the_same_in_both_engines() {
    let mut scene = impatient_crowd();
    let lazy = scene.run();
    let retries = lazy.counts("summary", "retries");
    // Replicas of the first service start at once, so nobody gives up there.
    assert!(retries[1..].iter().all(|n| *n > 1_000), "{retries:?}");
    scene.document["engine"] = json!("reference");
    assert_same(&lazy, &scene.run());
}

#[test]
fn threads_and_the_reference_engine_change_nothing() {
    let mut scene = crowd();
    let one = scene.run();
    assert!(one.counts("series", "pending").iter().any(|n| *n > 0));
    assert!(one.counts("decisions", "desired").len() > 2_000);
    assert_same(&one, &scene.run_with(3, &mut |_, _| Heartbeat::Continue));
    scene.document["engine"] = json!("reference");
    assert_same(&one, &scene.run());
}

/// The crowd, whose functions keep replicas for times that are drawn.
fn crowd_with_drawn_keep_alives(laws: [&Value; 2]) -> Scene {
    let mut scene = crowd();
    for (service, law) in [0, 2].into_iter().zip(laws) {
        let drawn = on_demand_drawn(service, 0, 6, law);
        scene.document["controllers"][service] = drawn;
    }
    scene
}

#[test]
fn drawn_keep_alives_that_are_all_alike_are_fixed_ones() {
    let constant = |secs: f64| json!({"distribution": "constant", "value_ns": ns(secs)});
    let drawn = crowd_with_drawn_keep_alives([&constant(4.0), &constant(0.0)]);
    assert_same(&drawn.run(), &crowd().run());
}

/// While a replica is busy for an hour, nobody looks again after each of its keep-alives of a nanosecond.
#[test]
fn a_keep_alive_of_a_nanosecond_takes_no_longer_than_another() {
    let output = Scene::new(7200.0, cluster(8, 1), vec![pooled("a", 3.0)])
        .requests(0, &[(1.0, 3600.0)])
        .controller(on_demand(0, 0, 2, 1e-9))
        .run();
    let gone = (ns(3604.0) + 1) as f64 / SECOND as f64;
    assert_eq!(life(&output), [[Some(1.0), Some(4.0), Some(gone)]]);
}

#[test]
fn drawn_keep_alives_are_the_same_however_often_the_controller_is_asked() {
    let mut scene = crowd_with_drawn_keep_alives([&exponential(3.0); 2]);
    let one = scene.run();
    assert_ne!(life(&one), life(&crowd().run()));
    assert_same(&one, &scene.run_with(3, &mut |_, _| Heartbeat::Continue));
    scene.document["engine"] = json!("reference");
    assert_same(&one, &scene.run());
    scene.document["record"]["series_step_ns"] = json!(SECOND / 4);
    assert_eq!(life(&scene.run()), life(&one));
}

#[test]
fn idle_times_end_as_often_without_a_request_as_an_exponential_keep_alive_says() {
    // Rates 0.5 and 0.1: one in six.
    let mut scene = Scene::new(200_000.0, cluster(8, 1), vec![pooled("a", 1.0)])
        .poisson(0, &[100_000.0], 200_000.0)
        .controller(on_demand_drawn(0, 0, 1, &exponential(10.0)));
    scene.document["record"]["requests"] = json!({"keep": "full"});
    let output = scene.run();
    let gone = output.counts("summary", "scale_ins")[0] as f64;
    let [starts, arrivals] = ["start", "arrival"].map(|column| output.secs("requests", column));
    let found_idle = starts.iter().zip(&arrivals).filter(|(a, b)| a == b).count() as f64;
    let share = gone / (gone + found_idle);
    // Some 60,000 idle times: four standard deviations are 0.006.
    assert!((share - 1.0 / 6.0).abs() < 0.007, "{share}");
}

#[test]
fn looking_on_changes_nothing_that_happens() {
    let mut scene = crowd();
    let lives = life(&scene.run());
    scene.document["record"]["series_step_ns"] = json!(SECOND / 4);
    assert_eq!(life(&scene.run()), lives);
}

#[test]
fn a_run_that_is_stopped_is_the_beginning_of_the_whole_run() {
    let scene = crowd();
    let whole = scene.run();
    let part = scene.run_with(1, &mut |at, _| {
        if at.as_secs_f64() < 300.0 {
            Heartbeat::Continue
        } else {
            Heartbeat::Stop
        }
    });
    assert!(part.interrupted && part.end < whole.end);
    let rows = part.counts("decisions", "desired").len();
    assert!(rows > 200);
    assert_eq!(
        part.secs("decisions", "time"),
        whole.secs("decisions", "time")[..rows]
    );
}

#[test]
fn a_controller_that_acts_on_requests_decides_alone_and_needs_them() {
    let scene = || Scene::new(10.0, cluster(8, 1), vec![pooled("a", 0.0)]);
    let two = scene()
        .controller(on_demand(0, 0, 2, 1.0))
        .controller(thresholds(0, 0, &[1], &[0]));
    assert!(two.refusal().contains("shares its service"));
    let fluid = scene()
        .load(0, &[(1.0, 5.0)])
        .controller(on_demand(0, 0, 2, 1.0));
    assert!(fluid.refusal().contains("a fluid load has none"));
    let crossed = scene().controller(thresholds(0, 0, &[1], &[2]));
    assert!(crossed.refusal().contains("above the level"));
    let none = scene().controller(on_demand(0, 0, 0, 1.0));
    assert!(none.refusal().contains("max 0"));
    let mut two = on_demand(0, 0, 2, 1.0);
    two["config"]["keep_alive"] = json!({"distribution": "constant", "value_ns": 5});
    let two = scene().controller(two);
    assert!(two.refusal().contains("none or two of"));
}
