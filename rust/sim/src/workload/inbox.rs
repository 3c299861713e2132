//! Calls from other services, merged with the service's own open arrivals.
//!
//! Calls are told in time: before a station advances to an instant, it knows all that arrive before it. At one instant own
//! arrivals come first, then calls by index.

use super::arrivals::{Arrivals, BLOCK};
use super::{Classes, Request};
use crate::calls::{Call, is_call};
use hookean_kernel::{Sampler, SimTime, StreamKey};

/// Requests that come from outside and from other services.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    own: Arrivals,
    /// Calls that have not been handed out, the latest first.
    calls: Vec<Call>,
    /// All calls that arrive before this are known.
    known: u64,
    work: Sampler,
    /// Work, by the number of the call.
    work_key: StreamKey,
    classes: Classes,
}

impl Inbox {
    /// An inbox beside a service's own arrivals, which have the work of their class already.
    pub(crate) const fn new(
        own: Arrivals,
        work: Sampler,
        work_key: StreamKey,
        classes: Classes,
    ) -> Self {
        Self {
            own,
            calls: Vec::new(),
            known: 0,
            work,
            work_key,
            classes,
        }
    }

    /// Takes calls in; with them, all that arrive before `known` are there.
    pub(super) fn receive(&mut self, calls: &mut Vec<Call>, known: SimTime) {
        debug_assert!(
            calls.iter().all(|(time, _)| *time >= self.known),
            "Invariant: no call comes too late"
        );
        self.known = known.as_nanos();
        if !calls.is_empty() {
            self.calls.append(calls);
            self.calls.sort_unstable_by(|a, b| b.cmp(a));
        }
    }

    /// Takes in a call that others have not been told with: it comes in its turn among the requests of `block` from `at` on, or
    /// after them.
    pub(super) fn insert(&mut self, call: Call, block: &mut Vec<Request>, at: usize) {
        let before = |request: &Request| {
            let time = request.time.as_nanos();
            // So does the one that stands for whatever comes at its instant.
            let first = !is_call(request.index) || request.index < call.1;
            time < call.0 || (time == call.0 && first)
        };
        let place = at + block[at..].partition_point(before);
        if place < block.len() {
            block.insert(place, self.request(call));
        } else {
            let place = self.calls.partition_point(|other| *other > call);
            self.calls.insert(place, call);
        }
    }

    /// When the next call arrives that has not been handed out, as far as calls are known, and in any case the next request
    /// from outside.
    pub(super) fn next_call_and_own(&self) -> [u64; 2] {
        let call = self.calls.last().map_or(u64::MAX, |(time, _)| *time);
        [call, self.own.peek_time().as_nanos()]
    }

    /// Writes the next requests that arrive before [`Inbox::receive`]'s `known`, and behind the last of them one that stands
    /// for whatever comes then: it is never taken.
    pub(super) fn fill(&mut self, block: &mut Vec<Request>) {
        block.clear();
        while block.len() < BLOCK {
            let own = self.own.peek_time().as_nanos();
            let call = self.calls.last().map_or(u64::MAX, |(time, _)| *time);
            if own.min(call) >= self.known {
                block.push(Request {
                    index: u64::MAX,
                    time: SimTime::from_nanos(self.known),
                    work_ns: 0,
                });
                return;
            }
            if own <= call {
                block.push(self.own.next());
            } else if let Some(call) = self.calls.pop() {
                block.push(self.request(call));
            }
        }
    }

    fn request(&self, (time, index): Call) -> Request {
        let drawn = self.work.sample(&mut self.work_key.generator_at(index));
        let work_ns = if self.classes.change_work() {
            self.classes.work_ns(index, drawn)
        } else {
            drawn
        };
        Request {
            index,
            time: SimTime::from_nanos(time),
            work_ns,
        }
    }
}
