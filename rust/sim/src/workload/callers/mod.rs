//! Callers: those who send requests, wait for their ends, and come back: with a retry, or after a time to think.
//!
//! What they will do stands on an agenda, in order of time, and is merged with the open arrivals. At one instant the order
//! is: decisions on failed attempts, by index; open arrivals; retries and requests of clients, by index. A station tells of
//! an end as soon as it records it. It may do so ahead of time: whatever ends before the next thing on the agenda is known
//! by then, so decisions (and with them the retry budget) see the true order of failures, whichever engine runs.

mod budget;
mod clients;
mod retry;
mod rules;

pub use budget::SLOTS;
pub use clients::ClientCounts;

use super::request::{attempt_of, next_attempt, number_of};
use super::{Arrivals, Classes, Outcome, Request};
use crate::calls::Entries;
use crate::plan::{CallPlan, PlanError, WorkloadPlan};
use clients::Clients;
use hookean_kernel::{Histogram, Sampler, SimTime};
use rules::{Back, Rules};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// An entry of the agenda: first by time, then decisions before what is sent, then by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    time: u64,
    sends: bool,
    index: u64,
    /// How the attempt failed that is to be decided about; `None` sends one.
    failed: Option<Outcome>,
    /// When the request arrived first.
    first: u64,
    work_ns: u64,
}

impl Entry {
    /// Whether it is of a request that has failed and not been given up.
    const fn is_between_attempts(&self) -> bool {
        !self.sends || attempt_of(self.index) > 0
    }
}

/// What comes next to a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// An attempt that arrives.
    Attempt(Request),
    /// A caller has given a request up after an attempt.
    GivenUp {
        /// The attempt.
        index: u64,
        /// When.
        at: u64,
    },
    /// A caller will try again.
    TriesAgain,
}

/// What callers have done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) retries: u64,
    pub(crate) retries_denied: u64,
    pub(crate) given_up: u64,
}

/// The callers of one service.
#[derive(Debug, Clone)]
pub struct Callers {
    rules: Rules,
    /// Whether any of them has a deadline.
    dated: bool,
    clients: Option<Clients>,
    /// The classes of requests.
    classes: Option<Classes>,
    agenda: BinaryHeap<Reverse<Entry>>,
    /// First arrivals of the requests that are being tried again, by number, until their last attempt has ended.
    firsts: BTreeMap<u64, u64>,
    calls: Calls,
    /// From the first arrival of a request to its completion.
    latency: Histogram,
    latency_sum_ns: u128,
}

impl Callers {
    /// Prepares the callers of a service with its workload, and with the entries of the plan that call it; `None` when
    /// nobody comes back.
    ///
    /// # Errors
    /// [`PlanError`] when the time to think is no distribution.
    pub(crate) fn new(
        plan: Option<&WorkloadPlan>,
        called: Option<(&[CallPlan], Entries)>,
        (seed, name): (u64, &str),
        work: &Sampler,
    ) -> Result<Option<Box<Self>>, PlanError> {
        let rules = Rules::new(plan, called, seed, name);
        let clients = plan.and_then(|plan| Some((plan, plan.clients.as_ref()?)));
        let dated = rules.dated();
        if !rules.retry() && !dated && clients.is_none() {
            return Ok(None);
        }
        let clients = clients.map(|(plan, of)| Clients::new(of, plan.start_ns, (seed, name), work));
        let mut callers = Box::new(Self {
            rules,
            dated,
            clients: clients.transpose()?,
            classes: None,
            agenda: BinaryHeap::new(),
            firsts: BTreeMap::new(),
            calls: Calls::default(),
            latency: Histogram::new(),
            latency_sum_ns: 0,
        });
        let first = callers.clients.as_mut().map(Clients::first_requests);
        for (time, index) in first.into_iter().flatten() {
            callers.plan_request(time, index);
        }
        Ok(Some(callers))
    }

    /// The same callers, whose clients send requests with the work of their class.
    pub(crate) fn of_classes(self, classes: &Classes) -> Self {
        Self {
            classes: Some(classes.clone()),
            ..self
        }
    }

    /// Callers with the same deadlines for the requests that are under way, who do nothing with what they hear.
    pub(crate) fn deadlines(&self) -> Self {
        Self {
            rules: self.rules.clone(),
            dated: self.dated,
            clients: None,
            classes: None,
            agenda: BinaryHeap::new(),
            firsts: self.firsts.clone(),
            calls: Calls::default(),
            latency: Histogram::new(),
            latency_sum_ns: 0,
        }
    }

    /// Whether requests may have deadlines.
    pub(crate) const fn is_dated(&self) -> bool {
        self.dated
    }

    /// When an attempt that has not ended does so at the latest.
    pub(crate) fn due(&self, request: &Request) -> u64 {
        if !self.dated {
            return u64::MAX;
        }
        let retried = (request.attempt() > 0).then(|| self.firsts.get(&number_of(request.index)));
        let first = retried.flatten().copied();
        let first = first.unwrap_or(request.time.as_nanos());
        self.rules.due(request.index, first)
    }

    /// When a caller acts next.
    pub(crate) fn next_time(&self) -> u64 {
        let next = self.agenda.peek();
        next.map_or(u64::MAX, |Reverse(entry)| entry.time)
    }

    /// Takes what comes next: an attempt that arrives, or what a caller has decided.
    pub(crate) fn receive(&mut self, open: &mut Arrivals) -> Received {
        let arrival = (open.peek_time().as_nanos(), true, 0);
        let due = self.agenda.peek();
        let due =
            due.is_some_and(|Reverse(entry)| (entry.time, entry.sends, entry.index) < arrival);
        let Some(Reverse(entry)) = due.then(|| self.agenda.pop()).flatten() else {
            let request = open.next();
            let now = request.time.as_nanos();
            self.rules.pay_in(request.index, now);
            return Received::Attempt(request);
        };
        match entry.failed {
            Some(outcome) => self.decide(&entry, outcome),
            None => Received::Attempt(self.send(&entry)),
        }
    }

    fn send(&mut self, entry: &Entry) -> Request {
        let mut request = Request {
            index: entry.index,
            time: SimTime::from_nanos(entry.time),
            work_ns: entry.work_ns,
        };
        if request.attempt() > 0 {
            self.calls.retries += 1;
        } else {
            self.rules.pay_in(entry.index, entry.time);
            if let Some(clients) = &mut self.clients {
                let work_ns = clients.send(entry.index);
                let classes = self.classes.as_ref();
                request.work_ns = classes.map_or(work_ns, |of| of.work_ns(entry.index, work_ns));
            }
        }
        request
    }

    /// Sends a failed request again, or gives it up.
    fn decide(&mut self, entry: &Entry, outcome: Outcome) -> Received {
        let back = self
            .rules
            .comes_back(entry.index, entry.first, entry.time, outcome);
        match back {
            Back::At(back) => {
                self.firsts.insert(number_of(entry.index), entry.first);
                self.agenda.push(Reverse(Entry {
                    time: back,
                    sends: true,
                    index: next_attempt(entry.index),
                    failed: None,
                    ..*entry
                }));
                Received::TriesAgain
            }
            Back::Denied | Back::Never => {
                self.calls.retries_denied += u64::from(back == Back::Denied);
                self.calls.given_up += 1;
                self.firsts.remove(&number_of(entry.index));
                self.think(entry.index, entry.first, entry.time);
                Received::GivenUp {
                    index: entry.index,
                    at: entry.time,
                }
            }
        }
    }

    /// Hears that an attempt has failed at `at`.
    pub(crate) fn failed(&mut self, request: &Request, at: u64, outcome: Outcome) {
        let first = self.firsts.get(&number_of(request.index));
        self.agenda.push(Reverse(Entry {
            time: at,
            sends: false,
            index: request.index,
            failed: Some(outcome),
            first: first.copied().unwrap_or(request.time.as_nanos()),
            work_ns: request.work_ns,
        }));
    }

    /// Hears that an attempt was completed at `end`; returns the latency of the whole request.
    #[inline(never)]
    pub(crate) fn completed(&mut self, request: &Request, end: u64) -> u64 {
        let first = self.firsts.remove(&number_of(request.index));
        let first = first.unwrap_or(request.time.as_nanos());
        self.latency.record(end - first);
        self.latency_sum_ns += u128::from(end - first);
        self.think(request.index, first, end);
        end - first
    }

    /// Lets the client of a request that has ended think about the next.
    fn think(&mut self, index: u64, sent: u64, end: u64) {
        let clients = self.clients.as_mut();
        if let Some((time, index)) = clients.and_then(|of| of.next_request(index, sent, end)) {
            self.plan_request(time, index);
        }
    }

    fn plan_request(&mut self, time: u64, index: u64) {
        self.agenda.push(Reverse(Entry {
            time,
            sends: true,
            index,
            failed: None,
            first: time,
            work_ns: 0,
        }));
    }

    /// Client of a request and which of its requests it is, from 0; `None` for an open arrival.
    pub(crate) fn client_of(&self, index: u64) -> Option<(u64, u64)> {
        self.clients.as_ref().and_then(|of| of.client_of(index))
    }

    pub(crate) const fn calls(&self) -> Calls {
        self.calls
    }

    pub(crate) const fn latency(&self) -> &Histogram {
        &self.latency
    }

    pub(crate) const fn latency_sum_ns(&self) -> u128 {
        self.latency_sum_ns
    }

    /// Requests between two attempts, by a search through the agenda.
    pub(crate) fn backing_off(&self) -> u64 {
        let between = self
            .agenda
            .iter()
            .filter(|Reverse(of)| of.is_between_attempts());
        between.count() as u64
    }

    /// Forgets what clients, or requests to be tried again, were about to do.
    #[cfg(test)]
    pub(crate) fn forget(&mut self, of_clients: bool) {
        self.agenda
            .retain(|Reverse(of)| of.is_between_attempts() == of_clients);
    }

    /// Where the clients are; those that think by a search through the agenda.
    pub(crate) fn clients(&self) -> Option<ClientCounts> {
        let entries = self.agenda.len() as u64;
        let of = self.clients.as_ref()?;
        Some(of.counts(entries - self.backing_off()))
    }
}

#[cfg(test)]
mod tests;
