//! What a policy that says how many nodes a pool has sees, and what becomes of its choice.

use super::{Account, Choice, Verdict, explain};
use crate::plan::NodeControllerPlan;
use hookean_kernel::SimDuration;
use serde::Deserialize;
use serde_json::Value;
use std::fmt::Write;

/// The configuration of a controller of nodes that is decided outside.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Name of the policy.
    pub policy: String,
    /// Digest of its source; part of the plan so that the plan's digest tells versions of a policy apart.
    pub source_sha256: Option<String>,
    /// What it was given.
    pub parameters: Value,
    /// Number of the object that decides, which may decide for services too.
    pub instance: usize,
    /// Fewest nodes.
    pub min: u32,
    /// Most nodes.
    pub max: u32,
}

/// What a policy sees of a pool: the control plane's own state, which needs no metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    /// Index among the plan's controllers of nodes.
    pub controller: usize,
    /// Nodes wanted so far.
    pub desired: u32,
    /// Nodes that may hold replicas.
    pub ready: u32,
    /// Nodes that were bought and are not ready yet.
    pub starting: u32,
    /// Nodes that faults took, and that will come back or be replaced.
    pub lost: u32,
    /// Nodes on their way out: paid for as long as their last replicas need.
    pub leaving: u32,
    /// Replicas on the ready nodes.
    pub replicas: u32,
    /// CPU that the ready nodes have for replicas.
    pub allocatable_cpu_millicores: u64,
    /// Memory that the ready nodes have for replicas.
    pub allocatable_memory_bytes: u64,
    /// CPU that the replicas on the ready nodes request.
    pub requested_cpu_millicores: u64,
    /// Memory that the replicas on the ready nodes request.
    pub requested_memory_bytes: u64,
    /// Replicas, of all services, that no node of any pool has room for.
    pub pending: u32,
    /// CPU they request.
    pub pending_cpu_millicores: u64,
    /// Memory they request.
    pub pending_memory_bytes: u64,
    /// How long the first of them has waited; zero without any.
    pub pending_longest: SimDuration,
}

/// Turns the choices of a policy for a pool into verdicts.
#[derive(Debug)]
pub(crate) struct NodeObserver {
    config: NodeConfig,
}

impl NodeObserver {
    /// Builds it from the plan.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub(crate) fn new(plan: &NodeControllerPlan) -> Result<Self, String> {
        let config = NodeConfig::deserialize(&plan.config).map_err(|e| e.to_string())?;
        if config.min > config.max {
            return Err("has crossed bounds".to_owned());
        }
        Ok(Self { config })
    }

    /// The choice within the bounds, with everything that led to it.
    pub(crate) fn verdict(
        &self,
        row: &NodeRow,
        choice: &Choice,
        account: &mut Account<'_>,
    ) -> Verdict {
        let NodeConfig {
            policy, min, max, ..
        } = &self.config;
        let (bounds, own) = ((*min, *max), choice.reason.as_deref());
        explain(policy, choice.wanted, own, bounds, account.reason);
        write_inputs(row, account.inputs);
        Verdict {
            desired: choice.wanted.clamp(*min, *max),
            metric: None,
            value: None,
            target: None,
        }
    }
}

/// What the policy saw as a JSON object.
fn write_inputs(row: &NodeRow, text: &mut String) {
    let figures = [
        ("current", u64::from(row.desired)),
        ("ready", row.ready.into()),
        ("starting", row.starting.into()),
        ("lost", row.lost.into()),
        ("leaving", row.leaving.into()),
        ("replicas", row.replicas.into()),
        ("allocatable_cpu_millicores", row.allocatable_cpu_millicores),
        ("allocatable_memory_bytes", row.allocatable_memory_bytes),
        ("requested_cpu_millicores", row.requested_cpu_millicores),
        ("requested_memory_bytes", row.requested_memory_bytes),
        ("pending", row.pending.into()),
        ("pending_cpu_millicores", row.pending_cpu_millicores),
        ("pending_memory_bytes", row.pending_memory_bytes),
        ("pending_longest_ns", row.pending_longest.as_nanos()),
    ];
    for (place, (name, figure)) in figures.iter().enumerate() {
        let before = if place == 0 { '{' } else { ',' };
        // writing to a String cannot fail
        let _ = write!(text, "{before}\"{name}\":{figure}");
    }
    text.push('}');
}
