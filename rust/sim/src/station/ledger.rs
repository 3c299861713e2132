//! The books of a station: what has happened to its requests.

#![expect(
    clippy::inline_always,
    reason = "measured: without it the hot loop calls, and is a fifth slower"
)]

mod block;
mod bulk;
mod counts;
mod endings;
mod latency;

pub(super) use block::Served;
pub(super) use bulk::{Alike, Cohort};
pub use counts::Counts;
use endings::Ending;
pub use latency::LatencyWindow;

use super::ReplicaId;
use super::class_books::ClassBook;
use super::request_log::{Log, RequestRow, RequestTable};
use crate::calls::Outbox;
use crate::plan::RequestLog;
use crate::workload::{Arrivals, Callers, Classes, ClientCounts, Outcome, Received, Request};
use hookean_kernel::{CoarseHistogram, Digest, Histogram, SimTime};

/// The hash of what happened to a request: a product, each of whose factors depends on all of it but for the end, so that
/// sums of hashes tell which start belongs to which request and end. No factor is zero for times below 23 years.
#[inline(always)]
fn fingerprint(request: &Request, start: u64, end: u64, outcome: Outcome) -> u128 {
    let number = request.index.wrapping_add(0x1E37_79B9);
    let begin = number.wrapping_mul(0x5851_F42D) ^ start;
    let ending = begin.rotate_left(29) ^ end ^ (outcome as u64 + 1).wrapping_mul(0x2545_F491);
    u128::from(begin) * u128::from(ending)
}

/// Counts, latencies and digest of a station. At `T` they hold exactly what happened at `t < T`.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// Counts but for the completed requests, which the histogram of latencies counts.
    counts: Counts,
    started: u64,
    wait_sum_ns: u128,
    latency_sum_ns: u128,
    work_ns: u128,
    slo_ns: Option<u64>,
    slo_good: u64,
    latency: Histogram,
    /// Latencies of a station that tells its requests in crowds.
    crowds: Option<Box<CoarseHistogram>>,
    /// Sum of the hashes of all requests that ended: independent of the order in which they are recorded.
    fingerprint: u128,
    log: Option<Box<Log>>,
    /// Those who hear of the ends of their requests and come back, if there are any.
    callers: Option<Box<Callers>>,
}

impl Ledger {
    /// Opens the books; a request is good when its latency is at most `slo_ns`.
    pub(super) fn new(slo_ns: Option<u64>, log: RequestLog) -> Self {
        Self {
            counts: Counts::default(),
            started: 0,
            wait_sum_ns: 0,
            latency_sum_ns: 0,
            work_ns: 0,
            slo_ns,
            slo_good: 0,
            latency: Histogram::new(),
            crowds: None,
            fingerprint: 0,
            log: Log::new(log),
            callers: None,
        }
    }

    /// Lets callers hear of the ends of their requests.
    pub(super) fn with_callers(self, callers: Option<Box<Callers>>) -> Self {
        Self { callers, ..self }
    }

    /// Whether requests may have deadlines.
    #[inline]
    pub(super) fn is_dated(&self) -> bool {
        self.callers.as_ref().is_some_and(|of| of.is_dated())
    }

    /// When the deadline of a request in the station is over.
    #[inline]
    pub(super) fn due(&self, request: &Request) -> u64 {
        let callers = self.callers.as_ref();
        callers.map_or(u64::MAX, |callers| callers.due(request))
    }

    /// Books that are thrown away, with the deadlines of the requests in the station.
    pub(super) fn scratch(&self) -> Self {
        let callers = self.callers.as_ref().filter(|of| of.is_dated());
        let callers = callers.map(|of| Box::new(of.deadlines()));
        Self::new(None, RequestLog::Off).with_callers(callers)
    }

    /// Whether requests come back, or have deadlines.
    pub(super) const fn has_callers(&self) -> bool {
        self.callers.is_some()
    }

    /// When the next request arrives, or a caller decides about one.
    #[inline]
    pub(super) fn next_time(&self, open: &Arrivals) -> u64 {
        let arrival = open.peek_time().as_nanos();
        match &self.callers {
            None => arrival,
            Some(callers) => callers.next_time().min(arrival),
        }
    }

    /// When a caller decides or acts next.
    pub(super) fn next_decision(&self) -> u64 {
        let callers = self.callers.as_ref();
        callers.map_or(u64::MAX, |callers| callers.next_time())
    }

    /// Takes what comes next: a request that arrives, or `None` when a caller has decided.
    #[inline]
    pub(super) fn receive(&mut self, open: &mut Arrivals) -> Option<Request> {
        let Some(callers) = &mut self.callers else {
            return Some(self.receive_open(open));
        };
        match callers.receive(open) {
            Received::Attempt(request) => {
                self.arrive(request.work_ns);
                Some(request)
            }
            Received::GivenUp { index, at } => {
                if let Some(outbox) = self.outbox() {
                    outbox.given_up(index, at);
                }
                None
            }
            Received::TriesAgain => None,
        }
    }

    /// Takes the next open arrival; there are no callers.
    #[inline]
    pub(super) fn receive_open(&mut self, open: &mut Arrivals) -> Request {
        let request = open.next();
        self.arrive(request.work_ns);
        request
    }

    /// Counts of attempts, and of requests that failed for good.
    pub fn counts(&self) -> Counts {
        let counts = Counts {
            completed: self.latencies(),
            ..self.counts
        };
        let Some(calls) = self.callers.as_ref().map(|callers| callers.calls()) else {
            return Counts {
                given_up: counts.failed(),
                ..counts
            };
        };
        Counts {
            retries: calls.retries,
            retries_denied: calls.retries_denied,
            given_up: calls.given_up,
            ..counts
        }
    }

    /// Requests that wait to be tried again.
    pub fn backing_off(&self) -> u64 {
        self.callers.as_ref().map_or(0, |of| of.backing_off())
    }

    /// Client that an attempt is of and which of its requests it is, from 0; `None` for an open arrival.
    pub fn client_of(&self, index: u64) -> Option<(u64, u64)> {
        self.callers.as_ref().and_then(|of| of.client_of(index))
    }

    /// Forgets what callers were about to do, as a faulty engine might.
    #[cfg(test)]
    pub(crate) fn forget_calls(&mut self, of_clients: bool) {
        if let Some(callers) = &mut self.callers {
            callers.forget(of_clients);
        }
    }

    /// Where the clients in a closed loop are, if there are any.
    pub fn clients(&self) -> Option<ClientCounts> {
        self.callers.as_ref().and_then(|of| of.clients())
    }

    /// Requests whose service has started.
    pub const fn started(&self) -> u64 {
        self.started
    }

    /// Sum of the waits of started requests.
    pub const fn wait_sum_ns(&self) -> u128 {
        self.wait_sum_ns
    }

    /// Sum of the latencies of completed requests.
    pub const fn latency_sum_ns(&self) -> u128 {
        self.latency_sum_ns
    }

    /// Work that arrived, in core-nanoseconds on a full core (a fluid load: its demand so far).
    pub const fn work_ns(&self) -> u128 {
        self.work_ns
    }

    /// Requests completed within the objective, counted from their first arrival.
    pub const fn slo_good(&self) -> u64 {
        self.slo_good
    }

    /// The request log by request and attempt, `None` when none is kept. It is complete after
    /// [`super::Station::close_log`].
    pub fn requests(&self) -> Option<RequestTable> {
        self.log.as_ref().and_then(|log| log.table())
    }

    /// How many rows the request log has at present.
    pub(crate) fn request_rows(&self) -> usize {
        self.log.as_ref().map_or(0, |log| log.rows())
    }

    /// Hands over the rows of the request log, so that they are kept no longer; `None` when there is no log.
    pub(crate) fn take_requests(&mut self) -> Option<RequestTable> {
        self.log.as_mut().and_then(|log| log.take())
    }

    /// Hands over the books; empty ones are left.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new(None, RequestLog::Off))
    }

    /// The classes of requests, and what happened to those of each; `None` when they are alike. They are complete after
    /// [`super::Station::close_log`].
    pub fn classes(&self) -> Option<(&Classes, &[ClassBook])> {
        self.log.as_ref().and_then(|log| log.classes())
    }

    /// The same books, kept for each class as well.
    pub(super) fn by_class(mut self, classes: Classes) -> Self {
        if !classes.is_empty() {
            let log = self.log.take().unwrap_or_default();
            self.log = Some(Box::new(log.by_class(classes)));
        }
        self
    }

    /// The same books, of a service whose calls have so many places.
    pub(super) fn called_at(mut self, positions: u64) -> Self {
        self.log = self.log.map(|log| Box::new(log.called_at(positions)));
        self
    }

    /// The same books, of a service that calls others.
    pub(crate) fn calling(mut self, outbox: Option<Outbox>) -> Self {
        if let Some(outbox) = outbox {
            let log = self.log.take().unwrap_or_default();
            self.log = Some(Box::new(log.calling(outbox)));
        }
        self
    }

    /// The calls that completed requests have set off, if the service makes any.
    pub(crate) fn outbox(&mut self) -> Option<&mut Outbox> {
        self.log.as_mut().and_then(|log| log.outbox())
    }

    /// Whether the service has something to tell those that advance together with it.
    pub(super) fn has_news(&self) -> bool {
        let outbox = self.log.as_ref().and_then(|log| log.outbox_ref());
        outbox.is_some_and(Outbox::has_news)
    }

    /// Appends everything that happened to `digest`; the order of recording does not matter.
    pub fn digest(&self, digest: &mut Digest) {
        let c = self.counts();
        let sums = [self.fingerprint, self.wait_sum_ns, self.work_ns];
        for word in [
            c.arrivals,
            c.completed,
            c.rejected,
            c.timed_out,
            c.lost,
            self.started,
        ] {
            digest.word(word);
        }
        for sum in sums {
            digest.word(sum as u64);
            digest.word((sum >> 64) as u64);
        }
        for rare in [c.unanswered, c.expired] {
            if rare > 0 {
                digest.word(rare);
            }
        }
        if self.has_callers() {
            for word in [c.retries, c.retries_denied, c.given_up] {
                digest.word(word);
            }
        }
    }

    #[inline]
    fn arrive(&mut self, work_ns: u64) {
        self.counts.arrivals += 1;
        self.work_ns += u128::from(work_ns);
    }

    /// Adds demand without requests.
    pub(super) fn offer(&mut self, work_ns: u128) {
        self.work_ns += work_ns;
    }

    #[inline]
    pub(super) fn start(&mut self, wait_ns: u64) {
        self.started += 1;
        self.wait_sum_ns += u128::from(wait_ns);
    }

    /// Whether a request log is kept.
    pub(super) const fn keeps_log(&self) -> bool {
        self.log.is_some()
    }

    #[inline(always)]
    pub(super) fn complete(&mut self, request: &Request, start: u64, end: u64, replica: ReplicaId) {
        let latency = end - request.time.as_nanos();
        self.latency_sum_ns += u128::from(latency);
        self.latency.record(latency);
        let felt = match &mut self.callers {
            None => latency,
            Some(callers) => callers.completed(request, end),
        };
        self.slo_good += u64::from(self.slo_ns.is_some_and(|objective| felt <= objective));
        self.end(request, start, end, Outcome::Completed);
        if self.log.is_some() {
            let ending = Ending::completed(start, end, replica);
            self.keep_completed(request, ending, end - felt);
        }
    }

    /// Keeps what there is to know of a completed request that arrived first at `first`.
    fn keep_completed(&mut self, request: &Request, ending: Ending, first: u64) {
        self.keep(request, ending);
        if let Some(outbox) = self.outbox() {
            outbox.completed(request.index, first, ending.end);
        }
    }

    /// Takes back that the service of a request has started: it waits again.
    pub(super) fn take_back(&mut self, request: &Request, start: u64) {
        self.started -= 1;
        self.wait_sum_ns -= u128::from(start - request.time.as_nanos());
    }

    #[inline]
    fn end(&mut self, request: &Request, start: u64, end: u64, outcome: Outcome) {
        self.fingerprint = self
            .fingerprint
            .wrapping_add(fingerprint(request, start, end, outcome));
    }

    fn keep(&mut self, request: &Request, ending: Ending) {
        if let Some(log) = &mut self.log {
            log.push(&RequestRow {
                index: request.index,
                arrival: request.time,
                start: ending.start.map(SimTime::from_nanos),
                end: Some(SimTime::from_nanos(ending.end)),
                work_ns: request.work_ns,
                replica: ending.replica,
                outcome: Some(ending.outcome),
            });
        }
    }

    /// Ends the request log with what is still in the system.
    pub(super) fn close_log(
        &mut self,
        inside: impl Iterator<Item = (Request, Option<SimTime>, Option<ReplicaId>)>,
    ) {
        if let Some(log) = &mut self.log {
            log.close(inside);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hookean_kernel::SimDuration;

    fn request(index: u64) -> Request {
        Request {
            index,
            time: SimTime::from_nanos(10 * index),
            work_ns: 5,
        }
    }

    fn digest(ledger: &Ledger) -> String {
        let mut digest = Digest::new();
        ledger.digest(&mut digest);
        digest.hex()
    }

    #[test]
    fn the_digest_depends_on_what_happened_not_on_when_it_was_recorded() {
        let [mut a, mut b, mut c] = [0; 3].map(|_| Ledger::new(None, RequestLog::Off));
        a.complete(&request(1), 10, 15, ReplicaId(0));
        a.time_out(&request(2), 40);
        b.time_out(&request(2), 40);
        b.complete(&request(1), 10, 15, ReplicaId(0));
        c.complete(&request(1), 10, 16, ReplicaId(0));
        c.time_out(&request(2), 40);
        assert_eq!(digest(&a), digest(&b));
        assert_ne!(digest(&a), digest(&c));
    }

    #[test]
    fn the_end_of_the_very_first_request_enters_the_digest() {
        let [mut a, mut b] = [0; 2].map(|_| Ledger::new(None, RequestLog::Off));
        a.complete(&request(0), 0, 15, ReplicaId(0));
        b.complete(&request(0), 0, 16, ReplicaId(0));
        assert_ne!(digest(&a), digest(&b));
    }

    #[test]
    fn goodness_is_compared_exactly() {
        let mut ledger = Ledger::new(Some(100), RequestLog::Off);
        ledger.complete(&request(0), 0, 100, ReplicaId(0));
        ledger.complete(&request(0), 0, 101, ReplicaId(0));
        assert_eq!(ledger.slo_good(), 1);
    }

    #[test]
    fn windows_hold_what_completed_since_the_last() {
        let mut ledger = Ledger::new(None, RequestLog::Off);
        assert_eq!(ledger.take_window(), None);
        ledger.complete(&request(0), 0, 100, ReplicaId(0));
        assert_eq!(
            ledger.take_window().map(|w| w.max),
            Some(SimDuration::from_nanos(100))
        );
        ledger.complete(&request(0), 0, 50, ReplicaId(0));
        assert_eq!(
            ledger.take_window().map(|w| w.p99),
            Some(SimDuration::from_nanos(50))
        );
        assert_eq!(ledger.latency().count(), 2);
    }

    #[test]
    fn the_log_is_sorted_by_request_and_holds_what_never_ended() {
        let mut ledger = Ledger::new(None, RequestLog::Full);
        ledger.complete(&request(2), 20, 30, ReplicaId(4));
        ledger.reject(&request(1), 10);
        ledger.close_log([(request(0), Some(SimTime::ZERO), Some(ReplicaId(1)))].into_iter());
        let rows: Vec<_> = ledger.requests().unwrap().iter().collect();
        assert_eq!(
            rows.iter()
                .map(|r| (r.index, r.outcome))
                .collect::<Vec<_>>(),
            [
                (0, None),
                (1, Some(Outcome::Rejected)),
                (2, Some(Outcome::Completed)),
            ]
        );
        assert_eq!(rows[2].replica, Some(ReplicaId(4)));
        assert_eq!(rows[1].end, Some(SimTime::from_nanos(10)));
    }

    #[test]
    fn sampling_keeps_about_one_request_in_n() {
        let mut ledger = Ledger::new(None, RequestLog::Sampled { one_in: 10 });
        for index in 0..10_000 {
            ledger.reject(&request(index), 10 * index);
        }
        let kept = ledger.requests().unwrap().len();
        assert!((850..1150).contains(&kept), "{kept}");
    }
}
