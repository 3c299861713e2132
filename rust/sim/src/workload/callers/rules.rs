//! Whose retries follow which rules: those outside have one, and each call of another service has its own.

use super::retry::Retry;
use crate::calls::Entries;
use crate::plan::{CallPlan, RetryPlan, WorkloadPlan};
use crate::workload::Outcome;

/// When the request of a failed attempt comes back.
#[derive(Debug, Clone)]
struct Rule {
    retry: Option<Retry>,
    /// How long after its first arrival a request ends at the latest, whatever has become of it.
    deadline_ns: u64,
}

impl Rule {
    fn new(retry: Option<RetryPlan>, deadline_ns: Option<u64>, seed: u64, name: &str) -> Self {
        Self {
            retry: retry.map(|plan| Retry::new(plan, seed, name)),
            deadline_ns: deadline_ns.unwrap_or(u64::MAX),
        }
    }
}

/// The rules of all who send requests to one service.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    outside: Rule,
    /// Those of calls, by their entry in the plan.
    calls: Vec<(usize, Rule)>,
    entries: Option<Entries>,
}

impl Rules {
    /// The rules for the service `name`, with the entries of the plan that call it.
    pub(super) fn new(
        workload: Option<&WorkloadPlan>,
        called: Option<(&[CallPlan], Entries)>,
        seed: u64,
        name: &str,
    ) -> Self {
        let retry = workload.and_then(|of| of.retry);
        let outside = Rule::new(retry, workload.and_then(|of| of.deadline_ns), seed, name);
        let rule = |plan: &CallPlan| Rule::new(plan.retry, plan.deadline_ns, seed, name);
        let calls = called.as_ref().map_or_else(Vec::new, |(plans, entries)| {
            entries
                .all()
                .map(|entry| (entry, rule(&plans[entry])))
                .collect()
        });
        Self {
            outside,
            calls,
            entries: called.map(|(_, entries)| entries),
        }
    }

    /// Whether anybody tries again.
    pub(super) fn retry(&self) -> bool {
        let calls = self.calls.iter().map(|(_, rule)| rule);
        calls
            .chain([&self.outside])
            .any(|rule| rule.retry.is_some())
    }

    /// Whether anybody has a deadline.
    pub(super) fn dated(&self) -> bool {
        let calls = self.calls.iter().map(|(_, rule)| rule);
        calls
            .chain([&self.outside])
            .any(|rule| rule.deadline_ns < u64::MAX)
    }

    /// The place of the rule of a call; `None` for a request from outside.
    fn place_of(&self, index: u64) -> Option<usize> {
        let entry = self.entries.as_ref()?.of(index)?;
        self.calls.iter().position(|(of, _)| *of == entry)
    }

    fn rule_of(&mut self, index: u64) -> &mut Rule {
        match self.place_of(index) {
            None => &mut self.outside,
            Some(at) => &mut self.calls[at].1,
        }
    }

    /// When a request ends at the latest that arrived first at `first`.
    pub(super) fn due(&self, index: u64, first: u64) -> u64 {
        let place = self.place_of(index);
        let rule = place.map_or(&self.outside, |at| &self.calls[at].1);
        first.saturating_add(rule.deadline_ns)
    }

    /// A first attempt pays for retries.
    pub(super) fn pay_in(&mut self, index: u64, now: u64) {
        if let Some(retry) = &mut self.rule_of(index).retry {
            retry.pay_in(now);
        }
    }

    /// When the request of an attempt that failed at `now` comes back, if it may and that is paid for. The request arrived
    /// first at `first`.
    pub(super) fn comes_back(
        &mut self,
        index: u64,
        first: u64,
        now: u64,
        outcome: Outcome,
    ) -> Back {
        let Rule { retry, deadline_ns } = self.rule_of(index);
        let deadline = first.saturating_add(*deadline_ns);
        let Some(retry) = retry else {
            return Back::Never;
        };
        match retry
            .comes_back(index, now, outcome)
            .filter(|back| *back < deadline)
        {
            None => Back::Never,
            Some(back) if retry.pay_out(now) => Back::At(back),
            Some(_) => Back::Denied,
        }
    }
}

/// Whether a request comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Back {
    /// At this instant.
    At(u64),
    /// The budget is spent.
    Denied,
    /// Its rule does not let it.
    Never,
}
