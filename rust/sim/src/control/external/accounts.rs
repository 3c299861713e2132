//! What is kept of the decisions of a policy outside of the engine until somebody asks for the words.

use super::{Choice, Config, INPUTS, METRICS, Metric, Row};
use crate::control::Accounts;
use std::fmt::Write;

/// A decision.
#[derive(Debug)]
struct Decision {
    means: [f64; METRICS.len()],
    /// The policy's own words.
    reason: Option<Box<str>>,
    desired: u32,
    ready: u32,
    starting: u32,
    pending: u32,
    draining: u32,
    samples: u32,
    wanted: u32,
}

/// Decisions in order.
#[derive(Debug)]
pub(super) struct Kept {
    policy: Box<str>,
    bounds: (u32, u32),
    metrics: Box<[Metric]>,
    decisions: Vec<Decision>,
}

impl Kept {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            policy: config.policy.as_str().into(),
            bounds: (config.min, config.max),
            metrics: config.metrics.as_slice().into(),
            decisions: Vec::new(),
        }
    }

    /// Hands over what has been kept.
    pub(super) fn take(&mut self) -> Self {
        Self {
            policy: self.policy.clone(),
            bounds: self.bounds,
            metrics: self.metrics.clone(),
            decisions: std::mem::take(&mut self.decisions),
        }
    }

    /// Keeps a decision; so many are expected in all.
    pub(super) fn keep(&mut self, row: &Row, choice: &Choice, expected: usize) {
        if self.decisions.is_empty() {
            self.decisions.reserve_exact(expected);
        }
        self.decisions.push(Decision {
            means: row.means,
            reason: choice.reason.as_deref().map(Box::from),
            desired: row.desired,
            ready: row.ready,
            starting: row.starting,
            pending: row.pending,
            draining: row.draining,
            samples: row.samples,
            wanted: choice.wanted,
        });
    }

    /// What the policy saw, as a JSON object.
    fn write_inputs(&self, seen: &Decision, text: &mut String) {
        // writing to a String cannot fail
        let _ = write!(
            text,
            "{{\"current\":{},\"ready\":{},\"starting\":{},\"pending\":{},\"draining\":{},\"samples\":{}",
            seen.desired, seen.ready, seen.starting, seen.pending, seen.draining, seen.samples
        );
        for metric in &self.metrics {
            let (name, mean) = (INPUTS[*metric as usize], seen.means[*metric as usize]);
            // JSON has no NaN
            let _ = if mean.is_finite() {
                write!(text, ",\"{name}\":{mean}")
            } else {
                write!(text, ",\"{name}\":null")
            };
        }
        text.push('}');
    }
}

impl Accounts for Kept {
    fn write(&self, nth: usize, inputs: &mut String, reason: &mut String) {
        let decision = &self.decisions[nth];
        self.write_inputs(decision, inputs);
        let own = decision.reason.as_deref();
        super::explain(&self.policy, decision.wanted, own, self.bounds, reason);
    }
}
