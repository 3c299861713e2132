//! A policy outside of the engine, for scenes that are run in several ways.

use super::support::{SECOND, ns};
use hookean_kernel::SimTime;
use hookean_sim::control::external::{Choice, ExternalPolicies, Failure, NodeRow, Row};
use serde_json::{Value, json};

/// Follows the CPU that it sees, one replica at a time, and fails from an instant on if told to.
pub(crate) struct Outsider {
    pub(crate) fails_from: SimTime,
}

impl Outsider {
    /// A box, since that is what a run takes.
    pub(crate) fn boxed(fails_from: SimTime) -> Box<dyn ExternalPolicies> {
        Box::new(Self { fails_from })
    }

    fn check(&self, now: SimTime) -> Result<(), Failure> {
        let fails = now >= self.fails_from;
        (!fails).then_some(()).ok_or_else(|| "out of ideas".into())
    }
}

impl ExternalPolicies for Outsider {
    fn decide(&mut self, now: SimTime, rows: &[Row]) -> Result<Vec<Choice>, Failure> {
        self.check(now)?;
        let choose = |row: &Row| {
            let cpu = row.means[0];
            let wanted = if cpu > 0.8 {
                row.desired + 1
            } else if cpu < 0.4 {
                row.desired.saturating_sub(1)
            } else {
                row.desired
            };
            Choice {
                wanted,
                reason: Some(format!("sees {cpu} of {}", row.samples)),
            }
        };
        Ok(rows.iter().map(choose).collect())
    }

    fn decide_nodes(&mut self, now: SimTime, row: &NodeRow) -> Result<Choice, Failure> {
        self.check(now)?;
        let wanted = if row.pending > 0 {
            row.desired + 1
        } else {
            row.desired.saturating_sub(u32::from(row.replicas == 0))
        };
        Ok(Choice {
            wanted,
            reason: None,
        })
    }
}

fn config(instance: usize) -> Value {
    json!({"policy": "outsider", "source_sha256": null, "parameters": {}, "instance": instance, "min": 1, "max": 9})
}

/// A controller that it decides for; its metrics are those of `pipeline`.
pub(crate) fn outsider(service: usize, period_s: u64, pipeline: &Value) -> Value {
    let mut config = config(service);
    config["metrics"] = json!(["cpu"]);
    config["sees_replicas"] = json!(false);
    json!({"kind": "python", "service": service, "period_ns": period_s * SECOND, "phase_ns": 0, "metrics": pipeline,
        "config": config})
}

/// The same for the nodes of the first pool.
pub(crate) fn outsider_of_nodes() -> Value {
    json!({"kind": "python", "pool": 0, "period_ns": ns(40.0), "config": config(100)})
}
