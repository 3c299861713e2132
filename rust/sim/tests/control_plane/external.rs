//! Policies outside of the engine: asked together, applied in order, and able to end a run.

use crate::support::{SECOND, Scene, cluster, service};
use hookean_kernel::SimTime;
use hookean_sim::control::external::{Choice, ExternalPolicies, Failure, NodeRow, Row};
use hookean_sim::plan::Plan;
use hookean_sim::run::{Heartbeat, RunOptions, RunOutput, simulate};
use hookean_sim::workload::WorkloadArrays;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const S: u64 = SECOND;

type Calls = Arc<Mutex<Vec<(u64, Vec<usize>, Vec<u32>)>>>;

/// Wants one replica more each time, and notes what it was asked; fails at an instant if told to.
struct OneMore {
    calls: Calls,
    fails_at: Option<u64>,
}

impl ExternalPolicies for OneMore {
    fn decide(&mut self, now: SimTime, rows: &[Row]) -> Result<Vec<Choice>, Failure> {
        if self.fails_at == Some(now.as_nanos()) {
            return Err("out of ideas".into());
        }
        let controllers = rows.iter().map(|r| r.controller).collect();
        let desired: Vec<u32> = rows.iter().map(|r| r.desired).collect();
        let more = desired.iter().map(|d| Choice {
            wanted: d + 1,
            reason: None,
        });
        let choices = more.collect();
        let mut calls = self.calls.lock().expect("no other thread");
        calls.push((now.as_nanos() / S, controllers, desired));
        Ok(choices)
    }

    fn decide_nodes(&mut self, _: SimTime, _: &NodeRow) -> Result<Choice, Failure> {
        Err("no nodes are asked for".into())
    }
}

fn controller(service: usize, period_s: u64, max: u32) -> Value {
    json!({"kind": "python", "service": service, "period_ns": period_s * S, "phase_ns": 0,
        "metrics": {"pipeline": "ideal", "window_ns": 0},
        "config": {"policy": "one-more", "source_sha256": null, "parameters": {}, "instance": 0, "min": 1, "max": max,
            "metrics": ["cpu"], "sees_replicas": false}})
}

fn plan() -> Plan {
    let services = vec![service("a", 1), service("b", 1), service("c", 1)];
    Scene::new(40.0, cluster(64, 1), services)
        .controller(controller(0, 10, 3))
        .controller(controller(1, 20, 9))
        .controller(controller(2, 10, 9))
        .plan()
        .expect("a sound plan")
}

fn run(fails_at: Option<u64>) -> (RunOutput, Calls) {
    let calls = Calls::default();
    let policies = OneMore {
        calls: Arc::clone(&calls),
        fails_at,
    };
    let arrays = WorkloadArrays::default();
    let mut options = RunOptions {
        threads: 1,
        in_order: false,
        heartbeat: &mut |_, _| Heartbeat::Continue,
        policies: Some(Box::new(policies)),
        outlet: None,
    };
    (
        simulate(plan(), &arrays, &mut options).expect("a sound run"),
        calls,
    )
}

#[test]
fn those_of_one_clock_are_asked_in_one_call_and_bounds_hold() {
    let (output, calls) = run(None);
    assert!(!output.interrupted && output.failure.is_none());
    let expected = [
        (0, vec![0, 2], vec![1, 1]),
        (0, vec![1], vec![1]),
        (10, vec![0, 2], vec![2, 2]),
        (20, vec![0, 2], vec![3, 3]),
        (20, vec![1], vec![2]),
        (30, vec![0, 2], vec![3, 4]),
    ];
    assert_eq!(*calls.lock().unwrap(), expected);
}

#[test]
fn a_failure_ends_the_run_and_keeps_what_was_simulated() {
    let (output, calls) = run(Some(20 * S));
    assert_eq!(output.failure.unwrap().to_string(), "out of ideas");
    assert!(output.interrupted);
    assert_eq!(output.end, SimTime::from_nanos(20 * S));
    assert_eq!(calls.lock().unwrap().len(), 3);
}

#[test]
fn a_plan_with_policies_needs_them() {
    let arrays = WorkloadArrays::default();
    let mut options = RunOptions {
        threads: 1,
        in_order: false,
        heartbeat: &mut |_, _| Heartbeat::Continue,
        policies: None,
        outlet: None,
    };
    let error = simulate(plan(), &arrays, &mut options).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("has no policies beside the plan"),
        "{error}"
    );
}
