//! Requests that are sent back while they are held, or pushed out of a queue while others are held for them.

use super::calls::{answers, critical, instants, scene};
use super::calls_theory::exponential;
use super::support::{Read, Scene, cluster, constant, fixed, ns, service, stage};
use super::synchronous::{cpu, fault, hold, outcomes, pair, retry, set};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::AddAssign;

fn crash(recovery: &str) -> Value {
    json!({"kind": "replica_crash", "requests": "requeued", "recovery": recovery})
}

/// A request that is held from 2 s on, by the first of two replicas that crashes at 3 s; its call takes so long.
fn sent_back(call: f64) -> Scene {
    let mut scene = pair(&[(1.0, 1.0)]);
    scene.document["services"][0]["initial_replicas"] = json!(2);
    scene.document["services"][1]["work"] = constant(call);
    scene.document["faults"] = json!([fault(&crash("replace"), 0, 3.0, None)]);
    scene
}

/// Mean times on the critical path: of `a`, of `b` and between.
fn times(scene: &Scene) -> Vec<Option<f64>> {
    critical(&scene.run())
        .into_iter()
        .map(|row| row.2)
        .collect()
}

#[test]
fn who_is_sent_back_is_served_again_and_held_for_the_calls_it_has_made() {
    let scene = sent_back(5.0);
    let output = scene.run();
    assert_eq!(instants(&output, "b", "arrival"), [2.0], "called once");
    assert_eq!(instants(&output, "a", "start"), [3.0]);
    assert_eq!(instants(&output, "a", "end"), [7.0]);
    let mut used = cpu(&output);
    used.retain(|cpu| *cpu > 0.0);
    used.sort_by(f64::total_cmp);
    assert_eq!(used, [1.0, 1.0, 5.0]);
    assert_eq!(answers(&output), ([1, 0, 0], Some(6.0), Some(6.0)));
    assert_eq!(times(&scene), [Some(1.0), Some(5.0), Some(0.0)]);
}

#[test]
fn answers_that_come_meanwhile_count() {
    let scene = sent_back(1.5);
    let output = scene.run();
    // Answered at 3.5 s, done again at 4 s.
    assert_eq!(instants(&output, "a", "end"), [4.0]);
    assert_eq!(times(&scene), [Some(1.5), Some(1.5), Some(0.0)]);
    let mut scene = sent_back(1.5);
    scene.document["services"][0]["initial_replicas"] = json!(1);
    scene.document["services"][0]["startup"] = json!([stage("init", 2.0)]);
    scene.document["faults"][0]["effect"] = crash("restart");
    // It waits for its replica until 5 s.
    assert_eq!(instants(&scene.run(), "a", "end"), [6.0]);
}

#[test]
fn an_answer_that_a_paused_replica_has_is_not_lost_with_it() {
    let mut scene = sent_back(1.5);
    let mut pause = fault(&json!({"kind": "pause"}), 0, 2.5, Some(20.0));
    pause["name"] = json!("pause");
    scene.document["faults"] = json!([fault(&crash("replace"), 0, 4.0, None), pause]);
    let output = scene.run();
    assert_eq!(instants(&output, "a", "start"), [4.0]);
    assert_eq!(instants(&output, "a", "end"), [5.0]);
}

#[test]
fn who_is_sent_back_twice_has_called_once() {
    let mut scene = sent_back(9.0);
    scene.document["services"][0]["initial_replicas"] = json!(3);
    let mut second = fault(&crash("replace"), 0, 5.0, None);
    (second["name"], second["target"]["replica"]) = (json!("second"), json!(1));
    scene.document["faults"]
        .as_array_mut()
        .expect("a list")
        .push(second);
    let output = scene.run();
    assert_eq!(instants(&output, "b", "arrival"), [2.0]);
    assert_eq!(instants(&output, "a", "start"), [5.0]);
    assert_eq!(instants(&output, "a", "end"), [11.0]);
}

#[test]
fn a_call_that_fails_meanwhile_leaves_the_request_unanswered_when_it_is_done_again() {
    let mut scene = sent_back(1.5);
    let lost = json!({"kind": "replica_crash", "requests": "lost", "recovery": "replace"});
    let mut lost = fault(&lost, 1, 3.25, None);
    lost["name"] = json!("lost");
    scene.document["faults"]
        .as_array_mut()
        .expect("a list")
        .push(lost);
    let output = scene.run();
    assert_eq!(outcomes(&output, "a"), ["unanswered"]);
    assert_eq!(instants(&output, "a", "end"), [4.0]);
}

#[test]
fn another_attempt_makes_calls_of_its_own() {
    let mut scene = sent_back(1.25);
    scene.document["services"][0]["initial_replicas"] = json!(1);
    scene.document["services"][0]["startup"] = json!([stage("init", 2.0)]);
    scene.document["faults"][0]["effect"] = crash("restart");
    set(&mut scene, 0, ["queue", "total_timeout_ns"], json!(ns(3.0)));
    scene.document["workloads"][0]["retry"] = retry(2);
    let output = scene.run();
    // The first attempt has its answer at 3.25 s, but gives up at 4 s, before its replica is back at 5 s.
    assert_eq!(outcomes(&output, "a"), ["timed_out", "completed"]);
    assert_eq!(instants(&output, "b", "arrival"), [2.0, 6.0]);
    assert_eq!(instants(&output, "a", "end"), [4.0, 7.25]);
}

/// A caller with places for all, and one server behind whose short queue pushes out.
fn pushing() -> Scene {
    let mut scene = scene(2_000.0, &[1, 1])
        .poisson(0, &[1_800.0], 2_000.0)
        .calls(vec![hold(0, &[1])])
        .logged();
    set(
        &mut scene,
        0,
        ["queue", "discipline"],
        json!("processor_sharing"),
    );
    set(&mut scene, 0, ["replica", "concurrency"], json!(null));
    scene.document["services"][0]["work"] = exponential(0.3);
    let behind = &mut scene.document["services"][1];
    behind["work"] = exponential(1.0);
    behind["queue"]["discipline"] = json!("central_priority");
    behind["queue"]["limit"] = json!(2);
    behind["queue"]["when_full"] = json!("push_out");
    behind["classes"] = json!([
        {"name": "x", "share": 0.4, "level": 0, "work_factor": 1.0},
        {"name": "y", "share": 0.6, "level": 1, "work_factor": 1.0},
    ]);
    scene
}

#[test]
fn who_is_held_for_a_call_that_is_pushed_out_ends_at_that_instant() {
    let output = pushing().run();
    let owners = output.texts("requests", "service");
    let outcomes = output.texts("requests", "outcome");
    let [arrivals, ends] = ["arrival", "end"].map(|name| output.secs("requests", name));
    let requests = output.counts("requests", "request");
    let rows = |of: &str| -> Vec<usize> {
        let all = 0..owners.len();
        all.filter(|row| owners[*row].as_deref() == Some(of))
            .collect()
    };
    let callers: BTreeMap<u64, usize> = rows("a")
        .into_iter()
        .map(|row| (requests[row], row))
        .collect();
    let (mut at_once, mut pushed_out) = (0, 0);
    let of_b = rows("b").into_iter();
    for row in of_b.filter(|row| outcomes[*row].as_deref() == Some("rejected")) {
        let caller = callers[&requests[row]];
        assert_eq!(outcomes[caller].as_deref(), Some("unanswered"));
        assert_eq!(ends[caller], ends[row]);
        let later = ends[row] > arrivals[row];
        (if later { &mut pushed_out } else { &mut at_once }).add_assign(1);
    }
    assert!(at_once > 50 && pushed_out > 50, "{at_once} {pushed_out}");
    assert_eq!(
        output.counts("summary", "unanswered")[0],
        output.counts("summary", "rejected")[1]
    );
}

/// On one node with room for two: the replica of `a` that is drained at 2.5 s goes when the call that it is held for is
/// pushed out, by the next from outside; then there is room for one of `c`.
#[test]
fn a_drained_replica_goes_when_its_call_is_pushed_out() {
    let mut scene = Scene::new(
        60.0,
        cluster(2, 1),
        vec![service("a", 1), service("b", 1), service("c", 0)],
    )
    .requests(0, &[(1.0, 1.0)])
    .requests(1, &[(0.5, 20.0), (5.0, 1.0)])
    .calls(vec![hold(0, &[1])])
    .controller(fixed(0, 0, 2.5))
    .controller(fixed(2, 1, 2.5));
    let behind = &mut scene.document["services"][1];
    behind["queue"]["discipline"] = json!("priority");
    behind["queue"]["limit"] = json!(1);
    behind["queue"]["when_full"] = json!("push_out");
    behind["classes"] = json!([
        {"name": "x", "share": 0.5, "level": 0, "work_factor": 1.0},
        {"name": "y", "share": 0.5, "level": 1, "work_factor": 1.0},
    ]);
    let ended = |seed: u64| {
        scene.document["seed"] = json!(seed);
        let output = scene.run();
        let (ended, placed) = (
            output.secs("replicas", "ended")[0],
            output.secs("replicas", "placed")[2],
        );
        assert_eq!(placed, ended.map(|at| at + 1e-9));
        ended
    };
    // Depending on the classes that are drawn, the call is pushed out, or answered when the long request is over.
    let ends: Vec<_> = (0..20).map(ended).collect();
    assert!(ends.contains(&Some(5.0)), "{ends:?}");
    assert!(ends.contains(&Some(21.5)), "{ends:?}");
}

/// Two cores: the third replica has room when the drained one has got its answer, whose call is under way for 3 s.
#[test]
fn a_drained_replica_gives_its_room_back_when_a_call_on_its_way_is_answered() {
    let mut services = scene(60.0, &[1, 1]).document["services"].clone();
    let third = service("c", 0);
    services.as_array_mut().expect("a list").push(third);
    let mut call = hold(0, &[1]);
    call["delay"] = constant(3.0);
    let mut scene = Scene::new(60.0, cluster(2, 1), vec![])
        .requests(0, &[(1.0, 1.0)])
        .calls(vec![call])
        .controller(fixed(0, 0, 2.5))
        .controller(fixed(2, 1, 2.5));
    scene.document["services"] = services;
    let output = scene.run();
    assert_eq!(output.secs("replicas", "ended")[0], Some(6.0));
    assert_eq!(output.secs("replicas", "placed")[2], Some(6.000_000_001));
}
