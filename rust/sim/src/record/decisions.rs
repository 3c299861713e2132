//! The log of decisions.

use super::{Strings, Table};
use crate::control::{Account, Verdict};
use crate::plan::{ControllerPlan, ServicePlan};
use hookean_kernel::{Digest, SimTime};

/// Who decided, when, and what the service was like.
pub(crate) struct DecisionContext {
    pub(crate) now: SimTime,
    pub(crate) controller: usize,
    pub(crate) service: usize,
    pub(crate) current: u32,
    pub(crate) ready: u32,
}

/// Every decision of a run, column by column.
#[derive(Debug, Default)]
pub(crate) struct DecisionLog {
    times: Vec<SimTime>,
    controllers: Vec<u32>,
    services: Vec<u32>,
    current: Vec<u32>,
    desired: Vec<u32>,
    ready: Vec<u32>,
    metric: Strings,
    value: Vec<Option<f64>>,
    target: Vec<Option<f64>>,
    inputs: Strings,
    reason: Strings,
}

impl DecisionLog {
    /// Where the next decision is accounted for, before it is pushed.
    pub(crate) fn account(&mut self) -> Account<'_> {
        Account {
            inputs: self.inputs.next_row(),
            reason: self.reason.next_row(),
        }
    }

    /// Appends a decision that has been accounted for.
    pub(crate) fn push(&mut self, context: &DecisionContext, verdict: &Verdict) {
        self.times.push(context.now);
        self.controllers.push(context.controller as u32);
        self.services.push(context.service as u32);
        self.current.push(context.current);
        self.ready.push(context.ready);
        self.desired.push(verdict.desired);
        self.metric.push(verdict.metric.as_deref());
        self.value.push(verdict.value);
        self.target.push(verdict.target);
        self.inputs.end_row(true);
        self.reason.end_row(true);
    }

    /// Folds times and counts into a digest.
    pub(crate) fn digest(&self, digest: &mut Digest) {
        for row in 0..self.times.len() {
            digest.word(self.times[row].as_nanos());
            digest.word(u64::from(self.services[row]) << 32 | u64::from(self.desired[row]));
        }
    }

    /// The `decisions` table.
    pub(crate) fn into_table(
        self,
        controllers: &[ControllerPlan],
        services: &[ServicePlan],
    ) -> Table {
        let mut table = Table::default();
        let kinds: Vec<String> = controllers.iter().map(|c| c.kind.clone()).collect();
        let names: Vec<String> = services.iter().map(|s| s.name.clone()).collect();
        table.times("time", self.times.into_iter().map(Some));
        table.names("controller", self.controllers, &kinds);
        table.names("service", self.services, &names);
        table.u32s("current", self.current.into_iter().map(Some));
        table.u32s("desired", self.desired.into_iter().map(Some));
        table.u32s("ready", self.ready.into_iter().map(Some));
        table
            .columns
            .push(("metric", super::Column::Text(self.metric)));
        table.f64s("value", self.value.into_iter());
        table.f64s("target", self.target.into_iter());
        table
            .columns
            .push(("inputs", super::Column::Text(self.inputs)));
        table
            .columns
            .push(("reason", super::Column::Text(self.reason)));
        table
    }
}
