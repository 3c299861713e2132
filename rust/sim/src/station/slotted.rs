//! A replica with a queue of its own whose slots serve one request at a time.

#![expect(
    clippy::inline_always,
    reason = "measured: without it the hot loop calls, and is a fifth slower"
)]

use super::first_out::InService;
use super::held::Held;
use super::orders::Line;
use super::rates::SlotRate;
use super::replicas::Queue;
use super::settings::{Settings, end_of_patience, slots_of};
use super::{Ledger, ReplicaId, ReplicaReading, ReplicaShape};
use crate::workload::Request;
use hookean_kernel::{SimTime, bring_near};
use std::collections::{BinaryHeap, VecDeque};

/// The queue and the slots of one replica; `PATIENT` requests give up in service, too. Those in service are ordered by the
/// end of their service; while the replica is paused, by when they give up.
#[derive(Debug, Clone)]
pub(super) struct Slotted<L, const PATIENT: bool> {
    held: Held<L, BinaryHeap<InService>>,
    rate: SlotRate,
    /// Slots that may be taken: none while the replica is paused.
    room: usize,
    /// Time in service under the present rate, up to the ends of the jobs.
    busy_ns: u64,
    shape: ReplicaShape,
    paused: bool,
    /// Longest time of a request in the station.
    patience_ns: u64,
    /// CPU used under earlier rates.
    cpu_before_core_ns: f64,
    /// When a request left last, or the replica became ready or was resumed.
    left: u64,
}

impl<L: Line, const PATIENT: bool> Slotted<L, PATIENT> {
    fn start(&mut self, now: u64, request: &Request, ledger: &mut Ledger) {
        let done = now.saturating_add(self.rate.service_ns(request.work_ns));
        let end = if PATIENT {
            done.min(self.end_of_patience(request, ledger))
        } else {
            done
        };
        self.busy_ns = self.busy_ns.saturating_add(end - now);
        ledger.start(now - request.time.as_nanos());
        let mut job = InService::new(end, now, request);
        job.done = done;
        self.held.jobs.push(job);
    }

    /// When a request gives up, also in service.
    fn end_of_patience(&self, request: &Request, ledger: &Ledger) -> u64 {
        end_of_patience(request, self.patience_ns).min(ledger.due(request))
    }

    /// Lets a request give up in service, and the next take its place.
    #[cold]
    fn abandon(&mut self, now: u64, job: &InService, ledger: &mut Ledger) {
        ledger.abandon(&job.request(), job.start, now, self.held.replica);
        if self.held.jobs.len() < self.room
            && let Some(request) = self.held.waiting.pop()
        {
            self.start(now, &request, ledger);
        }
    }

    /// What is counted as busy after `now`.
    fn ahead(&self, now: u64) -> u64 {
        if self.paused {
            return 0;
        }
        let left = self.held.jobs.iter().map(|job| job.key() - now);
        left.fold(0, u64::saturating_add)
    }

    /// Changes when jobs are done, and with it when they leave.
    fn change_jobs(&mut self, ledger: &Ledger, change: impl Fn(u64) -> u64) {
        let mut jobs = std::mem::take(&mut self.held.jobs).into_vec();
        for job in &mut jobs {
            job.done = change(job.done);
            let patience = self.end_of_patience(&job.request(), ledger);
            job.set_key(if self.paused {
                patience
            } else {
                job.done.min(patience)
            });
        }
        self.held.jobs = jobs.into();
    }

    /// CPU used up to `now`, in core-nanoseconds.
    fn cpu_core_ns(&self, now: u64) -> f64 {
        let served = self.busy_ns.saturating_sub(self.ahead(now));
        self.cpu_before_core_ns + served as f64 * self.rate.cores()
    }
}

impl<L: Line, const PATIENT: bool> Queue for Slotted<L, PATIENT> {
    type Homeless = L::AsTheyCame;

    fn new(now: u64, replica: ReplicaId, shape: &ReplicaShape, settings: &Settings) -> Self {
        let slots = slots_of(shape);
        Self {
            held: Held::new(replica),
            rate: SlotRate::new(shape, slots),
            room: slots as usize,
            busy_ns: 0,
            shape: *shape,
            paused: false,
            patience_ns: settings.patience_ns,
            cpu_before_core_ns: 0.0,
            left: now,
        }
    }

    #[inline(always)]
    fn arrive(&mut self, now: u64, request: &Request, settings: &Settings, ledger: &mut Ledger) {
        if self.held.jobs.len() < self.room {
            self.start(now, request, ledger);
        } else {
            self.held.waiting.offer(now, request, settings, ledger);
        }
    }

    #[inline(always)]
    fn next_departure(&self) -> u64 {
        self.held.jobs.peek().map_or(u64::MAX, InService::key)
    }

    #[inline(always)]
    fn next_event(&self, settings: &Settings) -> u64 {
        let deadline = self.held.waiting.deadline(settings);
        self.next_departure().min(deadline)
    }

    #[inline(always)]
    fn step(&mut self, now: u64, ledger: &mut Ledger) {
        if self.next_departure() > now {
            if let Some(request) = self.held.waiting.give_up() {
                ledger.time_out(&request, now);
            }
        } else if let Some(job) = self.held.jobs.pop() {
            self.left = now;
            if PATIENT && (job.done != job.key() || self.paused) {
                self.abandon(now, &job, ledger);
                return;
            }
            self.held.completed += 1;
            ledger.complete(&job.request(), job.start, job.key(), self.held.replica);
            if let Some(request) = self.held.waiting.pop() {
                self.start(now, &request, ledger);
            }
        }
    }

    fn shape(&self) -> ReplicaShape {
        self.shape
    }

    fn reshape(&mut self, now: u64, shape: &ReplicaShape, ledger: &Ledger) {
        let rate = SlotRate::new(shape, slots_of(shape));
        let (before, paused) = (self.rate, self.paused);
        self.cpu_before_core_ns = self.cpu_core_ns(now);
        self.change_jobs(ledger, |done| {
            if paused {
                rate.rescaled(done, before)
            } else {
                now.saturating_add(rate.rescaled(done - now, before))
            }
        });
        self.busy_ns = self.ahead(now);
        (self.rate, self.shape) = (rate, *shape);
    }

    fn pause(&mut self, now: u64, ledger: &Ledger) {
        if !self.paused {
            self.busy_ns = self.busy_ns.saturating_sub(self.ahead(now));
            (self.paused, self.room) = (true, 0);
            self.change_jobs(ledger, |done| done - now);
        }
    }

    fn resume(&mut self, now: u64, ledger: &Ledger) {
        if self.paused {
            (self.paused, self.room) = (false, slots_of(&self.shape) as usize);
            self.left = now;
            self.change_jobs(ledger, |left| now.saturating_add(left));
            self.busy_ns = self.busy_ns.saturating_add(self.ahead(now));
        }
    }

    fn fill(&mut self, now: u64, ledger: &mut Ledger) {
        while self.held.jobs.len() < self.room
            && let Some(request) = self.held.waiting.pop()
        {
            self.start(now, &request, ledger);
        }
    }

    fn read(&self, now: u64) -> ReplicaReading {
        let running = if self.paused { 0 } else { self.held.jobs.len() };
        let cpu_cores = running as f64 * self.rate.cores();
        self.held.reading(self.cpu_core_ns(now), cpu_cores)
    }

    #[inline(always)]
    fn outstanding(&self) -> u64 {
        self.held.outstanding()
    }

    fn waiting(&self) -> u64 {
        self.held.waiting.len() as u64
    }

    fn queue_of(&mut self, request: &Request, settings: &Settings) -> &mut VecDeque<Request> {
        self.held.waiting.queue_of(request, settings)
    }

    fn idle_since(&self) -> Option<SimTime> {
        (self.outstanding() == 0).then_some(SimTime::from_nanos(self.left))
    }

    fn bring_near(&self) {
        bring_near(self.held.jobs.as_slice());
    }

    fn inside(&self) -> impl Iterator<Item = (Request, Option<SimTime>, ReplicaId)> {
        self.held.inside()
    }
}
