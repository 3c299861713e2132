//! The log of decisions.

use super::{Strings, Table};
use crate::control::{Account, Verdict};
use crate::plan::{ControllerPlan, DecisionRecord, ServicePlan};
use hookean_kernel::{Digest, SimTime, splitmix};

/// Who decided, when, and what the service was like.
pub(crate) struct DecisionContext {
    pub(crate) now: SimTime,
    pub(crate) controller: usize,
    pub(crate) service: usize,
    pub(crate) current: u32,
    pub(crate) ready: u32,
}

/// The decisions of a run that are kept, column by column, and the digest of all.
#[derive(Debug)]
pub(crate) struct DecisionLog {
    keep: DecisionRecord,
    made: u64,
    digest: Digest,
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
    pub(crate) fn new(keep: DecisionRecord) -> Self {
        Self {
            keep,
            made: 0,
            digest: Digest::new(),
            times: Vec::new(),
            controllers: Vec::new(),
            services: Vec::new(),
            current: Vec::new(),
            desired: Vec::new(),
            ready: Vec::new(),
            metric: Strings::default(),
            value: Vec::new(),
            target: Vec::new(),
            inputs: Strings::default(),
            reason: Strings::default(),
        }
    }

    /// Whether the row of the next decision may be kept.
    fn may_keep(&self) -> bool {
        match self.keep {
            DecisionRecord::All | DecisionRecord::Changes => true,
            DecisionRecord::Sampled { one_in } => splitmix(self.made).is_multiple_of(one_in),
            DecisionRecord::Off => false,
        }
    }

    /// Where the next decision is accounted for, before it is pushed.
    pub(crate) fn account(&mut self) -> Account<'_> {
        Account {
            wanted: self.may_keep(),
            inputs: self.inputs.next_row(),
            reason: self.reason.next_row(),
        }
    }

    /// Takes in a decision that has been accounted for.
    pub(crate) fn push(&mut self, context: &DecisionContext, verdict: &Verdict) {
        self.digest.word(context.now.as_nanos());
        let service = u64::from(context.service as u32);
        self.digest.word(service << 32 | u64::from(verdict.desired));
        let changes = verdict.desired != context.current;
        let kept = self.may_keep() && (self.keep != DecisionRecord::Changes || changes);
        self.made += 1;
        if !kept {
            self.inputs.drop_row();
            self.reason.drop_row();
            return;
        }
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

    /// Folds times and counts of all decisions, kept or not, into a digest.
    pub(crate) fn digest(&self, digest: &mut Digest) {
        let all = self.digest.finish();
        digest.word(all as u64);
        digest.word((all >> 64) as u64);
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
