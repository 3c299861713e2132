//! The log of decisions.

use super::{Strings, Table};
use crate::control::{Account, Accounts, Verdict, Wanted};
use crate::plan::{DecisionRecord, Plan};
use hookean_kernel::{Digest, SimTime, splitmix};
use std::sync::Arc;

/// Who decided, when, and what the service was like.
pub(crate) struct DecisionContext {
    pub(crate) now: SimTime,
    pub(crate) controller: usize,
    pub(crate) service: usize,
    pub(crate) current: u32,
    pub(crate) ready: u32,
}

/// How the table of decisions calls controllers and services, by number.
pub(crate) struct DecisionNames {
    controllers: Vec<String>,
    services: Vec<String>,
}

impl DecisionNames {
    pub(crate) fn of(plan: &Plan) -> Self {
        Self {
            controllers: plan.controllers.iter().map(|c| c.kind.clone()).collect(),
            services: plan.services.iter().map(|s| s.name.clone()).collect(),
        }
    }
}

/// How many rows there will be, as far as that is known and they are not very many: room for them is made at once, since
/// what grows by doubling is copied, and touches twice the memory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expected {
    rows: usize,
    /// The most of one controller.
    of_each: usize,
}

impl Expected {
    const MOST: u64 = 1 << 14;

    pub(crate) fn of(plan: &Plan) -> Self {
        if plan.record.decisions != DecisionRecord::All {
            return Self::default();
        }
        let rows = plan.controllers.iter();
        let rows = rows.map(|c| plan.horizon_ns.div_ceil(c.period_ns.max(1)).min(Self::MOST));
        Self {
            rows: rows.clone().sum::<u64>().min(Self::MOST) as usize,
            of_each: rows.max().unwrap_or(0) as usize,
        }
    }
}

/// Beyond every list of names.
const NO_NAME: u32 = u32::MAX;

/// The decisions of a run that are kept, column by column, and the digest of all.
#[derive(Debug)]
pub(crate) struct DecisionLog {
    keep: DecisionRecord,
    expected: Expected,
    made: u64,
    digest: Digest,
    times: Vec<SimTime>,
    controllers: Vec<u32>,
    services: Vec<u32>,
    current: Vec<u32>,
    desired: Vec<u32>,
    ready: Vec<u32>,
    metrics: Vec<u32>,
    metric_names: Vec<Arc<str>>,
    value: Vec<Option<f64>>,
    target: Vec<Option<f64>>,
    inputs: Strings,
    reason: Strings,
}

impl DecisionLog {
    pub(crate) fn new(keep: DecisionRecord, expected: Expected) -> Self {
        let rows = expected.rows;
        Self {
            keep,
            expected,
            made: 0,
            digest: Digest::new(),
            times: Vec::with_capacity(rows),
            controllers: Vec::with_capacity(rows),
            services: Vec::with_capacity(rows),
            current: Vec::with_capacity(rows),
            desired: Vec::with_capacity(rows),
            ready: Vec::with_capacity(rows),
            metrics: Vec::with_capacity(rows),
            metric_names: Vec::new(),
            value: Vec::with_capacity(rows),
            target: Vec::with_capacity(rows),
            inputs: Strings::with_capacity(rows),
            reason: Strings::with_capacity(rows),
        }
    }

    /// How many rows are kept at present.
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// When the row of the next decision is kept.
    fn wanted(&self) -> Wanted {
        match self.keep {
            DecisionRecord::All => Wanted::Always,
            DecisionRecord::Changes => Wanted::OfChange,
            DecisionRecord::Sampled { one_in } if splitmix(self.made).is_multiple_of(one_in) => {
                Wanted::Always
            }
            DecisionRecord::Sampled { .. } | DecisionRecord::Off => Wanted::Never,
        }
    }

    /// Where the next decision is accounted for, before it is pushed.
    pub(crate) fn account(&mut self) -> Account<'_> {
        Account {
            wanted: self.wanted(),
            expected: self.expected.of_each,
            inputs: self.inputs.next_row(),
            reason: self.reason.next_row(),
        }
    }

    /// Takes in a decision that has been accounted for.
    pub(crate) fn push(&mut self, context: &DecisionContext, verdict: &Verdict) {
        self.digest.word(context.now.as_nanos());
        let service = u64::from(context.service as u32);
        self.digest.word(service << 32 | u64::from(verdict.desired));
        let kept = self.wanted().takes(context.current, verdict.desired);
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
        let metric = verdict.metric.as_ref().map(|name| self.metric(name));
        self.metrics.push(metric.unwrap_or(NO_NAME));
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

    /// The number of a name.
    fn metric(&mut self, name: &Arc<str>) -> u32 {
        let same = |known: &Arc<str>| Arc::ptr_eq(known, name) || known == name;
        let at = self.metric_names.iter().position(same);
        let at = at.unwrap_or_else(|| {
            self.metric_names.push(name.clone());
            self.metric_names.len() - 1
        });
        at as u32
    }

    /// Writes those accounts into their rows that controllers have kept.
    fn fill_in(&mut self, accounts: &[Option<Box<dyn Accounts>>]) {
        if accounts.iter().all(Option::is_none) {
            return;
        }
        let (inputs, reason) = (
            std::mem::take(&mut self.inputs),
            std::mem::take(&mut self.reason),
        );
        let mut kept = vec![0; accounts.len()];
        let written = inputs.iter().zip(reason.iter());
        for (controller, (inputs, reason)) in self.controllers.iter().zip(written) {
            let controller = *controller as usize;
            let (to_inputs, to_reason) = (self.inputs.next_row(), self.reason.next_row());
            if let Some(accounts) = &accounts[controller] {
                accounts.write(kept[controller], to_inputs, to_reason);
                kept[controller] += 1;
            } else {
                to_inputs.push_str(inputs.unwrap_or_default());
                to_reason.push_str(reason.unwrap_or_default());
            }
            self.inputs.end_row(true);
            self.reason.end_row(true);
        }
    }

    /// The rows so far as a part of the `decisions` table; they are kept no longer. `accounts` are those that controllers
    /// have kept since the last part.
    pub(crate) fn hand_over(
        &mut self,
        names: &DecisionNames,
        accounts: &[Option<Box<dyn Accounts>>],
    ) -> Table {
        let rest = Self {
            made: self.made,
            digest: self.digest.clone(),
            ..Self::new(self.keep, self.expected)
        };
        std::mem::replace(self, rest).into_table(names, accounts)
    }

    /// The `decisions` table. `accounts` are those that controllers have kept, by number of the controller.
    pub(crate) fn into_table(
        mut self,
        names: &DecisionNames,
        accounts: &[Option<Box<dyn Accounts>>],
    ) -> Table {
        self.fill_in(accounts);
        let mut table = Table::default();
        table.times("time", self.times.into_iter().map(Some));
        table.names("controller", self.controllers, &names.controllers);
        table.names("service", self.services, &names.services);
        table.u32s("current", self.current.into_iter().map(Some));
        table.u32s("desired", self.desired.into_iter().map(Some));
        table.u32s("ready", self.ready.into_iter().map(Some));
        let metrics: Vec<String> = self.metric_names.iter().map(ToString::to_string).collect();
        table.names("metric", self.metrics, &metrics);
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
