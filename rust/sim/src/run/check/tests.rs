//! Every check notices the fault it is there for.

use super::super::finish::{bills_nanousd, totals};
use super::super::pulse::Pulse;
use super::super::world::World;
use super::super::{Heartbeat, RunOptions, run};
use super::*;
use crate::control::external::{Choice, ExternalPolicies, Failure, NodeRow, Row};
use crate::plan::Plan;
use crate::station::ReplicaId;
use crate::workload::WorkloadArrays;
use serde_json::{Value, json};

pub(in crate::run) const S: u64 = 1_000_000_000;

fn platform(kind: &str) -> Value {
    let mut platform = json!({"kind": kind, "preset": "test", "pools": [{
        "name": "p", "instance": "i", "cpu_millicores": 4000, "memory_bytes": 100, "allocatable_cpu_millicores": 4000,
        "allocatable_memory_bytes": 100, "max_replicas": 10, "speed_ratio": 1.0, "owned": true, "nodes": u32::from(kind == "cluster"),
        "billing": {"nanousd_per_hour": 3_600_000, "granularity_ns": S, "minimum_ns": 60 * S}, "startup": [],
    }]});
    if kind == "cluster" {
        platform["pull"] = Value::Null;
    }
    platform
}

/// Two replicas, one added at 20 s, one removed at 30 s and killed with its request at 31 s.
pub(in crate::run) fn document(kind: &str) -> Value {
    let controller = |replicas: u32, at: u64| {
        json!({"kind": "static", "service": 0, "period_ns": 1000 * S, "phase_ns": at * S,
            "metrics": {"pipeline": "ideal", "window_ns": 0}, "config": {"replicas": replicas}})
    };
    json!({
        "plan_version": 1, "name": "test", "seed": 1, "horizon_ns": 100 * S, "engine": "lazy",
        "services": [{
            "name": "a", "created_at_ns": 0, "work": {"distribution": "constant", "value_ns": S},
            "classes": [],
            "replica": {"cpu_millicores": 1000, "memory_bytes": 10, "concurrency": 1, "image_bytes": 0,
                "memory_idle_bytes": 0, "memory_per_request_bytes": 0},
            "initial_replicas": 2, "warm_start": true, "fidelity": {"tier": "exact"},
            "queue": {"discipline": "fifo", "routing": "round_robin", "limit": null, "when_full": "reject", "timeout_ns": null}, "slo": null,
            "warmup": [],
            "startup": [{"stage": "create", "duration": {"distribution": "constant", "value_ns": 2 * S}}],
            "termination_grace_ns": S,
        }],
        "workloads": [{"service": 0, "start_ns": 0,
            "retry": {"after_rejected": false, "after_timed_out": false, "after_lost": true, "after_unanswered": true, "attempts_max": 2,
                "backoff": {"initial_ns": 1000 * S, "factor": 1.0, "maximum_ns": 1000 * S, "jitter": "none"}},
            "clients": {"count": 1, "think": {"distribution": "constant", "value_ns": 1000 * S}},
            "source": {"source": "table", "times": 0, "work": 1, "keep_2_53": 1_u64 << 53}}],
        "platform": platform(kind),
        "controllers": [controller(3, 20), controller(0, 30)], "node_controllers": [], "calls": [], "faults": [], "resizes": [],
        "record": {"series_step_ns": 10 * S, "requests": {"keep": "off"}, "decisions": {"keep": "all"}, "latencies": false},
    })
}

/// The same, but the first service holds each request for a call that is not answered before the end.
fn holding() -> Value {
    let mut document = document("cluster");
    let mut called = document["services"][0].clone();
    called["name"] = json!("b");
    called["work"] = json!({"distribution": "constant", "value_ns": 1000 * S});
    let services = document["services"].as_array_mut().unwrap();
    services.push(called);
    document["controllers"] = json!([]);
    document["workloads"][0]["retry"] = Value::Null;
    document["workloads"][0]["clients"] = Value::Null;
    document["calls"] = json!([{
        "service": 0, "to": [1], "probability": 1.0, "copies": 1, "hold": true, "wait_for": {"wait": "all"},
        "delay": {"distribution": "constant", "value_ns": 0}, "deadline_ns": null, "retry": null,
    }]);
    document
}

/// One node more than in [`document`] at 10 s, and one less at 50 s: the older one, which still holds a replica.
struct Pool;

impl ExternalPolicies for Pool {
    fn decide(&mut self, _: SimTime, _: &[Row]) -> Result<Vec<Choice>, Failure> {
        Ok(vec![])
    }

    fn decide_nodes(&mut self, now: SimTime, _: &NodeRow) -> Result<Choice, Failure> {
        let wanted = 1 + u32::from((10..50).contains(&(now.as_nanos() / S)));
        Ok(Choice {
            wanted,
            reason: None,
        })
    }
}

fn of_pool() -> World {
    let mut document = document("cluster");
    document["platform"]["pools"][0]["startup"] = json!([
        {"stage": "boot", "duration": {"distribution": "constant", "value_ns": 5 * S}}]);
    document["controllers"] = json!([]);
    document["services"][0]["replica"]["cpu_millicores"] = json!(3000);
    document["node_controllers"] = json!([{"kind": "python", "pool": 0, "period_ns": 10 * S, "config": {
        "policy": "p", "source_sha256": null, "parameters": {}, "instance": 0, "min": 0, "max": 9}}]);
    ended(&document)
}

pub(in crate::run) fn begun(document: &Value) -> World {
    let plan = Plan::from_json(document.to_string().as_bytes()).unwrap();
    let arrays = WorkloadArrays {
        f64s: vec![],
        u64s: vec![[S, 2 * S, 29 * S].into(), [S, S, 9 * S].into()],
    };
    let mut options = RunOptions {
        threads: 1,
        in_order: false,
        heartbeat: &mut |_, _| Heartbeat::Continue,
        policies: Some(Box::new(Pool)),
        outlet: None,
    };
    World::new(plan, &arrays, &mut options).unwrap()
}

pub(in crate::run) fn ended(document: &Value) -> World {
    let mut world = begun(document);
    assert!(run(
        &mut world,
        &mut Pulse::new(&mut |_, _| Heartbeat::Continue)
    ));
    world.close();
    world
}

/// Runs the checks after something has been broken; the name of the first that fails.
fn verdict(kind: &str, fault: impl FnOnce(&mut World)) -> Option<&'static str> {
    verdict_of(ended(&document(kind)), fault)
}

fn verdict_of(mut world: World, fault: impl FnOnce(&mut World)) -> Option<&'static str> {
    fault(&mut world);
    let bills = bills_nanousd(&world);
    match all(&world, bills.iter().sum(), &totals(&world, &bills)) {
        Ok(_) => None,
        Err(SimError::Broken { check, .. }) => Some(check),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_sound_run_passes() {
    for kind in ["cluster", "fleet"] {
        assert_eq!(verdict(kind, |_| ()), None, "{kind}");
    }
}

#[test]
fn a_request_that_vanishes_is_noticed() {
    let fault = |world: &mut World| {
        world.services[0]
            .get_mut(ReplicaId(0))
            .last_reading
            .completed += 1;
    };
    assert_eq!(
        verdict("cluster", fault),
        Some("every request has its replica")
    );
    let fault = |world: &mut World| {
        let replicas = &mut world.services[0].replicas;
        let killed = replicas.iter().find(|r| r.lost > 0).map(|r| r.id);
        replicas.get_mut(killed.expect("one was killed")).lost = 0;
    };
    assert_eq!(
        verdict("cluster", fault),
        Some("every request has its replica")
    );
}

#[test]
fn a_caller_who_is_forgotten_is_noticed() {
    for (of_clients, check) in [
        (false, "requests are conserved"),
        (true, "clients are conserved"),
    ] {
        let fault = |world: &mut World| world.stations[0].ledger_mut().forget_calls(of_clients);
        assert_eq!(verdict("cluster", fault), Some(check));
    }
}

#[test]
fn a_held_request_that_waits_for_nothing_is_noticed() {
    let ended = || ended(&holding());
    let held = ended().stations[0]
        .joined()
        .map(crate::station::reference::Reference::held);
    assert_eq!(held, Some(2), "one for each replica");
    assert_eq!(verdict_of(ended(), |_| ()), None);
    let fault = |world: &mut World| world.graph.as_mut().unwrap().forget_held();
    assert_eq!(
        verdict_of(ended(), fault),
        Some("held requests wait for answers")
    );
}

#[test]
fn a_row_that_counts_twice_is_noticed() {
    let fault = |world: &mut World| world.services[0].series.repeat_last_row();
    assert_eq!(verdict("cluster", fault), Some("the series adds up"));
}

#[test]
fn cpu_from_nowhere_is_noticed() {
    let fault = |world: &mut World| world.services[0].ended_cpu_core_ns += 1e6;
    assert_eq!(
        verdict("cluster", fault),
        Some("no replica uses more CPU than it has")
    );
    let fault = |world: &mut World| {
        world.services[0]
            .get_mut(ReplicaId(0))
            .last_reading
            .cpu_core_ns = 1e12;
    };
    assert_eq!(
        verdict("cluster", fault),
        Some("no replica uses more CPU than it has")
    );
}

#[test]
fn a_replica_that_is_forgotten_is_noticed() {
    let faults: [fn(&mut World); 3] = [
        |world| world.services[0].counts.draining += 1,
        |world| world.services[0].desired += 1,
        |world| {
            let replica = crate::replica::Replica::new(ReplicaId(3), world.now);
            world.services[0].replicas.push(replica);
        },
    ];
    for fault in faults {
        assert_eq!(
            verdict("cluster", fault),
            Some("every scale-up is accounted for")
        );
    }
}

#[test]
fn a_start_up_of_another_length_is_noticed() {
    let fault = |world: &mut World| {
        world.services[0].get_mut(ReplicaId(2)).first_ready = Some(SimTime::from_nanos(21 * S));
    };
    assert_eq!(
        verdict("cluster", fault),
        Some("start-ups are the sum of their stages")
    );
}

#[test]
fn a_node_that_keeps_room_for_a_replica_that_is_gone_is_noticed() {
    let fault = |world: &mut World| world.platform.node_mut(0).resources.replicas += 1;
    assert_eq!(verdict("cluster", fault), Some("no node is overfull"));
}

#[test]
fn a_machine_that_is_not_given_back_is_noticed() {
    let fault = |world: &mut World| world.platform.node_mut(1).ended = None;
    assert_eq!(
        verdict("fleet", fault),
        Some("nodes are paid for while they are held")
    );
}

#[test]
fn a_pool_that_is_not_as_decided_is_noticed() {
    let world = of_pool();
    let nodes = world.platform.nodes();
    let lives: Vec<_> = nodes.iter().map(|n| (n.ready, n.drained)).collect();
    let at = |secs: u64| Some(SimTime::from_nanos(secs * S));
    assert_eq!(lives, [(at(0), None), (at(15), at(50))]);
    assert_eq!(verdict_of(world, |_| ()), None);
    let faults: [(fn(&mut World), _); 6] = [
        (
            |world| world.node_loops[0].wanted = 2,
            "pools have the nodes that are wanted",
        ),
        (
            |world| world.node_loops[0].missing = 1,
            "pools have the nodes that are wanted",
        ),
        (
            |world| {
                world.platform.node_mut(1).ready = Some(SimTime::from_nanos(14 * S));
            },
            "pools have the nodes that are wanted",
        ),
        (
            |world| {
                world.platform.node_mut(1).ended = Some(SimTime::from_nanos(52 * S));
            },
            "nodes are paid for while they are held",
        ),
        (
            |world| {
                world.node_loops[0].bought.clear();
            },
            "nodes are paid for while they are held",
        ),
        (
            |world| {
                let replica = world.services[0].get_mut(ReplicaId(1));
                replica.placed = Some(SimTime::from_nanos(51 * S));
            },
            "no node is overfull",
        ),
    ];
    for (fault, check) in faults {
        assert_eq!(verdict_of(of_pool(), fault), Some(check));
    }
}

#[test]
fn a_bill_that_does_not_add_up_is_noticed() {
    let world = ended(&document("fleet"));
    let bills = bills_nanousd(&world);
    let (bill, mut parts) = (bills.iter().sum(), totals(&world, &bills));
    assert!(all(&world, bill, &parts).is_ok());
    assert!(all(&world, bill + 1, &parts).is_err());
    parts[0].cost_usd *= 1.001;
    assert!(all(&world, bill, &parts).is_err());
}
