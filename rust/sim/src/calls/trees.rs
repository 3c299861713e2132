//! Trees of calls: when a request at the head has its answer, and which services that took its time in.
//!
//! A request is answered when it has been completed and, for each entry of calls it has made, as many of those are answered
//! as the entry waits for. Stations tell of ends up to the instant to which all have advanced: by then every answer before
//! it is known, so the n-th of a group is the same in whatever steps that is done.

use super::numbering::Numbering;
use super::outbox::Ended;
use crate::plan::{Plan, WaitPlan};
use crate::workload::number_of;
use hookean_kernel::Histogram;
use std::collections::BTreeMap;

/// The calls of one entry, as one request makes them.
#[derive(Debug, Clone, Copy)]
struct Rule {
    entry: usize,
    calls: u64,
    /// How many of them have to be answered.
    needed: u64,
}

/// The way from a request at the head to the end that its answer waited for longest, as far as it is known.
#[derive(Debug, Clone)]
struct Answer {
    at: u64,
    /// When the request arrived first.
    first: u64,
    /// Time in each service, the last first.
    parts: Vec<(usize, u64)>,
    /// Time on the way from one service to the next.
    between_ns: u64,
}

/// What became of a request.
#[derive(Debug, Clone)]
enum Verdict {
    Answered(Answer),
    /// Too many of its calls have failed.
    Unanswered,
    /// It has failed itself.
    Failed,
}

/// The calls of one entry that one request has made.
#[derive(Debug, Clone)]
struct Group {
    rule: Rule,
    answers: Vec<(Answer, (usize, u64))>,
    failed: u64,
}

impl Group {
    /// The answer that completes the group: the n-th, in order of time, then of service and number.
    fn last_needed(&mut self) -> Option<&Answer> {
        let nth = self.rule.needed as usize - 1;
        if self.answers.len() <= nth {
            return None;
        }
        let order = |of: &(Answer, (usize, u64))| (of.0.at, of.1);
        let (_, last, _) = self.answers.select_nth_unstable_by_key(nth, order);
        Some(&last.0)
    }

    const fn has_failed(&self) -> bool {
        self.rule.calls - self.failed < self.rule.needed
    }
}

/// A request that was completed and waits for answers.
#[derive(Debug, Clone)]
struct Node {
    first: u64,
    end: u64,
    groups: Vec<Group>,
}

impl Node {
    /// What has become of a request of `service`, if that is known.
    fn verdict(&mut self, service: usize) -> Option<Verdict> {
        if self.groups.iter().any(Group::has_failed) {
            return Some(Verdict::Unanswered);
        }
        let mut latest: Option<&Answer> = None;
        for group in &mut self.groups {
            let answer = group.last_needed()?;
            if latest.is_none_or(|latest| latest.at < answer.at) {
                latest = Some(answer);
            }
        }
        let mut answer = latest?.clone();
        answer.between_ns += answer.first - self.end;
        answer.parts.push((service, self.end - self.first));
        answer.first = self.first;
        Some(Verdict::Answered(answer))
    }
}

/// What is known of the requests at the head of one service.
#[derive(Debug, Clone)]
pub(crate) struct HeadBook {
    /// Completed by the service itself.
    pub(crate) completed: u64,
    pub(crate) unanswered: u64,
    /// From the first arrival to the answer.
    pub(crate) latency: Histogram,
    pub(crate) latency_sum_ns: u128,
    /// Requests whose critical path leads through a service, and their time in it.
    pub(crate) parts: BTreeMap<usize, (u64, u128)>,
    pub(crate) between_ns: u128,
}

impl HeadBook {
    fn new() -> Self {
        Self {
            completed: 0,
            unanswered: 0,
            latency: Histogram::new(),
            latency_sum_ns: 0,
            parts: BTreeMap::new(),
            between_ns: 0,
        }
    }

    fn answered(&mut self, answer: &Answer) {
        let latency = answer.at - answer.first;
        self.latency.record(latency);
        self.latency_sum_ns += u128::from(latency);
        self.between_ns += u128::from(answer.between_ns);
        for (service, nanos) in &answer.parts {
            let (requests, sum) = self.parts.entry(*service).or_default();
            *requests += 1;
            *sum += u128::from(*nanos);
        }
    }

    /// Whether the times on critical paths make up the latencies.
    pub(crate) fn adds_up(&self) -> bool {
        let parts: u128 = self.parts.values().map(|(_, sum)| sum).sum();
        let answered = self.latency.count() + self.unanswered <= self.completed;
        answered && parts + self.between_ns == self.latency_sum_ns
    }
}

/// The trees of a run.
#[derive(Debug)]
pub(crate) struct Trees {
    rules: Vec<Vec<Rule>>,
    /// Services that call or are called, in the order of calls.
    order: Vec<usize>,
    waiting: Vec<BTreeMap<u64, Node>>,
    /// Requests whose answers have changed.
    touched: Vec<Vec<u64>>,
    verdicts: Vec<Vec<(u64, Verdict)>>,
    /// Of services that call others and have requests from outside, by service.
    heads: BTreeMap<usize, HeadBook>,
}

impl Trees {
    pub(crate) fn new(plan: &Plan, levels: &[usize], numbering: &Numbering) -> Self {
        let (calls, services) = (&plan.calls, levels.len());
        let mut rules = vec![Vec::new(); services];
        for (entry, call) in calls.iter().enumerate() {
            let calls = call.to.len() as u64 * call.copies;
            let needed = match call.wait_for {
                WaitPlan::All => calls,
                WaitPlan::Nothing => 0,
                WaitPlan::Some { count } => count,
            };
            rules[call.service].push(Rule {
                entry,
                calls,
                needed,
            });
        }
        let inside = |at: &usize| numbering.is_called(*at) || !rules[*at].is_empty();
        let mut order: Vec<usize> = (0..services).filter(inside).collect();
        order.sort_by_key(|service| levels[*service]);
        let heads = plan.workloads.iter().map(|workload| workload.service);
        let heads = heads.filter(|service| !rules[*service].is_empty());
        Self {
            heads: heads.map(|service| (service, HeadBook::new())).collect(),
            rules,
            order,
            waiting: vec![BTreeMap::new(); services],
            touched: vec![Vec::new(); services],
            verdicts: vec![Vec::new(); services],
        }
    }

    /// Services that call or are called, in the order of calls.
    pub(crate) fn order(&self) -> &[usize] {
        &self.order
    }

    /// What is known of requests at the head, by their service.
    pub(crate) const fn heads(&self) -> &BTreeMap<usize, HeadBook> {
        &self.heads
    }

    /// Takes in what has ended at a service: in the order of calls, and all up to one instant before [`Trees::settle`].
    pub(crate) fn hear(
        &mut self,
        numbering: &Numbering,
        service: usize,
        ended: &[Ended],
        given_up: &[u64],
    ) {
        for request in ended {
            let number = number_of(request.index);
            if numbering.parent(service, number).is_none()
                && let Some(head) = self.heads.get_mut(&service)
            {
                head.completed += 1;
            }
            let made = self.rules[service].iter().enumerate();
            let made = made.filter(|(nth, rule)| request.made >> nth & 1 == 1 && rule.needed > 0);
            let groups: Vec<Group> = made
                .map(|(_, rule)| Group {
                    rule: *rule,
                    answers: Vec::new(),
                    failed: 0,
                })
                .collect();
            if groups.is_empty() {
                let answer = Answer {
                    at: request.end,
                    first: request.first,
                    parts: vec![(service, request.end - request.first)],
                    between_ns: 0,
                };
                self.verdicts[service].push((number, Verdict::Answered(answer)));
            } else {
                let (first, end) = (request.first, request.end);
                self.waiting[service].insert(number, Node { first, end, groups });
            }
        }
        let failed = given_up
            .iter()
            .map(|index| (number_of(*index), Verdict::Failed));
        self.verdicts[service].extend(failed);
    }

    /// Finds all answers that are known by now.
    pub(crate) fn settle(&mut self, numbering: &Numbering) {
        for at in (0..self.order.len()).rev() {
            let service = self.order[at];
            for number in std::mem::take(&mut self.touched[service]) {
                let node = self.waiting[service].get_mut(&number);
                if let Some(verdict) = node.and_then(|node| node.verdict(service)) {
                    self.waiting[service].remove(&number);
                    self.verdicts[service].push((number, verdict));
                }
            }
            for (number, verdict) in std::mem::take(&mut self.verdicts[service]) {
                self.pass_on(numbering, service, number, verdict);
            }
        }
    }

    /// Tells the request that made a call, or the books of the head, what became of it.
    fn pass_on(&mut self, numbering: &Numbering, service: usize, number: u64, verdict: Verdict) {
        let Some(parent) = numbering.parent(service, number) else {
            match (self.heads.get_mut(&service), verdict) {
                (Some(head), Verdict::Answered(answer)) => head.answered(&answer),
                (Some(head), Verdict::Unanswered) => head.unanswered += 1,
                (None, _) | (_, Verdict::Failed) => {}
            }
            return;
        };
        // One that has its answer already does not wait for the rest.
        let Some(node) = self.waiting[parent.service].get_mut(&parent.number) else {
            return;
        };
        let group = node
            .groups
            .iter_mut()
            .find(|group| group.rule.entry == parent.entry);
        let Some(group) = group else { return };
        match verdict {
            Verdict::Answered(answer) => group.answers.push((answer, (service, number))),
            Verdict::Unanswered | Verdict::Failed => group.failed += 1,
        }
        self.touched[parent.service].push(parent.number);
    }
}
