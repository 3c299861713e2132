//! Clients in a closed loop.

use crate::plan::{ClientsPlan, PlanError};
use crate::workload::number_of;
use crate::workload::request::OF_CLIENT;
use hookean_kernel::{Sampler, StreamKey};

/// Where the clients of a service are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientCounts {
    /// All of them.
    pub count: u64,
    /// Those between two requests.
    pub thinking: u64,
    /// Those whose request has not ended.
    pub waiting: u64,
    /// Those that send no more.
    pub gone: u64,
}

/// The clients of a service. Request `k` of client `c` has the same time to think before it and the same work whatever the
/// others do, and however many there are.
#[derive(Debug, Clone)]
pub(super) struct Clients {
    count: u64,
    start: u64,
    /// From here on nothing is sent.
    until: u64,
    think: Sampler,
    work: Sampler,
    think_key: StreamKey,
    work_key: StreamKey,
    sent: u64,
    ended: u64,
    gone: u64,
}

impl Clients {
    pub(super) fn new(
        plan: &ClientsPlan,
        start: u64,
        (seed, name): (u64, &str),
        work: &Sampler,
    ) -> Result<Self, PlanError> {
        let invalid = |problem| {
            PlanError::invalid("workloads.clients.think", format!("is invalid: {problem}"))
        };
        let length = plan.duration_ns.unwrap_or(u64::MAX);
        Ok(Self {
            count: plan.count,
            start,
            until: start.saturating_add(length),
            think: plan.think.sampler().map_err(invalid)?,
            work: work.clone(),
            think_key: StreamKey::new(seed, name, "think", 0),
            work_key: StreamKey::new(seed, name, "client work", 0),
            sent: 0,
            ended: 0,
            gone: 0,
        })
    }

    /// The first requests of all clients.
    pub(super) fn first_requests(&mut self) -> Vec<(u64, u64)> {
        let start = self.start;
        let first = (0..self.count).filter_map(|client| self.request(client, 0, start, start));
        first.collect()
    }

    /// Client and number of one of its requests.
    const fn sender(&self, index: u64) -> (u64, u64) {
        let number = number_of(index) & !OF_CLIENT;
        (number % self.count, number / self.count)
    }

    /// When a client sends its next request after one that it sent first at `sent` has ended; `None` for an open arrival,
    /// and when it sends no more.
    pub(super) fn next_request(&mut self, index: u64, sent: u64, end: u64) -> Option<(u64, u64)> {
        let (client, nth) = self.client_of(index)?;
        self.ended += 1;
        // Time moves on, also for one that is turned away at once and does not think.
        self.request(client, nth + 1, end, sent.saturating_add(1))
    }

    /// Time and index of request `nth`, thought about from `from` on.
    fn request(&mut self, client: u64, nth: u64, from: u64, least: u64) -> Option<(u64, u64)> {
        let think = self.think.sample(&mut drawer(self.think_key, client, nth));
        let time = from.saturating_add(think).max(least);
        if time < self.until {
            Some((time, OF_CLIENT | (nth * self.count + client)))
        } else {
            self.gone += 1;
            None
        }
    }

    /// Counts a request as sent and draws its work.
    pub(super) fn send(&mut self, index: u64) -> u64 {
        self.sent += 1;
        let (client, nth) = self.sender(index);
        self.work.sample(&mut drawer(self.work_key, client, nth))
    }

    /// Where the clients are, when so many think.
    pub(super) const fn counts(&self, thinking: u64) -> ClientCounts {
        ClientCounts {
            count: self.count,
            thinking,
            waiting: self.sent - self.ended,
            gone: self.gone,
        }
    }

    /// Client of a request and which of its requests it is, from 0; `None` for an open arrival.
    pub(super) const fn client_of(&self, index: u64) -> Option<(u64, u64)> {
        if number_of(index) & OF_CLIENT == 0 {
            None
        } else {
            Some(self.sender(index))
        }
    }
}

fn drawer(key: StreamKey, client: u64, nth: u64) -> hookean_kernel::Mwc192 {
    key.numbered(client).numbered(nth).generator()
}
