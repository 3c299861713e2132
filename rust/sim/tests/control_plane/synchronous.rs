//! Synchronous calls: who holds whose place how long, worked out by hand.

use super::calls::{answers, call, critical, instants, scene};
use super::support::{Read, Scene, constant, fixed, ns};
use hookean_sim::run::RunOutput;
use serde_json::{Value, json};

/// A synchronous call.
pub(super) fn hold(from: usize, to: &[usize]) -> Value {
    let mut call = call(from, to);
    call["hold"] = json!(true);
    call
}

pub(super) fn retry(attempts: u32) -> Value {
    json!({
        "after_rejected": true, "after_timed_out": true, "after_lost": true, "after_unanswered": true,
        "attempts_max": attempts, "budget": null,
        "backoff": {"initial_ns": ns(0.5), "factor": 2.0, "maximum_ns": ns(4.0), "jitter": "none"},
    })
}

pub(super) fn fault(effect: &Value, service: usize, at: f64, duration: Option<f64>) -> Value {
    json!({
        "name": "blow", "effect": effect, "target": {"of": "replica", "service": service, "replica": 0},
        "times": {"when": "at", "at_ns": ns(at)}, "duration": duration.map(constant),
    })
}

fn crash() -> Value {
    json!({"kind": "replica_crash", "requests": "lost", "recovery": "replace"})
}

pub(super) fn set(scene: &mut Scene, service: usize, field: [&str; 2], value: Value) {
    scene.document["services"][service][field[0]][field[1]] = value;
}

/// Two services, of which the first holds its requests until the second, whose work takes 2 s, has answered.
pub(super) fn pair(requests: &[(f64, f64)]) -> Scene {
    let mut scene = scene(60.0, &[1, 1])
        .requests(0, requests)
        .calls(vec![hold(0, &[1])])
        .logged();
    scene.document["services"][1]["work"] = constant(2.0);
    scene
}

pub(super) fn outcomes(output: &RunOutput, of: &str) -> Vec<String> {
    let owners = output.texts("requests", "service");
    let rows = owners.iter().zip(output.texts("requests", "outcome"));
    rows.filter(|(owner, _)| owner.as_deref() == Some(of))
        .map(|(_, outcome)| outcome.expect("an outcome"))
        .collect()
}

pub(super) fn cpu(output: &RunOutput) -> Vec<f64> {
    let rows = output.reals("replicas", "cpu_core_seconds").into_iter();
    rows.flatten().collect()
}

#[test]
fn a_caller_keeps_its_place_until_it_is_answered() {
    let output = pair(&[(1.0, 1.0), (1.5, 1.0)]).run();
    // The second request waits until the answer to the first is there at 4 s.
    assert_eq!(instants(&output, "a", "start"), [1.0, 4.0]);
    assert_eq!(instants(&output, "a", "end"), [4.0, 7.0]);
    assert_eq!(instants(&output, "b", "arrival"), [2.0, 5.0]);
    assert_eq!(answers(&output), ([2, 0, 0], Some(4.25), Some(5.5)));
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(
        critical(&output),
        [
            (name("a"), 2, Some(2.25)),
            (name("b"), 2, Some(2.0)),
            (None, 2, Some(0.0))
        ]
    );
    // Nobody uses CPU while it waits.
    assert_eq!(cpu(&output), [2.0, 4.0]);
    assert_eq!(output.secs("summary", "latency_mean")[0], Some(4.25));
}

#[test]
fn an_asynchronous_call_is_set_off_when_the_caller_is_completed() {
    let mut scene = scene(60.0, &[1, 1, 1])
        .requests(0, &[(1.0, 1.0)])
        .calls(vec![hold(0, &[1]), call(0, &[2])])
        .logged();
    scene.document["calls"][1]["delay"] = constant(0.25);
    let output = scene.run();
    assert_eq!(instants(&output, "a", "end"), [3.0]);
    assert_eq!(instants(&output, "c", "arrival"), [3.25]);
    // a 1 s, b 1 s, 0.25 s on the way, c 1 s.
    assert_eq!(answers(&output), ([1, 0, 0], Some(3.25), Some(3.25)));
    let times: Vec<_> = critical(&output).into_iter().map(|row| row.2).collect();
    assert_eq!(times, [Some(1.0), Some(1.0), Some(1.0), Some(0.25)]);
}

#[test]
fn a_service_that_is_called_in_both_ways_is_one_part_of_a_critical_path() {
    let output = scene(60.0, &[1, 1])
        .requests(0, &[(1.0, 1.0)])
        .calls(vec![hold(0, &[1]), call(0, &[1])])
        .run();
    assert_eq!(answers(&output), ([1, 0, 0], Some(3.0), Some(3.0)));
    let rows: Vec<_> = critical(&output)
        .into_iter()
        .map(|row| (row.1, row.2))
        .collect();
    assert_eq!(rows, [(1, Some(1.0)), (1, Some(2.0)), (1, Some(0.0))]);
}

#[test]
fn who_shares_the_cpu_takes_no_part_while_it_is_held() {
    let run = |concurrency: Value| {
        let mut scene = scene(60.0, &[1, 9])
            .requests(0, &[(0.0, 1.0), (0.0, 1.0), (2.0, 1.5), (3.5, 0.25)])
            .calls(vec![hold(0, &[1])])
            .logged();
        set(
            &mut scene,
            0,
            ["queue", "discipline"],
            json!("processor_sharing"),
        );
        set(&mut scene, 0, ["replica", "concurrency"], concurrency);
        scene.document["services"][1]["work"] = constant(3.0);
        scene.run()
    };
    // The first two are done at 2 s and held until 5 s; the third has the core alone but for what it shares with the last.
    let free = run(json!(null));
    assert_eq!(instants(&free, "b", "arrival"), [2.0, 2.0, 3.5, 3.75]);
    assert_eq!(instants(&free, "a", "end"), [5.0, 5.0, 6.5, 6.75]);
    assert_eq!(cpu(&free)[..1], [3.75]);
    // Two places are taken until 5 s, then the other two go in.
    let full = run(json!(2));
    assert_eq!(instants(&full, "a", "start"), [0.0, 0.0, 5.0, 5.0]);
    assert_eq!(instants(&full, "b", "arrival"), [2.0, 2.0, 5.5, 6.75]);
    assert_eq!(instants(&full, "a", "end"), [5.0, 5.0, 8.5, 9.75]);
    assert_eq!(cpu(&full)[..1], [3.75]);
}

#[test]
fn a_caller_waits_for_the_first_for_some_or_for_all() {
    let end = |wait: Value| {
        let mut scene = pair(&[(1.0, 1.0)]);
        scene.document["calls"][0]["copies"] = json!(4);
        scene.document["calls"][0]["wait_for"] = wait;
        let output = scene.run();
        // All are served, whether the caller waits for them or not.
        assert_eq!(instants(&output, "b", "end"), [4.0, 6.0, 8.0, 10.0]);
        instants(&output, "a", "end")
    };
    assert_eq!(end(json!({"wait": "all"})), [10.0]);
    assert_eq!(end(json!({"wait": "some", "count": 1})), [4.0]);
    assert_eq!(end(json!({"wait": "some", "count": 3})), [8.0]);
}

#[test]
fn calls_follow_one_another_down_and_answers_come_back_up() {
    let mut scene = scene(60.0, &[1, 1, 1, 1])
        .requests(0, &[(1.0, 1.0), (1.0, 1.0)])
        .calls(vec![hold(0, &[1, 3]), hold(1, &[2])])
        .logged();
    scene.document["services"][3]["work"] = constant(0.5);
    let output = scene.run();
    // a 1-2, b 2-3, c 3-4; then the same again.
    assert_eq!(instants(&output, "c", "end"), [4.0, 7.0]);
    assert_eq!(instants(&output, "b", "end"), [4.0, 7.0]);
    assert_eq!(instants(&output, "a", "end"), [4.0, 7.0]);
    assert_eq!(instants(&output, "d", "end"), [2.5, 5.5]);
}

#[test]
fn a_caller_that_is_held_waits_for_what_its_callee_waits_for_without_a_place() {
    let ends = |wait: &str| {
        let mut scene = scene(60.0, &[1, 1, 1])
            .requests(0, &[(1.0, 1.0), (1.0, 1.0)])
            .calls(vec![hold(0, &[1]), call(1, &[2])])
            .logged();
        scene.document["services"][2]["work"] = constant(4.0);
        scene.document["calls"][1]["wait_for"] = json!({"wait": wait});
        let output = scene.run();
        [instants(&output, "b", "end"), instants(&output, "a", "end")]
    };
    // b is completed at 3 s, and holds no place while c works; a is answered with c.
    assert_eq!(ends("all"), [[3.0, 9.0], [7.0, 13.0]]);
    assert_eq!(ends("nothing"), [[3.0, 5.0], [3.0, 5.0]]);
}

#[test]
fn a_caller_fails_when_too_many_calls_have_failed() {
    let mut scene = pair(&[(1.0, 1.0), (4.0, 1.0)]).requests(1, &[(1.5, 2.0)]);
    set(&mut scene, 1, ["queue", "limit"], json!(0));
    let output = scene.run();
    // The call at 2 s finds b busy until 3.5 s.
    assert_eq!(outcomes(&output, "a"), ["unanswered", "completed"]);
    assert_eq!(instants(&output, "a", "end"), [2.0, 7.0]);
    for (name, count) in [("completed", 1), ("unanswered", 1), ("given_up", 1)] {
        assert_eq!(output.counts("summary", name)[0], count, "{name}");
    }
    assert_eq!(output.counts("replicas", "completed")[0], 1);
    assert_eq!(answers(&output), ([1, 0, 0], Some(3.0), Some(3.0)));
}

#[test]
fn a_caller_is_held_while_its_calls_are_tried_again() {
    let mut scene = pair(&[(1.0, 1.0)]).requests(1, &[(1.5, 2.0)]);
    set(&mut scene, 1, ["queue", "limit"], json!(0));
    scene.document["calls"][0]["retry"] = retry(3);
    // In vain at 2 s and 2.5 s, served from 3.5 s on.
    let output = scene.run();
    assert_eq!(instants(&output, "a", "end"), [5.5]);
    assert_eq!(answers(&output), ([1, 0, 0], Some(4.5), Some(4.5)));
    scene.document["calls"][0]["retry"] = retry(2);
    let output = scene.run();
    assert_eq!(outcomes(&output, "a"), ["unanswered"]);
    assert_eq!(instants(&output, "a", "end"), [2.5]);
}

#[test]
fn every_attempt_of_a_caller_makes_calls_of_its_own() {
    let mut scene = pair(&[(1.0, 1.0)]).requests(1, &[(1.5, 2.0)]);
    set(&mut scene, 1, ["queue", "limit"], json!(0));
    scene.document["workloads"][0]["retry"] = retry(3);
    let output = scene.run();
    // Work until 2 s, turned away, again from 2.5 s to 3.5 s, when b is free.
    assert_eq!(outcomes(&output, "a"), ["unanswered", "completed"]);
    assert_eq!(instants(&output, "a", "end"), [2.0, 5.5]);
    assert_eq!(instants(&output, "b", "arrival"), [1.5, 2.0, 3.5]);
    assert_eq!(output.counts("summary", "given_up")[0], 0);
    assert_eq!(answers(&output), ([1, 0, 0], Some(4.5), Some(4.5)));
    scene.document["workloads"][0]["retry"]["after_unanswered"] = json!(false);
    assert_eq!(outcomes(&scene.run(), "a"), ["unanswered"]);
}

#[test]
fn what_a_lost_caller_has_called_goes_on() {
    let mut scene = pair(&[(1.0, 1.0), (20.0, 1.0)]);
    scene.document["faults"] = json!([fault(&crash(), 0, 2.5, None)]);
    let output = scene.run();
    assert_eq!(outcomes(&output, "a"), ["lost", "completed"]);
    assert_eq!(instants(&output, "a", "end"), [2.5, 23.0]);
    assert_eq!(instants(&output, "b", "end"), [4.0, 23.0]);
    assert_eq!(answers(&output), ([1, 0, 0], Some(3.0), Some(3.0)));
}

#[test]
fn a_lost_attempt_is_not_answered_by_the_calls_of_the_last() {
    // The second attempt works from 3 s to 4 s, when the call of the first is answered, and calls itself.
    let mut scene = pair(&[(1.0, 1.0)]);
    scene.document["faults"] = json!([fault(&crash(), 0, 2.5, None)]);
    scene.document["workloads"][0]["retry"] = retry(2);
    let output = scene.run();
    assert_eq!(instants(&output, "a", "end"), [2.5, 6.0]);
    assert_eq!(instants(&output, "b", "end"), [4.0, 6.0]);
}

#[test]
fn a_caller_fails_at_once_when_its_callee_is_lost() {
    let mut scene = pair(&[(1.0, 1.0)]);
    scene.document["faults"] = json!([fault(&crash(), 1, 2.5, None)]);
    let output = scene.run();
    assert_eq!(outcomes(&output, "a"), ["unanswered"]);
    assert_eq!(instants(&output, "a", "end"), [2.5]);
}

#[test]
fn patience_ends_while_a_caller_is_held() {
    let mut scene = pair(&[(1.0, 1.0), (1.0, 1.0)]);
    set(&mut scene, 0, ["queue", "total_timeout_ns"], json!(ns(2.5)));
    let output = scene.run();
    // The first gives up at 3.5 s; so does the second, which would have begun then.
    assert_eq!(outcomes(&output, "a"), ["timed_out", "timed_out"]);
    assert_eq!(instants(&output, "a", "end"), [3.5, 3.5]);
    assert_eq!(instants(&output, "b", "end"), [4.0]);
    set(&mut scene, 0, ["queue", "total_timeout_ns"], json!(ns(3.0)));
    // An answer that comes with the end of patience is in time.
    let output = scene.run();
    assert_eq!(outcomes(&output, "a"), ["completed", "timed_out"]);
}

#[test]
fn a_place_is_free_for_who_arrives_with_the_answer() {
    let mut scene = pair(&[(1.0, 1.0), (3.999_999_999, 1.0), (4.0, 1.0)]);
    set(&mut scene, 0, ["queue", "limit"], json!(0));
    let output = scene.run();
    assert_eq!(
        outcomes(&output, "a"),
        ["completed", "rejected", "completed"]
    );
    assert_eq!(instants(&output, "a", "start"), [1.0, 4.0]);
}

#[test]
fn a_paused_caller_goes_on_when_it_is_resumed() {
    let mut scene = pair(&[(1.0, 1.0), (2.5, 1.0)]);
    scene.document["faults"] = json!([fault(&json!({"kind": "pause"}), 0, 3.0, Some(2.5))]);
    let output = scene.run();
    // b has answered at 4 s.
    assert_eq!(instants(&output, "b", "end"), [4.0, 8.5]);
    assert_eq!(instants(&output, "a", "end"), [5.5, 8.5]);
    // From 1 s to 2 s in a and until 4 s in b, 1.5 s more in a; then 3 s and 1 s in a and 2 s in b.
    let times: Vec<_> = critical(&output).into_iter().map(|row| row.2).collect();
    assert_eq!(times, [Some(3.25), Some(2.0), Some(0.0)]);
}

#[test]
fn a_slow_callee_slows_its_caller_down() {
    let mut scene = pair(&[(1.0, 1.0)]);
    let slow = json!({"kind": "slow_down", "speed_ratio": 0.5});
    scene.document["faults"] = json!([fault(&slow, 1, 3.0, None)]);
    // A second at full speed, the other at half.
    assert_eq!(instants(&scene.run(), "a", "end"), [5.0]);
}

fn ended(output: &RunOutput) -> Vec<Option<f64>> {
    output.secs("replicas", "ended")
}

#[test]
fn a_replica_drains_until_its_held_requests_end() {
    let scene = pair(&[(1.0, 1.0), (2.25, 1.0)]).controller(fixed(0, 0, 2.5));
    let output = scene.run();
    // The second is in the queue of the replica.
    assert_eq!(instants(&output, "a", "end"), [4.0, 7.0]);
    assert_eq!(ended(&output), [Some(7.0), None]);
    assert_eq!(
        output.texts("replicas", "outcome")[0].as_deref(),
        Some("drained")
    );
}

#[test]
fn a_replica_is_empty_as_soon_as_others_fail() {
    let mut scene = pair(&[(1.0, 1.0)]).controller(fixed(0, 0, 2.25));
    scene.document["faults"] = json!([fault(&crash(), 1, 2.5, None)]);
    assert_eq!(ended(&scene.run())[0], Some(2.5));
}

#[test]
fn held_requests_are_lost_when_the_grace_is_over() {
    let mut scene = pair(&[(1.0, 1.0)]).controller(fixed(0, 0, 2.5));
    scene.document["services"][0]["termination_grace_ns"] = json!(ns(1.0));
    let output = scene.run();
    assert_eq!(ended(&output)[0], Some(3.5));
    assert_eq!(outcomes(&output, "a"), ["lost"]);
    assert_eq!(instants(&output, "b", "end"), [4.0]);
}

#[test]
fn a_request_may_still_be_held_at_the_end() {
    let mut scene = pair(&[(1.0, 1.0)]);
    scene.document["horizon_ns"] = json!(ns(3.0));
    let output = scene.run();
    assert_eq!(outcomes(&output, "a"), ["in_system"]);
    assert_eq!(output.counts("summary", "in_system"), [1, 1]);
    assert_eq!(answers(&output), ([0, 0, 0], None, None));
}

#[test]
fn a_quota_counts_no_held_request() {
    let mut scene = pair(&[(1.0, 0.01), (1.25, 0.25)]);
    set(
        &mut scene,
        0,
        ["replica", "cpu_quota"],
        json!({"quota_ns": ns(0.05), "period_ns": ns(0.1), "cores_millicores": 1000}),
    );
    set(&mut scene, 0, ["replica", "concurrency"], json!(2));
    set(
        &mut scene,
        0,
        ["queue", "discipline"],
        json!("processor_sharing"),
    );
    set(&mut scene, 0, ["replica", "cpu_millicores"], json!(500));
    let output = scene.run();
    assert_eq!(outcomes(&output, "a"), ["completed", "completed"]);
    assert!((cpu(&output)[0] - 0.26).abs() < 1e-9);
    assert_eq!(instants(&output, "b", "arrival")[..1], [1.01]);
}

#[test]
fn who_is_answered_while_the_quota_is_used_up_goes_on_with_the_next_period() {
    let small = (1..40).map(|nth| (f64::from(nth) * 0.0813, 1e-6));
    let requests: Vec<(f64, f64)> = [(0.0, 10.0)].into_iter().chain(small).collect();
    let mut scene = scene(60.0, &[1, 40])
        .requests(0, &requests)
        .calls(vec![hold(0, &[1])])
        .logged();
    scene.document["services"][1]["work"] = constant(0.0301);
    set(
        &mut scene,
        0,
        ["queue", "discipline"],
        json!("processor_sharing"),
    );
    set(&mut scene, 0, ["replica", "concurrency"], json!(null));
    set(&mut scene, 0, ["replica", "cpu_millicores"], json!(500));
    set(
        &mut scene,
        0,
        ["replica", "cpu_quota"],
        json!({"quota_ns": ns(0.05), "period_ns": ns(0.1), "cores_millicores": 1000}),
    );
    let output = scene.run();
    // Calls and answers come in the same order, but for the large request, which is the last.
    let answered = instants(&output, "b", "end").into_iter().map(ns);
    let ended = instants(&output, "a", "end").into_iter().map(ns);
    let pairs: Vec<(u64, u64)> = answered.zip(ended).take(39).collect();
    let late: Vec<u64> = pairs
        .iter()
        .filter(|(answer, end)| end > answer)
        .map(|pair| pair.1)
        .collect();
    assert!(late.len() > 5 && late.len() < 35, "{}", late.len());
    assert!(
        late.iter()
            .all(|end| (end - late[0]).is_multiple_of(ns(0.1)))
    );
    assert!(
        pairs
            .iter()
            .all(|(answer, end)| (*answer..answer + ns(0.05)).contains(end))
    );
}

#[test]
fn what_makes_no_sense_of_synchronous_calls_is_refused() {
    let mut scene = pair(&[(1.0, 1.0)]);
    scene.document["calls"][0]["wait_for"] = json!({"wait": "nothing"});
    assert!(scene.refusal().contains("a caller that is held waits"));
    let mut scene = pair(&[(1.0, 1.0)]);
    scene.document["calls"][0]["copies"] = json!(1000);
    scene.document["workloads"][0]["retry"] = retry(100);
    assert!(
        scene.refusal().contains("16384 places"),
        "{}",
        scene.refusal()
    );
}
