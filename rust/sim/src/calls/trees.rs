//! Trees of calls: when a request at the head has its answer, and which services that took its time in.
//!
//! A request is answered when it has been completed and, for each entry of calls it has made, as many of those are answered
//! as the entry waits for; those that it was held for are answered before it is completed. Stations tell of ends up to the instant to which all have advanced: by then every answer before
//! it is known, so the n-th of a group is the same in whatever steps that is done.

use super::answer::{Answer, Rule, Verdict, Waiting};
use super::numbering::{Numbering, is_call};
use super::outbox::{Ended, Holding, Outbox};
use crate::plan::Plan;
use crate::workload::number_of;
use hookean_kernel::{Histogram, SimTime, splitmix};
use std::collections::BTreeMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Mixes the number of a request.
#[derive(Debug, Clone, Copy, Default)]
struct ByNumber(u64);

impl Hasher for ByNumber {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = splitmix(self.0 ^ number);
    }
}

#[expect(
    clippy::disallowed_types,
    reason = "requests are looked up by number and never walked through, so their order decides nothing"
)]
type Requests = std::collections::HashMap<u64, Waiting, BuildHasherDefault<ByNumber>>;

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
        for (service, nanos) in answer.path.parts() {
            let (requests, sum) = self.parts.entry(service).or_default();
            *requests += 1;
            *sum += u128::from(nanos);
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
    waiting: Vec<Requests>,
    /// What requests that wait no longer have left, for others.
    spare: Vec<Waiting>,
    /// Requests whose calls have been answered, or have failed.
    touched: Vec<Vec<u64>>,
    verdicts: Vec<Vec<(u64, Verdict)>>,
    /// Of services that call others and have requests from outside, by service.
    heads: BTreeMap<usize, HeadBook>,
}

impl Trees {
    pub(crate) fn new(plan: &Plan, levels: &[usize], numbering: &Numbering) -> Self {
        let services = levels.len();
        let mut rules = vec![Vec::new(); services];
        for (entry, call) in plan.calls.iter().enumerate() {
            rules[call.service].push(Rule::new(entry, call));
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
            waiting: vec![Requests::default(); services],
            spare: Vec::new(),
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

    /// Hears that a request of a service was completed.
    fn completed(&mut self, service: usize, request: &Ended) {
        let number = number_of(request.index);
        let mut made = Rule::awaited(&self.rules[service], request.made, false).peekable();
        let held = self.waiting[service].get_mut(&number);
        if let Some(held) = held.filter(|waiting| waiting.holds(request.index)) {
            held.complete(request.first, request.end, made);
            self.touched[service].push(number);
        } else if made.peek().is_none() {
            let answer = Answer::at_once((service, number), request.first, request.end);
            self.verdicts[service].push((number, Verdict::Answered(answer)));
        } else {
            let spare = self.spare.pop().unwrap_or_default();
            let waiting = spare.anew(request.first, request.end, made);
            self.waiting[service].insert(number, waiting);
        }
        if let Some(head) = self.heads.get_mut(&service) {
            head.completed += u64::from(!is_call(number));
        }
    }

    /// Hears that an attempt of a request of a service is held.
    fn held(&mut self, service: usize, holding: &Holding) {
        let made = Rule::awaited(&self.rules[service], holding.made, true);
        let spare = self.spare.pop().unwrap_or_default();
        let waiting = spare.holding(holding.index, holding.since, made);
        self.waiting[service].insert(number_of(holding.index), waiting);
    }

    /// Hears that an attempt has failed that may have been held.
    fn let_go(&mut self, service: usize, index: u64) {
        let (waiting, number) = (&mut self.waiting[service], number_of(index));
        if waiting
            .get(&number)
            .is_some_and(|waiting| waiting.holds(index))
        {
            self.spare.extend(waiting.remove(&number));
        }
    }

    /// Hears what has ended at a service before `until`, up to which all services are heard before [`Trees::settle`].
    /// Returns how many requests have completed.
    pub(crate) fn hear(&mut self, service: usize, outbox: &mut Outbox, until: SimTime) -> u64 {
        let (mut completed, mut failed) = (0, Vec::new());
        let mut let_go = Vec::new();
        let of_held = |holding: &Holding| self.held(service, holding);
        outbox.report_held(until, of_held, |index| let_go.push(index));
        for index in let_go {
            self.let_go(service, index);
        }
        let of_completed = |request: &Ended| {
            completed += 1;
            self.completed(service, request);
        };
        outbox.report(until, of_completed, |number| {
            failed.push((number, Verdict::Failed));
        });
        self.verdicts[service].append(&mut failed);
        completed
    }

    /// Finds all answers that are known by now: last those of services that others do not call.
    pub(crate) fn settle(&mut self, numbering: &Numbering) {
        for at in (0..self.order.len()).rev() {
            let service = self.order[at];
            let mut verdicts = std::mem::take(&mut self.verdicts[service]);
            for number in self.touched[service].drain(..) {
                let waiting = self.waiting[service].get_mut(&number);
                let verdict = waiting.and_then(|waiting| waiting.verdict((service, number)));
                let Some(verdict) = verdict else { continue };
                verdicts.push((number, verdict));
                self.spare.extend(self.waiting[service].remove(&number));
            }
            for (number, verdict) in verdicts.drain(..) {
                self.pass_on(numbering, service, number, verdict);
            }
            self.verdicts[service] = verdicts;
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
        if let Some(waiting) = self.waiting[parent.service].get_mut(&parent.number) {
            let answer = match verdict {
                Verdict::Answered(answer) => Some(answer),
                Verdict::Unanswered | Verdict::Failed => None,
            };
            waiting.take(parent, answer);
            self.touched[parent.service].push(parent.number);
        }
    }
}
