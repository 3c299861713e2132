//! A replica with a queue of its own whose slots serve one request at a time, first come, first served.

#![expect(
    clippy::inline_always,
    reason = "measured: without it the hot loop calls, and is a fifth slower"
)]

use super::first_out::InService;
use super::rates::SlotRate;
use super::replicas::Queue;
use super::settings::{Settings, slots_of};
use super::{Ledger, ReplicaId, ReplicaReading, ReplicaShape};
use crate::workload::Request;
use hookean_kernel::SimTime;
use std::collections::{BinaryHeap, VecDeque};

/// The queue and the slots of one replica.
#[derive(Debug, Clone)]
pub(super) struct Fifo {
    replica: ReplicaId,
    rate: SlotRate,
    slots: usize,
    /// By end.
    jobs: BinaryHeap<InService>,
    waiting: VecDeque<Request>,
    busy_ns: u64,
    completed: u64,
}

impl Fifo {
    fn start(&mut self, now: u64, request: &Request, ledger: &mut Ledger) {
        let end = now.saturating_add(self.rate.service_ns(request.work_ns));
        self.busy_ns = self.busy_ns.saturating_add(end - now);
        ledger.start(now - request.time.as_nanos());
        self.jobs.push(InService::new(end, now, request));
    }
}

impl Queue for Fifo {
    fn new(_now: u64, replica: ReplicaId, shape: &ReplicaShape) -> Self {
        let slots = slots_of(shape);
        Self {
            replica,
            rate: SlotRate::new(shape, slots),
            slots: slots as usize,
            jobs: BinaryHeap::new(),
            waiting: VecDeque::new(),
            busy_ns: 0,
            completed: 0,
        }
    }

    #[inline(always)]
    fn arrive(&mut self, now: u64, request: &Request, settings: &Settings, ledger: &mut Ledger) {
        if self.jobs.len() < self.slots {
            self.start(now, request, ledger);
        } else if (self.waiting.len() as u64) < settings.limit {
            self.waiting.push_back(*request);
        } else {
            ledger.reject(request);
        }
    }

    #[inline(always)]
    fn next_departure(&self) -> u64 {
        self.jobs.peek().map_or(u64::MAX, InService::key)
    }

    #[inline(always)]
    fn next_event(&self, settings: &Settings) -> u64 {
        let deadline = self
            .waiting
            .front()
            .map_or(u64::MAX, |request| settings.deadline(request));
        self.next_departure().min(deadline)
    }

    #[inline(always)]
    fn step(&mut self, now: u64, ledger: &mut Ledger) {
        if self.next_departure() > now {
            if let Some(request) = self.waiting.pop_front() {
                ledger.time_out(&request, now);
            }
        } else if let Some(job) = self.jobs.pop() {
            self.completed += 1;
            ledger.complete(&job.request(), job.start, job.key(), self.replica);
            if let Some(request) = self.waiting.pop_front() {
                self.start(now, &request, ledger);
            }
        }
    }

    fn set_speed(&mut self, now: u64, speed_ratio: f64) {
        let rate = self.rate.at_speed(speed_ratio);
        let mut jobs = std::mem::take(&mut self.jobs).into_vec();
        for job in &mut jobs {
            let end = now.saturating_add(rate.rescaled(job.key() - now, self.rate));
            self.busy_ns = self.busy_ns.saturating_add(end).saturating_sub(job.key());
            job.set_key(end);
        }
        self.jobs = jobs.into();
        self.rate = rate;
    }

    fn lose_all(&mut self, now: u64, ledger: &mut Ledger) -> u64 {
        for job in &self.jobs {
            ledger.lose(&job.request(), Some(job.start), now, self.replica);
        }
        for request in &self.waiting {
            ledger.lose(request, None, now, self.replica);
        }
        self.outstanding()
    }

    fn read(&self, now: u64) -> ReplicaReading {
        let ahead: u64 = self
            .jobs
            .iter()
            .map(|job| job.key() - now)
            .fold(0, u64::saturating_add);
        ReplicaReading {
            cpu_core_ns: self.busy_ns.saturating_sub(ahead) as f64 * self.rate.cores(),
            cpu_cores: self.jobs.len() as f64 * self.rate.cores(),
            completed: self.completed,
            in_service: self.jobs.len() as u32,
            waiting: self.waiting.len() as u32,
        }
    }

    #[inline(always)]
    fn outstanding(&self) -> u64 {
        (self.jobs.len() + self.waiting.len()) as u64
    }

    fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    fn inside(&self) -> impl Iterator<Item = (Request, Option<SimTime>, ReplicaId)> {
        let served = self.jobs.iter().map(|job| job.inside(self.replica));
        served.chain(
            self.waiting
                .iter()
                .map(|request| (*request, None, self.replica)),
        )
    }
}
