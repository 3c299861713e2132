//! Replicas that get another CPU while they serve, by hand and at random on both engines.

use super::lanes::scenes;
use super::run::hpa;
use super::support::{Read, Scene, cluster, fixed, fleet, ns, service};
use hookean_sim::run::RunOutput;
use proptest::prelude::*;
use serde_json::{Value, json};

fn resize(service: usize, secs: f64, cpu_millicores: u64) -> Value {
    json!({"service": service, "at_ns": ns(secs), "cpu_millicores": cpu_millicores})
}

fn with(mut scene: Scene, resizes: &[Value]) -> Scene {
    scene.document["resizes"] = json!(resizes);
    scene.document["record"]["requests"] = json!({"keep": "full"});
    scene
}

/// Runs both engines and returns their common result.
fn both(scene: &Scene) -> RunOutput {
    let lazy = scene.run();
    let mut scene = scene.clone();
    scene.document["engine"] = json!("reference");
    let reference = scene.run();
    assert_eq!(lazy.digest, reference.digest);
    for table in ["requests", "resizes", "nodes", "decisions"] {
        assert_eq!(lazy.table(table), reference.table(table), "{table}");
    }
    lazy
}

fn ends(output: &RunOutput) -> Vec<Option<f64>> {
    output.secs("requests", "end")
}

/// (time, cores, resized, deferred)
fn resized(output: &RunOutput) -> Vec<(f64, f64, u64, u64)> {
    let (times, cores) = (
        output.secs("resizes", "time"),
        output.reals("resizes", "cpu_cores"),
    );
    let resized = output.counts("resizes", "replicas");
    let deferred = output.counts("resizes", "deferred");
    let rows = times.iter().zip(cores).zip(resized.iter().zip(deferred));
    rows.map(|((time, cores), (resized, deferred))| {
        (
            time.expect("a row has a time"),
            cores.expect("and CPU"),
            *resized,
            deferred,
        )
    })
    .collect()
}

#[test]
fn what_is_left_of_a_request_is_served_with_the_new_cpu() {
    for discipline in ["fifo", "central_fifo", "processor_sharing"] {
        let mut slow = service("a", 1);
        slow["replica"]["cpu_millicores"] = json!(500);
        slow["queue"]["discipline"] = json!(discipline);
        let scene =
            Scene::new(60.0, cluster(4, 1), vec![slow]).requests(0, &[(0.0, 1.0), (9.0, 1.0)]);
        // Half of the first is done in the first second, the rest in half of one; the second is served by a quarter of a core
        // for 1 s and by a whole one for three quarters of a second.
        let resizes = [
            resize(0, 1.0, 1000),
            resize(0, 5.0, 250),
            resize(0, 10.0, 1000),
        ];
        let output = both(&with(scene, &resizes));
        assert_eq!(ends(&output), [Some(1.5), Some(10.75)], "{discipline}");
        let expected = [(1.0, 1.0, 1, 0), (5.0, 0.25, 1, 0), (10.0, 1.0, 1, 0)];
        assert_eq!(resized(&output), expected);
        let ready = output.reals("summary", "utilisation_mean")[0].unwrap();
        // 0.5 cores for 1 s, 1 for 4 s, 0.25 for 5 s, 1 for 50 s; 2 core-s used.
        assert!((ready - 2.0 / 55.75).abs() < 1e-9, "{ready}");
    }
}

#[test]
fn who_finds_no_room_is_resized_when_its_node_has_some_and_before_replicas_that_wait() {
    // Four cores: two of `a`, two of `b`; one of `c` waits from 12 s on.
    let services = vec![service("a", 2), service("b", 2), service("c", 0)];
    let scene = Scene::new(100.0, cluster(4, 1), services)
        .controller(fixed(0, 2, 1e6))
        .controller(fixed(1, 1, 20.0))
        .controller(fixed(1, 0, 30.0))
        .controller(fixed(2, 1, 12.0))
        .controller(fixed(0, 1, 40.0))
        .requests(0, &[(0.5, 1.0)]);
    let mut scene = with(scene, &[resize(0, 10.0, 2000)]);
    let controllers = scene.document["controllers"].as_array_mut().unwrap();
    controllers.sort_by_key(|of| of["service"].as_u64());
    let output = both(&scene);
    let expected = [(10.0, 2.0, 0, 2), (20.0, 2.0, 1, 1), (30.0, 2.0, 1, 0)];
    assert_eq!(resized(&output), expected);
    let owners = output.texts("replicas", "service");
    let waits = owners.iter().position(|of| of.as_deref() == Some("c"));
    let placed = output.secs("replicas", "placed");
    assert_eq!(placed[waits.unwrap()], Some(40.0));
}

#[test]
fn a_smaller_replica_makes_room_for_those_that_wait_and_its_own_siblings() {
    let services = vec![service("a", 1), service("b", 1)];
    let mut scene = Scene::new(60.0, cluster(4, 1), services)
        .controller(fixed(0, 2, 6.0))
        .controller(fixed(1, 2, 5.0));
    scene.document["services"][0]["replica"]["cpu_millicores"] = json!(3000);
    let output = both(&with(scene, &[resize(0, 10.0, 1000)]));
    assert_eq!(resized(&output), [(10.0, 1.0, 1, 0)]);
    let placed = output.secs("replicas", "placed");
    assert_eq!(placed, [Some(0.0), Some(10.0), Some(0.0), Some(10.0)]);
}

#[test]
fn replicas_on_their_way_out_keep_what_they_have() {
    let mut scene = Scene::new(60.0, cluster(4, 1), vec![service("a", 2)])
        .controller(fixed(0, 1, 5.0))
        .requests(0, &[(4.0, 10.0), (4.0, 10.0)]);
    scene.document["services"][0]["replica"]["cpu_millicores"] = json!(500);
    let output = both(&with(scene, &[resize(0, 10.0, 1000)]));
    assert_eq!(resized(&output), [(10.0, 1.0, 1, 0)]);
    let mut ends: Vec<f64> = ends(&output).into_iter().flatten().collect();
    ends.sort_by(f64::total_cmp);
    // One has 7 s of work left at 10 s; the other is served by half a core to the end.
    assert_eq!(ends, [17.0, 24.0]);
}

#[test]
fn an_autoscaler_sees_what_replicas_request_now() {
    let replicas = |resizes: &[Value]| {
        let scene = Scene::new(600.0, cluster(8, 1), vec![service("a", 1)])
            .controller(hpa(0))
            .load(0, &[(0.9, 600.0)]);
        let mut scene = with(scene, resizes);
        scene.document["record"]["requests"] = json!({"keep": "off"});
        scene.run().counts("summary", "replicas_max")[0]
    };
    // 90 % of one core against a target of 50 %; 45 % of two.
    assert_eq!((replicas(&[]), replicas(&[resize(0, 1.0, 2000)])), (2, 1));
}

#[test]
fn a_resize_that_cannot_be_is_refused() {
    let of = |platform, resizes: &[Value]| {
        with(Scene::new(60.0, platform, vec![service("a", 1)]), resizes).refusal()
    };
    for (resizes, problem) in [
        (
            vec![resize(1, 1.0, 500)],
            "`resizes.0.service` does not exist",
        ),
        (
            vec![resize(0, 1.0, 0)],
            "`resizes.0.cpu_millicores` is zero",
        ),
        (
            vec![resize(0, 1.0, 4001)],
            "`resizes.0.cpu_millicores` is more than any node has",
        ),
        (
            vec![resize(0, 2.0, 500), resize(0, 1.0, 600)],
            "`resizes` is not in order of time",
        ),
    ] {
        let refused = of(cluster(4, 1), &resizes);
        assert!(refused.contains(problem), "{refused}");
    }
    let refused = of(fleet(30.0), &[resize(0, 1.0, 500)]);
    assert!(refused.contains("is of a fleet"), "{refused}");
}

fn cases() -> u32 {
    let cases = std::env::var("HOOKEAN_EXACTNESS_CASES").ok();
    cases.and_then(|n| n.parse().ok()).unwrap_or(40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn prop_both_engines_resize_alike(scene in scenes()) {
        let mut lazy = scene.clone();
        lazy.document["record"]["requests"] = json!({"keep": "full"});
        let mut reference = lazy.clone();
        reference.document["engine"] = json!("reference");
        let (lazy, reference) = (lazy.run(), reference.run());
        prop_assert_eq!(&lazy.digest, &reference.digest);
        for table in ["requests", "decisions", "nodes"] {
            prop_assert_eq!(lazy.table(table), reference.table(table), "{}", table);
        }
    }
}
