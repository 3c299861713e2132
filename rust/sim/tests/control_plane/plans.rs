//! Plans that could not be run are refused before anything happens, with the field named.

use super::support::{SECOND, Scene, cluster, fixed, fleet, service, stage};
use hookean_sim::plan::Plan;
use serde_json::{Value, json};

fn base(platform: Value) -> Scene {
    Scene::new(100.0, platform, vec![service("a", 1), service("b", 1)])
        .controller(fixed(0, 1, 1.0))
        .controller(fixed(1, 1, 1.0))
}

fn pull() -> Value {
    json!({
        "node_bytes_per_s": 1e9, "registry_bytes_per_s": 1e8, "unpack_bytes_per_s": 5e7, "compression_ratio": 2.0,
        "layers": 1, "rtt_ns": 1, "serialized": true,
    })
}

fn kubernetes(min: u64, max: u64, resolution: u64, adapter: u64) -> Value {
    json!({
        "pipeline": "kubernetes", "housekeeping_min_ns": min, "housekeeping_max_ns": max, "resolution_ns": resolution,
        "adapter_period_ns": adapter, "adapter_window_ns": SECOND, "adapter_delay_ns": 0,
    })
}

/// Sets the value at a JSON pointer and expects a refusal that begins with the field's name.
fn assert_refused(mut scene: Scene, pointer: &str, value: Value, message: &str) {
    *scene
        .document
        .pointer_mut(pointer)
        .expect("the plan has the field") = value;
    let error = scene.refusal();
    assert!(error.contains(message), "{pointer}: {error}");
}

#[test]
fn a_sound_plan_is_accepted() {
    for platform in [cluster(4, 1), fleet(30.0)] {
        base(platform).run();
    }
}

/// Benches are not run by tests, but their plan has to keep up with the fields of plans.
#[test]
fn the_plan_of_the_benches_is_accepted() {
    let document = include_bytes!("../../benches/support/day.json");
    assert!(Plan::from_json(document).is_ok());
}

#[test]
fn times_and_references_without_meaning_are_refused() {
    for (pointer, value, message) in [
        ("/horizon_ns", json!(0), "`horizon_ns` is zero"),
        (
            "/horizon_ns",
            json!(u64::MAX),
            "`horizon_ns` is longer than 73 years",
        ),
        (
            "/record/series_step_ns",
            json!(0),
            "`record.series_step_ns` is zero",
        ),
        (
            "/record/requests",
            json!({"keep": "sampled", "one_in": 0}),
            "`record.requests.one_in` is zero",
        ),
        (
            "/controllers/0/period_ns",
            json!(0),
            "`controllers.0.period_ns` is zero",
        ),
        (
            "/controllers/1/service",
            json!(7),
            "`controllers.1.service` does not exist",
        ),
    ] {
        assert_refused(base(cluster(4, 1)), pointer, value, message);
    }
}

#[test]
fn a_deadline_that_nobody_can_meet_is_refused() {
    let mut scene = base(cluster(4, 1)).poisson(0, &[5.0], 10.0);
    scene = scene.calls(vec![super::calls::call(0, &[1])]);
    scene.document["workloads"][0]["deadline_ns"] = json!(null);
    for (pointer, message) in [
        (
            "/workloads/0/deadline_ns",
            "`workloads.0.deadline_ns` is zero",
        ),
        ("/calls/0/deadline_ns", "`calls.0.deadline_ns` is zero"),
    ] {
        assert_refused(scene.clone(), pointer, json!(0), message);
    }
}

#[test]
fn services_without_meaning_are_refused() {
    for (pointer, value, message) in [
        (
            "/services/0/created_at_ns",
            json!(u64::MAX),
            "`services.0.created_at_ns` is longer",
        ),
        (
            "/services/0/initial_replicas",
            json!(u32::MAX),
            "`services.0.initial_replicas` is 4294967295, beyond",
        ),
        (
            "/services/1/replica/cpu_millicores",
            json!(0),
            "`services.1.replica.cpu_millicores` is zero",
        ),
        (
            "/services/1/replica/cpu_millicores",
            json!(u64::MAX),
            "`services.1.replica.cpu_millicores` is 18",
        ),
        (
            "/services/1/replica/memory_bytes",
            json!(u64::MAX),
            "`services.1.replica.memory_bytes` is 18",
        ),
        (
            "/services/1/replica/concurrency",
            json!(u32::MAX),
            "`services.1.replica.concurrency` is 4294967295",
        ),
        (
            "/services/1/replica/concurrency",
            json!(null),
            "`services.1.replica.concurrency` is unbounded",
        ),
        (
            "/services/0/slo",
            json!({"latency_ns": 1, "target_ratio": 1.5}),
            "`services.0.slo.target_ratio` is not",
        ),
    ] {
        assert_refused(base(cluster(4, 1)), pointer, value, message);
    }
}

#[test]
fn platforms_without_meaning_are_refused() {
    for (pointer, value, message) in [
        (
            "/platform/pools/0/speed_ratio",
            json!(0.0),
            "`platform.pools.0.speed_ratio` is not between",
        ),
        (
            "/platform/pools/0/speed_ratio",
            json!(1e300),
            "`platform.pools.0.speed_ratio` is not between",
        ),
        (
            "/platform/pools/0/nodes",
            json!(u32::MAX),
            "`platform.pools.0.nodes` is 4294967295",
        ),
        (
            "/platform/pools/0/billing/granularity_ns",
            json!(0),
            "billing.granularity_ns` is zero",
        ),
        (
            "/platform/pools/0/billing/minimum_ns",
            json!(u64::MAX),
            "billing.minimum_ns` is longer",
        ),
    ] {
        assert_refused(base(cluster(4, 1)), pointer, value, message);
    }
}

#[test]
fn clocks_that_stand_still_are_refused() {
    let period = |ns: u64| json!({"pipeline": "cloudwatch", "period_ns": ns, "delay_ns": 0});
    for (pipeline, field) in [
        (kubernetes(0, 1, 1, 1), "housekeeping_min_ns` is zero"),
        (kubernetes(2, 1, 1, 1), "housekeeping_max_ns` is less"),
        (kubernetes(1, 1, 0, 1), "resolution_ns` is zero"),
        (kubernetes(1, 1, 1, 0), "adapter_period_ns` is zero"),
        (period(0), "period_ns` is zero"),
    ] {
        let message = format!("`controllers.0.metrics.{field}");
        assert_refused(
            base(cluster(4, 1)),
            "/controllers/0/metrics",
            pipeline,
            &message,
        );
    }
}

#[test]
fn transfers_that_never_end_are_refused() {
    let mut platform = cluster(4, 1);
    platform["pull"] = pull();
    for field in [
        "node_bytes_per_s",
        "registry_bytes_per_s",
        "unpack_bytes_per_s",
        "compression_ratio",
    ] {
        for value in [0.0, -1.0] {
            let pointer = format!("/platform/pull/{field}");
            let message = format!("`platform.pull.{field}` is {value}, not a positive number");
            assert_refused(base(platform.clone()), &pointer, json!(value), &message);
        }
    }
}

#[test]
fn stages_out_of_order_are_refused() {
    for (stages, problem) in [
        (
            json!([stage("init", 1.0), stage("create", 1.0)]),
            "has `create` twice, or after a later stage",
        ),
        (
            json!([stage("init", 1.0), stage("init", 1.0)]),
            "has `init` twice",
        ),
        (
            json!([stage("pull", 1.0)]),
            "names `pull`, which is worked out",
        ),
        (json!([stage("nap", 1.0)]), "names `nap`, which is no stage"),
    ] {
        for list in ["services.0.startup", "platform.pools.0.startup"] {
            let pointer = format!("/{}", list.replace('.', "/"));
            assert_refused(
                base(cluster(4, 1)),
                &pointer,
                stages.clone(),
                &format!("`{list}` {problem}"),
            );
        }
    }
}

#[test]
fn a_replica_larger_than_the_machines_of_a_fleet_is_refused() {
    let message = "is more than a machine of the fleet has";
    assert_refused(
        base(fleet(1.0)),
        "/services/0/replica/cpu_millicores",
        json!(1001),
        message,
    );
    assert_refused(
        base(fleet(1.0)),
        "/services/0/replica/memory_bytes",
        json!(1_000_001),
        message,
    );
    assert_refused(
        base(fleet(1.0)),
        "/platform/pools/0/max_replicas",
        json!(0),
        "has no room",
    );
}

#[test]
fn controllers_out_of_order_are_refused() {
    let mut scene = base(cluster(4, 1));
    scene.document["controllers"]
        .as_array_mut()
        .expect("a list")
        .reverse();
    assert!(
        scene
            .refusal()
            .contains("`controllers` is not sorted by service")
    );
}

#[test]
fn a_load_of_endless_steps_is_accepted_and_one_of_no_time_is_refused() {
    let mut scene = base(cluster(4, 1)).load(0, &[(1.0, 1.0), (2.0, 1.0)]);
    scene.document["workloads"][0]["source"]["steps"][0]["duration_ns"] = json!(u64::MAX);
    scene.document["workloads"][0]["source"]["steps"][1]["duration_ns"] = json!(u64::MAX);
    scene.run();
    assert_refused(
        base(cluster(4, 1)).load(0, &[(1.0, 0.0)]),
        "/name",
        json!("x"),
        "source.steps` last no time",
    );
}

#[test]
fn counts_that_are_no_counts_are_refused() {
    for (counts, problem) in [
        (f64::NAN, "has NaN in bin 0"),
        (-1.0, "has -1 in bin 0"),
        (f64::INFINITY, "has inf in bin 0"),
    ] {
        let scene = base(cluster(4, 1)).poisson(0, &[counts], 1.0);
        assert!(scene.refusal().contains(problem), "{counts}");
    }
    base(cluster(4, 1)).poisson(0, &[], 1.0).run();
    base(cluster(4, 1)).requests(0, &[]).run();
}

#[test]
fn quotas_that_the_kernel_or_the_station_would_not_take_are_refused() {
    const MS: u64 = 1_000_000;
    let quota = |quota_ns: u64, period_ns: u64, cores: u64| json!({"quota_ns": quota_ns, "period_ns": period_ns, "cores_millicores": cores});
    let limited = |quota: Value| {
        let mut scene = base(cluster(4, 1));
        scene.document["services"][0]["replica"]["cpu_quota"] = quota;
        scene
    };
    limited(quota(50 * MS, 100 * MS, 1000)).run();
    for (quota, message) in [
        (quota(MS - 1, 100 * MS, 1000), "is below 1 ms"),
        (quota(MS, MS - 1, 1000), "period outside of 1 ms to 1 s"),
        (quota(MS, 1001 * MS, 1000), "period outside of 1 ms to 1 s"),
        (quota(MS, 100 * MS, 0), "has no cores"),
    ] {
        let error = limited(quota).refusal();
        assert!(error.contains(message), "{error}");
    }
    assert_refused(
        limited(quota(MS, 100 * MS, 1000)),
        "/services/0/queue/discipline",
        json!("central_fifo"),
        "needs replicas with queues of their own",
    );
    assert_refused(
        limited(quota(MS, 100 * MS, 1000)),
        "/services/0/fidelity",
        json!({"tier": "binned", "bin_ns": SECOND}),
        "needs replicas with queues of their own",
    );
}
