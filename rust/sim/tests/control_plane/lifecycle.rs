//! The life of replicas, with every instant worked out by hand.

use super::support::{Read, Scene, cluster, fixed, fleet, ns, service, stage};
use hookean_sim::run::Heartbeat;
use serde_json::json;

/// 100 MB at 100 MB/s compressed twofold, unpacked at 50 MB/s, one layer of 0.5 s: 0.5 + 2 + 0.5 = 3 s.
fn pull() -> serde_json::Value {
    json!({
        "node_bytes_per_s": 1e9, "registry_bytes_per_s": 1e8, "unpack_bytes_per_s": 5e7, "compression_ratio": 2.0,
        "layers": 1, "rtt_ns": ns(0.5), "serialized": true,
    })
}

fn cold(name: &str) -> serde_json::Value {
    let mut cold = service(name, 1);
    cold["warm_start"] = json!(false);
    cold["replica"]["image_bytes"] = json!(100_000_000);
    cold["startup"] = json!([stage("create", 1.0), stage("init", 4.0)]);
    cold
}

#[test]
fn images_are_pulled_one_after_the_other_on_one_node_and_side_by_side_on_two() {
    for (nodes, second_pull) in [(1, 6.0), (2, 3.0)] {
        let mut platform = cluster(4, nodes);
        platform["pull"] = pull();
        let output = Scene::new(60.0, platform, vec![cold("a"), cold("b")]).run();
        assert_eq!(
            output.secs("replicas", "pull"),
            [Some(3.0), Some(second_pull)],
            "{nodes} nodes"
        );
        assert_eq!(
            output.secs("replicas", "ready"),
            [Some(8.0), Some(second_pull + 5.0)]
        );
        assert_eq!(output.secs("replicas", "create"), [Some(1.0); 2]);
        assert_eq!(output.secs("replicas", "init"), [Some(4.0); 2]);
    }
}

#[test]
fn a_second_replica_waits_only_for_the_rest_of_its_own_image() {
    let mut platform = cluster(4, 1);
    platform["pull"] = pull();
    let scene = Scene::new(60.0, platform, vec![cold("a")]);
    let output = scene
        .controller(fixed(0, 2, 2.0))
        .controller(fixed(0, 3, 20.0))
        .run();
    assert_eq!(
        output.secs("replicas", "created"),
        [Some(0.0), Some(2.0), Some(20.0)]
    );
    assert_eq!(
        output.secs("replicas", "pull"),
        [Some(3.0), Some(1.0), Some(0.0)]
    );
    assert_eq!(
        output.secs("replicas", "ready"),
        [Some(8.0), Some(8.0), Some(25.0)]
    );
}

#[test]
fn a_pending_replica_is_placed_when_another_ends() {
    // the node holds one replica; `b` gets it when the one of `a` is done with its request at 12 s
    let mut b = service("b", 1);
    b["startup"] = json!([stage("create", 2.0)]);
    let output = Scene::new(60.0, cluster(1, 1), vec![service("a", 1), b])
        .requests(0, &[(4.0, 8.0)])
        .controller(fixed(0, 0, 10.0))
        .run();
    assert_eq!(output.secs("replicas", "drained"), [Some(10.0), None]);
    assert_eq!(output.secs("replicas", "ended"), [Some(12.0), None]);
    assert_eq!(
        output.texts("replicas", "outcome"),
        [Some("drained".into()), Some("ready".into())]
    );
    let placed = output.secs("replicas", "placed")[1].expect("placed");
    assert!((placed - 12.0).abs() < 2e-9, "{placed}");
    assert_eq!(output.secs("replicas", "place")[1], Some(placed));
    assert!((output.secs("replicas", "ready")[1].expect("ready") - 14.0).abs() < 2e-9);
}

#[test]
fn a_replica_without_room_says_so() {
    let output = Scene::new(60.0, cluster(2, 2), vec![service("a", 5)]).run();
    let reasons = output.texts("replicas", "reason");
    assert_eq!(
        reasons[4].as_deref(),
        Some("0 of 2 nodes have room; 2 lack CPU")
    );
    assert_eq!(
        output.texts("replicas", "outcome")[4].as_deref(),
        Some("pending")
    );
    assert_eq!(output.counts("series", "pending"), [1]);
    assert_eq!(output.counts("series", "ready"), [4]);
}

#[test]
fn an_idle_replica_is_gone_at_once_and_a_busy_one_when_it_is_done() {
    let output = Scene::new(60.0, cluster(4, 1), vec![service("a", 2)])
        .requests(0, &[(8.0, 5.0)])
        .controller(fixed(0, 0, 10.0))
        .run();
    assert_eq!(output.secs("replicas", "ended"), [Some(13.0), Some(10.0)]);
    assert_eq!(output.counts("replicas", "completed"), [1, 0]);
    assert_eq!(output.counts("summary", "completed"), [1]);
}

#[test]
fn the_grace_ends_what_is_not_done_before_its_end() {
    // told to stop at 10 s with a grace of 30 s: what would be done at 40 s is lost, state being that just before
    for (work, completed, ended) in [
        (32.0, 0, 40.0),
        (31.999_999_999, 1, 39.999_999_999),
        (100.0, 0, 40.0),
    ] {
        let output = Scene::new(60.0, cluster(4, 1), vec![service("a", 1)])
            .requests(0, &[(8.0, work)])
            .controller(fixed(0, 0, 10.0))
            .run();
        assert_eq!(
            output.counts("summary", "completed"),
            [completed],
            "{work} s of work"
        );
        assert_eq!(output.counts("summary", "lost"), [1 - completed]);
        assert_eq!(output.secs("replicas", "ended"), [Some(ended)]);
        let outcome = if completed == 1 { "drained" } else { "killed" };
        assert_eq!(output.texts("replicas", "outcome"), [Some(outcome.into())]);
    }
}

#[test]
fn a_replica_given_up_while_it_starts_shows_only_the_stages_it_reached() {
    let mut a = service("a", 0);
    a["startup"] = json!([stage("create", 2.0), stage("init", 5.0)]);
    let scene = Scene::new(60.0, cluster(4, 1), vec![a]);
    let output = scene
        .controller(fixed(0, 1, 10.0))
        .controller(fixed(0, 0, 11.0))
        .run();
    assert_eq!(
        output.texts("replicas", "outcome"),
        [Some("cancelled".into())]
    );
    assert_eq!(output.secs("replicas", "ended"), [Some(11.0)]);
    assert_eq!(output.secs("replicas", "ready"), [None]);
    assert_eq!(output.secs("replicas", "create"), [Some(2.0)]);
    assert_eq!(output.secs("replicas", "init"), [None]);
}

#[test]
fn requests_before_the_creation_of_their_service_wait_for_it() {
    for discipline in ["processor_sharing", "fifo", "central_fifo"] {
        let mut late = service("a", 1);
        late["created_at_ns"] = json!(ns(100.0));
        late["queue"]["discipline"] = json!(discipline);
        let mut scene =
            Scene::new(200.0, cluster(4, 1), vec![late]).requests(0, &[(10.0, 2.0), (120.0, 2.0)]);
        scene.document["record"]["requests"] = json!({"keep": "full"});
        let output = scene.run();
        assert_eq!(
            output.secs("requests", "end"),
            [Some(102.0), Some(122.0)],
            "{discipline}"
        );
    }
}

#[test]
fn a_fluid_load_before_the_creation_of_its_service_is_not_served() {
    let mut late = service("a", 1);
    late["created_at_ns"] = json!(ns(100.0));
    let output = Scene::new(200.0, cluster(4, 1), vec![late])
        .load(0, &[(0.5, 30.0), (0.25, 170.0)])
        .run();
    // 0.25 cores for the 100 s of its life
    assert_eq!(output.reals("replicas", "cpu_core_seconds"), [Some(25.0)]);
    assert_eq!(output.reals("summary", "cpu_cores_mean"), [Some(0.25)]);
}

#[test]
fn machines_of_a_fleet_live_as_long_as_their_replicas() {
    // a machine costs 3.6 USD per hour: 0.001 USD per second
    let scene = Scene::new(1000.0, fleet(30.0), vec![service("a", 2)])
        .requests(0, &[(95.0, 40.0)])
        .controller(fixed(0, 4, 50.0))
        .controller(fixed(0, 3, 60.0))
        .controller(fixed(0, 1, 100.0));
    let output = scene.run();
    // 0 serves until 135 s; 1 is idle; 2 and 3 are bought at 50 s; 3, not yet ready, goes at 60 s
    assert_eq!(
        output.secs("nodes", "bought"),
        [Some(0.0), Some(0.0), Some(50.0), Some(50.0)]
    );
    let ready = output.secs("nodes", "ready");
    assert_eq!(ready[..2], [Some(0.0); 2]);
    let cancelled = ready
        .iter()
        .position(Option::is_none)
        .expect("one was never ready");
    assert_eq!(output.secs("nodes", "ended")[cancelled], Some(60.0));
    assert_eq!(
        output.secs("nodes", "billed")[cancelled],
        Some(60.0),
        "10 s are billed as the minimum"
    );
    assert_eq!(
        output.secs("nodes", "ended"),
        output.secs("replicas", "ended")
    );
    let drained: Vec<_> = output
        .secs("replicas", "drained")
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(drained, [100.0, 100.0]);
    let cost: f64 = output.reals("nodes", "cost_usd").iter().flatten().sum();
    let billed: f64 = output.secs("nodes", "billed").iter().flatten().sum();
    assert!((cost - billed * 0.001).abs() < 1e-9, "{cost}");
    assert!((cost - output.reals("summary", "cost_usd")[0].expect("a cost")).abs() < 1e-9);
}

#[test]
fn the_bill_of_a_pool_is_split_among_those_that_used_it() {
    // Two small nodes and one large one, at one, two and ten USD an hour; only the large one has room for a.
    let mut platform = cluster(1, 1);
    let mut pools = vec![platform["pools"][0].clone(); 3];
    for (pool, (name, cores, usd)) in
        pools
            .iter_mut()
            .zip([("small", 1_u64, 1_u64), ("spare", 1, 2), ("large", 4, 10)])
    {
        pool["name"] = json!(name);
        pool["billing"]["nanousd_per_hour"] = json!(usd * 1_000_000_000);
        for field in ["cpu_millicores", "allocatable_cpu_millicores"] {
            pool[field] = json!(cores * 1000);
        }
    }
    platform["pools"] = json!(pools);
    let mut large = service("a", 1);
    large["replica"]["cpu_millicores"] = json!(3000);
    let output = Scene::new(3600.0, platform, vec![large, service("b", 1)]).run();
    let nodes = output.reals("nodes", "cost_usd");
    assert_eq!(nodes, [Some(1.0), Some(2.0), Some(10.0)]);
    assert_eq!(output.counts("replicas", "node"), [2, 0]);
    // Each pays for its own pool; the spare one is split three to one, as is what they request.
    let costs: Vec<f64> = output
        .reals("summary", "cost_usd")
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(costs, [10.0 + 2.0 * 0.75, 1.0 + 2.0 * 0.25]);
}

#[test]
fn a_machine_that_is_idle_when_it_is_told_to_stop_is_not_billed_beyond() {
    let mut platform = fleet(30.0);
    platform["pools"][0]["billing"]["granularity_ns"] = json!(ns(3600.0));
    let output = Scene::new(9000.0, platform, vec![service("a", 1)])
        .requests(0, &[(3590.0, 10.0)])
        .controller(fixed(0, 0, 3600.0))
        .run();
    assert_eq!(
        output.secs("nodes", "ended"),
        [Some(3600.0)],
        "done at the very instant"
    );
    let idle = Scene::new(9000.0, fleet(30.0), vec![service("a", 1)])
        .controller(fixed(0, 0, 3600.0))
        .run();
    assert_eq!(idle.secs("nodes", "ended"), [Some(3600.0)]);
    for output in [output, idle] {
        assert_eq!(output.secs("nodes", "billed"), [Some(3600.0)]);
        assert_eq!(output.reals("nodes", "cost_usd"), [Some(3.6)]);
    }
}

#[test]
fn nothing_is_bought_at_the_end_of_time() {
    let output = Scene::new(600.0, fleet(30.0), vec![service("a", 1)])
        .controller(fixed(0, 5, 600.0))
        .run();
    assert_eq!(output.secs("nodes", "billed"), [Some(600.0)]);
    assert_eq!(output.counts("replicas", "replica").len(), 1);
}

#[test]
fn a_run_that_is_stopped_ends_its_rows_and_bills_where_it_stopped() {
    let scene = Scene::new(1000.0, fleet(30.0), vec![service("a", 2)])
        .requests(0, &[(10.0, 1.0), (700.0, 1.0)]);
    let output = scene.run_with(1, &mut |at, _| {
        if at.as_secs_f64() >= 95.0 {
            Heartbeat::Stop
        } else {
            Heartbeat::Continue
        }
    });
    assert!(output.interrupted);
    let end = output.end.as_secs_f64();
    assert!((95.0..1000.0).contains(&end), "{end}");
    assert_eq!(output.secs("series", "time").last(), Some(&Some(end)));
    assert_eq!(output.secs("nodes", "billed"), [Some(end.ceil()); 2]);
    assert_eq!(output.counts("summary", "completed"), [1]);
    assert_eq!(output.reals("summary", "replicas_mean"), [Some(2.0)]);
}

#[test]
fn the_last_row_of_the_series_ends_at_a_horizon_that_is_no_multiple_of_the_step() {
    let output = Scene::new(150.0, cluster(4, 1), vec![service("a", 1)])
        .load(0, &[(0.5, 1000.0)])
        .run();
    assert_eq!(
        output.secs("series", "time"),
        [Some(60.0), Some(120.0), Some(150.0)]
    );
    assert_eq!(output.reals("series", "cpu_cores"), [Some(0.5); 3]);
    let short = Scene::new(20.0, cluster(4, 1), vec![service("a", 1)]).run();
    assert_eq!(short.secs("series", "time"), [Some(20.0)]);
}

#[test]
fn the_record_of_an_instant_comes_after_its_decisions() {
    let scene = Scene::new(120.0, cluster(4, 1), vec![service("a", 1)]);
    let output = scene
        .controller(fixed(0, 3, 60.0))
        .controller(fixed(0, 2, 60.0))
        .run();
    assert_eq!(
        output.counts("decisions", "current"),
        [1, 3],
        "in the order of declaration"
    );
    assert_eq!(output.counts("series", "desired"), [2, 2]);
    assert_eq!(
        output.counts("series", "ready"),
        [1, 2],
        "a new replica is ready after the row"
    );
    assert_eq!(output.counts("series", "starting"), [1, 0]);
}
