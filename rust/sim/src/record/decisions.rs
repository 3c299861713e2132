//! The log of decisions.

use super::{Strings, Table};
use crate::control::{Account, Accounts, Verdict, Wanted};
use crate::plan::{ControllerPlan, DecisionRecord, NodeControllerPlan, Plan, PlatformPlan};
use hookean_kernel::{Digest, SimTime, splitmix, stable_hash};
use std::sync::Arc;

/// When a decision was made, and what the service, or the pool, was like.
pub(crate) struct DecisionContext {
    pub(crate) now: SimTime,
    pub(crate) current: u32,
    pub(crate) ready: u32,
}

/// How the table of decisions calls controllers, services and pools, by number of the controller: first those of services,
/// then those of nodes.
pub(crate) struct DecisionNames {
    kinds: Vec<String>,
    services: Vec<String>,
    service_of: Vec<u32>,
    pools: Vec<String>,
    pool_of: Vec<u32>,
}

impl DecisionNames {
    pub(crate) fn of(plan: &Plan) -> Self {
        let (controllers, of_nodes) = (&plan.controllers, &plan.node_controllers);
        let (PlatformPlan::Fleet { pools, .. } | PlatformPlan::Cluster { pools, .. }) =
            &plan.platform;
        let kinds = controllers.iter().map(|c| &c.kind);
        let kinds = kinds.chain(of_nodes.iter().map(|c| &c.kind));
        let nothing = |count: usize| std::iter::repeat_n(NO_NAME, count);
        let service_of = controllers.iter().map(|c| c.service as u32);
        let pool_of = of_nodes.iter().map(|c| c.pool as u32);
        Self {
            kinds: kinds.cloned().collect(),
            services: plan.services.iter().map(|s| s.name.clone()).collect(),
            service_of: service_of.chain(nothing(of_nodes.len())).collect(),
            pools: pools.iter().map(|p| p.name.clone()).collect(),
            pool_of: nothing(controllers.len()).chain(pool_of).collect(),
        }
    }
}

/// The most rows that room is made for before there are any.
const EXPECTED_MOST: u64 = 1 << 14;

/// How many rows the controllers of a plan will keep each, as far as that is known and all of them are not very many: what
/// grows by doubling is copied, and touches twice the memory.
fn expected(plan: &Plan, period_ns: u64) -> usize {
    if plan.record.decisions != DecisionRecord::All {
        return 0;
    }
    let controllers = plan.controllers.len() + plan.node_controllers.len();
    let most = EXPECTED_MOST / (controllers as u64).max(1);
    plan.horizon_ns.div_ceil(period_ns.max(1)).min(most) as usize
}

/// Beyond every list of names.
const NO_NAME: u32 = u32::MAX;

/// A decision that is kept.
#[derive(Debug)]
struct Row {
    time: SimTime,
    value: Option<f64>,
    target: Option<f64>,
    current: u32,
    desired: u32,
    ready: u32,
    /// Number of the metric that decided.
    metric: u32,
    /// Ends of its words.
    inputs_end: usize,
    reason_end: usize,
}

/// The decisions of one controller that are kept, row by row, since a row is written at a time, and the digest of all.
#[derive(Debug)]
pub(crate) struct DecisionLog {
    keep: DecisionRecord,
    /// Keeps the samples of different services, or pools, apart.
    salt: u64,
    expected: usize,
    made: u64,
    digest: Digest,
    rows: Vec<Row>,
    metric_names: Vec<Arc<str>>,
    /// The words of all rows, one after the other; none of controllers that keep their accounts.
    inputs: String,
    reason: String,
}

impl DecisionLog {
    pub(crate) fn new(plan: &Plan, controller: &ControllerPlan) -> Self {
        let salt = stable_hash(&plan.services[controller.service].name);
        let expected = expected(plan, controller.period_ns);
        Self::with(plan.record.decisions, salt, expected)
    }

    pub(crate) fn of_nodes(plan: &Plan, controller: &NodeControllerPlan) -> Self {
        let (PlatformPlan::Fleet { pools, .. } | PlatformPlan::Cluster { pools, .. }) =
            &plan.platform;
        let salt = stable_hash(&pools[controller.pool].name);
        let expected = expected(plan, controller.period_ns);
        Self::with(plan.record.decisions, salt, expected)
    }

    fn with(keep: DecisionRecord, salt: u64, rows: usize) -> Self {
        Self {
            keep,
            salt,
            expected: rows,
            made: 0,
            digest: Digest::new(),
            rows: Vec::with_capacity(rows),
            metric_names: Vec::new(),
            inputs: String::new(),
            reason: String::new(),
        }
    }

    /// How many rows are kept at present.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// When the row of the next decision is kept.
    fn wanted(&self) -> Wanted {
        match self.keep {
            DecisionRecord::All => Wanted::Always,
            DecisionRecord::Changes => Wanted::OfChange,
            DecisionRecord::Sampled { one_in } if self.draw().is_multiple_of(one_in) => {
                Wanted::Always
            }
            DecisionRecord::Sampled { .. } | DecisionRecord::Off => Wanted::Never,
        }
    }

    fn draw(&self) -> u64 {
        splitmix(self.salt ^ self.made)
    }

    /// Where the next decision is accounted for, before it is pushed.
    pub(crate) fn account(&mut self) -> Account<'_> {
        Account {
            wanted: self.wanted(),
            expected: self.expected,
            inputs: &mut self.inputs,
            reason: &mut self.reason,
        }
    }

    /// Takes in a decision that has been accounted for.
    pub(crate) fn push(&mut self, context: &DecisionContext, verdict: &Verdict) {
        self.digest.word(context.now.as_nanos());
        self.digest.word(u64::from(verdict.desired));
        let kept = self.wanted().takes(context.current, verdict.desired);
        self.made += 1;
        if !kept {
            let last = self.rows.last();
            let (inputs, reason) = last.map_or((0, 0), |row| (row.inputs_end, row.reason_end));
            self.inputs.truncate(inputs);
            self.reason.truncate(reason);
            return;
        }
        let metric = verdict.metric.as_ref().map(|name| self.number(name));
        self.rows.push(Row {
            time: context.now,
            value: verdict.value,
            target: verdict.target,
            current: context.current,
            desired: verdict.desired,
            ready: context.ready,
            metric: metric.unwrap_or(NO_NAME),
            inputs_end: self.inputs.len(),
            reason_end: self.reason.len(),
        });
    }

    /// The number of a name.
    fn number(&mut self, name: &Arc<str>) -> u32 {
        let same = |known: &Arc<str>| Arc::ptr_eq(known, name) || known == name;
        let at = self.metric_names.iter().position(same);
        let at = at.unwrap_or_else(|| {
            self.metric_names.push(name.clone());
            self.metric_names.len() - 1
        });
        at as u32
    }

    /// The metric that decided.
    fn metric(&self, row: usize) -> Option<&Arc<str>> {
        self.metric_names.get(self.rows[row].metric as usize)
    }

    /// Folds times and counts of all decisions, kept or not, into a digest.
    pub(crate) fn digest(&self, digest: &mut Digest) {
        let all = self.digest.finish();
        digest.word(all as u64);
        digest.word((all >> 64) as u64);
    }

    /// Takes the rows out; it goes on without them.
    pub(crate) fn take(&mut self) -> Self {
        let rest = Self {
            made: self.made,
            digest: self.digest.clone(),
            ..Self::with(self.keep, self.salt, self.expected)
        };
        std::mem::replace(self, rest)
    }

    /// Writes the words of a row, which `accounts` has if the controller has kept them.
    fn write(
        &self,
        accounts: Option<&dyn Accounts>,
        row: usize,
        inputs: &mut String,
        reason: &mut String,
    ) {
        if let Some(accounts) = accounts {
            accounts.write(row, inputs, reason);
            return;
        }
        let end = &self.rows[row];
        let last = row.checked_sub(1).map(|last| &self.rows[last]);
        let begin = last.map_or((0, 0), |last| (last.inputs_end, last.reason_end));
        inputs.push_str(&self.inputs[begin.0..end.inputs_end]);
        reason.push_str(&self.reason[begin.1..end.reason_end]);
    }
}

/// What a controller has left of its decisions: the log, and the accounts if it has kept them itself.
pub(crate) type Decided = (DecisionLog, Option<Box<dyn Accounts>>);

/// The `decisions` table of all controllers, in order of time and, at one instant, of the controllers.
pub(crate) fn decisions_table(names: &DecisionNames, of: &[Decided]) -> Table {
    let rows = of.iter().enumerate().flat_map(|(controller, (log, _))| {
        let rows = log.rows.iter().enumerate();
        rows.map(move |(at, row)| (row.time, controller, at))
    });
    let mut rows: Vec<(SimTime, usize, usize)> = rows.collect();
    rows.sort_unstable();
    let row = |at: &(SimTime, usize, usize)| &of[at.1].0.rows[at.2];
    let u32s = |column: fn(&Row) -> u32| rows.iter().map(row).map(move |row| Some(column(row)));
    let f64s = |column: fn(&Row) -> Option<f64>| rows.iter().map(row).map(column);
    let mut table = Table::default();
    table.times("time", rows.iter().map(|at| Some(at.0)));
    let controllers = rows.iter().map(|at| at.1 as u32).collect();
    table.names("controller", controllers, &names.kinds);
    let services = rows.iter().map(|at| names.service_of[at.1]).collect();
    table.names("service", services, &names.services);
    let pools = rows.iter().map(|at| names.pool_of[at.1]).collect();
    table.names("pool", pools, &names.pools);
    table.u32s("current", u32s(|row| row.current));
    table.u32s("desired", u32s(|row| row.desired));
    table.u32s("ready", u32s(|row| row.ready));
    let (metrics, known) = numbered(rows.iter().map(|at| of[at.1].0.metric(at.2)));
    table.names("metric", metrics, &known);
    table.f64s("value", f64s(|row| row.value));
    table.f64s("target", f64s(|row| row.target));
    let (mut inputs, mut reason) = (Strings::default(), Strings::default());
    for (_, controller, row) in rows {
        let (log, accounts) = &of[controller];
        log.write(
            accounts.as_deref(),
            row,
            inputs.next_row(),
            reason.next_row(),
        );
        inputs.end_row(true);
        reason.end_row(true);
    }
    table.columns.push(("inputs", super::Column::Text(inputs)));
    table.columns.push(("reason", super::Column::Text(reason)));
    table
}

/// Numbers in place of few different names, and the names.
fn numbered<'a>(names: impl Iterator<Item = Option<&'a Arc<str>>>) -> (Vec<u32>, Vec<String>) {
    let mut known: Vec<&Arc<str>> = Vec::new();
    let numbers = names.map(|name| {
        let Some(name) = name else {
            return NO_NAME;
        };
        let same = |known: &&Arc<str>| Arc::ptr_eq(known, name) || *known == name;
        let at = known.iter().position(same);
        let at = at.unwrap_or_else(|| {
            known.push(name);
            known.len() - 1
        });
        at as u32
    });
    let numbers = numbers.collect();
    (numbers, known.iter().map(ToString::to_string).collect())
}
