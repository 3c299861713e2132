//! Random graphs of calls.

use super::{call, hpa, scene};
use crate::calls_theory::exponential;
use crate::support::{Scene, cluster, constant, fixed, ns, stage};
use crate::triggers::{on_demand, on_demand_drawn, thresholds};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Caller, services as bits, probability, copies and how many are waited for, kind of delay, whether it is tried again and
/// whether it is synchronous.
type DrawnCall = (usize, usize, f64, (u64, Option<u64>), u64, [bool; 2]);

/// What is drawn for a graph: services call later ones only.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    pub(crate) disciplines: Vec<usize>,
    pub(crate) routings: Vec<usize>,
    pub(crate) loads: Vec<f64>,
    pub(crate) calls: Vec<DrawnCall>,
    pub(crate) limit: Option<u64>,
    pub(crate) faults: bool,
    pub(crate) clients: bool,
    /// Which kind of controller that acts on requests the last two services and the first have, if any.
    pub(crate) acts: [usize; 3],
    /// Whether full queues push requests out, and whether nodes are full, so that replicas wait for others to go.
    pub(crate) full: [bool; 2],
    pub(crate) seed: u64,
}

const SERVICES: usize = 5;

pub(crate) fn graphs() -> impl Strategy<Value = Drawn> {
    let each = |most: usize| prop::collection::vec(0..most, SERVICES);
    let loads = prop::collection::vec(prop::sample::select(vec![0.0, 0.3, 1.5]), SERVICES);
    let call = (
        0..SERVICES - 1,
        1..16_usize,
        prop::sample::select(vec![0.2, 0.7, 1.0]),
        (1..3_u64, prop::option::of(0..3_u64)),
        0..3_u64,
        any::<[bool; 2]>(),
    );
    let calls = prop::collection::vec(call, 1..5);
    let limit = prop::option::of(0..6_u64);
    // Who acts on requests joins all before it: where nobody does, more stations stay lazy.
    let acts = prop::option::of([0..4_usize, 0..4, 0..4]);
    (
        each(7),
        each(3),
        loads,
        calls,
        limit,
        any::<bool>(),
        any::<bool>(),
        (acts, any::<u64>(), any::<[bool; 2]>()),
    )
        .prop_map(
            |(disciplines, routings, loads, calls, limit, faults, clients, (acts, seed, full))| {
                Drawn {
                    disciplines,
                    routings,
                    loads,
                    calls,
                    limit,
                    faults,
                    clients,
                    acts: acts.unwrap_or_default(),
                    full,
                    seed,
                }
            },
        )
}

fn faults() -> Value {
    let fault = |name, effect, target, mean, duration: Option<f64>| {
        let between = exponential(mean);
        json!({
            "name": name, "effect": effect, "target": target,
            "times": {"when": "random", "between": between}, "duration": duration.map(constant),
        })
    };
    let replica = |service| json!({"of": "replica", "service": service, "replica": null});
    let crash =
        |requests| json!({"kind": "replica_crash", "requests": requests, "recovery": "restart"});
    json!([
        fault("lost", crash("lost"), replica(3), 30.0, None),
        fault(
            "paused",
            json!({"kind": "pause"}),
            replica(0),
            20.0,
            Some(2.0)
        ),
        fault("requeued", crash("requeued"), replica(2), 40.0, None),
        fault(
            "slow",
            json!({"kind": "slow_down", "speed_ratio": 0.4}),
            replica(4),
            40.0,
            Some(9.0)
        ),
    ])
}

impl Drawn {
    pub(crate) fn scene(&self) -> Scene {
        let mut scene = scene(120.0, &[2; SERVICES]);
        scene.document["seed"] = json!(self.seed);
        if self.full[1] {
            scene.document["platform"] = cluster(2 * SERVICES as u64 + 1, 1);
        }
        for at in 0..SERVICES {
            let service = &mut scene.document["services"][at];
            service["work"] = exponential(0.6);
            let disciplines = [
                "central_fifo",
                "central_lifo",
                "central_priority",
                "fifo",
                "lifo",
                "priority",
                "processor_sharing",
            ];
            service["queue"]["discipline"] = json!(disciplines[self.disciplines[at]]);
            let kinds = [
                json!("random"),
                json!("least_outstanding"),
                json!({"power_of_choices": {"choices": 2}}),
            ];
            service["queue"]["routing"] = kinds[self.routings[at]].clone();
            service["queue"]["limit"] = json!(self.limit);
            let has_levels = disciplines[self.disciplines[at]].ends_with("priority");
            if has_levels && self.full[0] && self.limit.is_some() {
                service["queue"]["when_full"] = json!("push_out");
            }
            service["classes"] = json!([
                {"name": "x", "share": 0.4, "level": 0, "work_factor": 1.5},
                {"name": "y", "share": 0.6, "level": 1, "work_factor": 1.0},
            ]);
            if at == 1 || self.acts[0] > 0 && at == 3 {
                service["startup"] = json!([stage("create", 1.0)]);
            }
            let load = if at == 0 { 1.0 } else { self.loads[at] };
            scene = scene.poisson(at, &[load * 60.0, load * 40.0], 60.0);
        }
        if self.clients {
            scene.document["workloads"][1]["clients"] =
                json!({"count": 3, "think": constant(0.7), "duration_ns": null});
        }
        if self.faults {
            scene.document["faults"] = faults();
        }
        let mut controllers = vec![hpa(1), fixed(2, 1, 20.0)];
        controllers.extend(self.acting());
        controllers.sort_by_key(|of| of["service"].as_u64());
        scene.document["controllers"] = Value::Array(controllers);
        scene.calls(self.calls())
    }

    /// The controllers that act on requests.
    fn acting(&self) -> impl Iterator<Item = Value> {
        // Where nobody may wait, nobody asks for a first replica.
        let min = u32::from(self.limit == Some(0));
        let services = [3, 4, 0].into_iter().zip(self.acts);
        services.filter_map(move |(service, kind)| match kind {
            0 => None,
            1 => Some(on_demand(service, min, min + 3, 0.8)),
            2 => Some(on_demand_drawn(service, min, min + 3, &exponential(0.8))),
            _ => Some(thresholds(service, min, &[0, 2, 4], &[0, 1, 2])),
        })
    }

    fn calls(&self) -> Vec<Value> {
        let mut calls = self.calls.clone();
        // The first service always has requests.
        calls[0].0 = 0;
        calls.sort_by_key(|call| call.0);
        let written = calls.into_iter().map(|(from, bits, probability, (copies, wait), delay, [retried, hold])| {
            let later = from + 1..SERVICES;
            let mut to: Vec<usize> = later.clone().filter(|at| bits >> (at - 1) & 1 == 1).collect();
            if to.is_empty() {
                to.extend(later.take(1));
            }
            let calls = to.len() as u64;
            let mut call = call(from, &to);
            call["probability"] = json!(probability);
            call["copies"] = json!(copies);
            call["hold"] = json!(hold);
            call["wait_for"] = match wait {
                None => json!({"wait": "all"}),
                Some(0) if !hold => json!({"wait": "nothing"}),
                Some(count) => json!({"wait": "some", "count": count.clamp(1, copies * calls)}),
            };
            call["delay"] = match delay {
                0 => constant(0.0),
                1 => constant(0.01),
                _ => exponential(0.2),
            };
            // Some are cut short, with attempts or without.
            call["deadline_ns"] = if bits % 3 == 0 {
                Value::Null
            } else {
                json!(ns(if hold { 1.5 } else { 3.0 }))
            };
            if retried {
                call["retry"] = json!({
                    "after_rejected": true, "after_timed_out": true, "after_lost": true, "after_unanswered": true, "attempts_max": 3,
                    "backoff": {"initial_ns": ns(0.1), "factor": 2.0, "maximum_ns": ns(1.0), "jitter": "full"},
                    "budget": {"ratio": 0.5, "per_second_min": 1.0, "window_ns": ns(10.0)},
                });
            }
            call
        });
        written.collect()
    }
}
