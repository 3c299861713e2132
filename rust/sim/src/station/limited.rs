//! A replica with a queue of its own and a CPU limit: it stands still whenever its quota is used up.
//!
//! Standing still is what a pause is: what is in service keeps its progress and its place, requests are still routed to the
//! replica, and wait. At one instant the quota runs out, or comes, after requests in service are done or give up, and before
//! those that wait do.

use super::quota::Meter;
use super::replicas::Queue;
use super::settings::Settings;
use super::{Ledger, ReplicaId, ReplicaReading, ReplicaShape};
use crate::workload::Request;
use hookean_kernel::SimTime;
use std::collections::VecDeque;

/// A replica as `Q`, with a limit if the service has one.
#[derive(Debug, Clone)]
pub(super) struct Limited<Q> {
    inner: Q,
    /// The CPU it was given; what is inside runs on the cores that it may use.
    shape: ReplicaShape,
    meter: Meter,
    paused: bool,
}

impl<Q: Queue> Limited<Q> {
    fn note(&mut self, now: u64) {
        let running = if self.paused {
            0
        } else {
            self.inner.outstanding() - self.inner.waiting()
        };
        self.meter.note(now, running);
    }

    /// The quota is used up, or there again.
    fn turn(&mut self, now: u64, ledger: &mut Ledger) {
        self.meter.turn(now);
        if !self.paused {
            if self.meter.is_throttled() {
                self.inner.pause(now, ledger);
            } else {
                self.inner.resume(now, ledger);
                self.inner.settle(now, ledger);
            }
        }
    }
}

impl<Q: Queue> Queue for Limited<Q> {
    type Homeless = Q::Homeless;

    fn new(now: u64, replica: ReplicaId, shape: &ReplicaShape, settings: &Settings) -> Self {
        let quota = settings.quota.as_ref();
        let quota = quota.expect("a limited replica is one of a service with a quota");
        Self {
            inner: Q::new(now, replica, &quota.usable(shape), settings),
            shape: *shape,
            meter: quota.meter(now, replica, shape),
            paused: false,
        }
    }

    fn arrive(&mut self, now: u64, request: &Request, settings: &Settings, ledger: &mut Ledger) {
        self.inner.arrive(now, request, settings, ledger);
        self.note(now);
    }

    fn next_event(&self, settings: &Settings) -> u64 {
        self.inner.next_event(settings).min(self.meter.next())
    }

    fn next_departure(&self) -> u64 {
        self.inner.next_departure()
    }

    fn step(&mut self, now: u64, ledger: &mut Ledger) {
        if self.inner.next_departure() > now && self.meter.next() <= now {
            self.turn(now, ledger);
        } else {
            self.inner.step(now, ledger);
        }
        self.note(now);
    }

    fn shape(&self) -> ReplicaShape {
        self.shape
    }

    fn reshape(&mut self, now: u64, shape: &ReplicaShape, ledger: &Ledger) {
        self.note(now);
        self.meter.reshape(shape);
        let cpu_millicores = self.inner.shape().cpu_millicores;
        self.inner.reshape(
            now,
            &ReplicaShape {
                cpu_millicores,
                ..*shape
            },
            ledger,
        );
        self.shape = *shape;
    }

    fn pause(&mut self, now: u64, ledger: &Ledger) {
        if !self.paused && !self.meter.is_throttled() {
            self.inner.pause(now, ledger);
        }
        self.paused = true;
        self.note(now);
    }

    fn resume(&mut self, now: u64, ledger: &Ledger) {
        if self.paused && !self.meter.is_throttled() {
            self.inner.resume(now, ledger);
        }
        self.paused = false;
        self.note(now);
    }

    fn fill(&mut self, now: u64, ledger: &mut Ledger) {
        self.inner.fill(now, ledger);
        self.note(now);
    }

    fn read(&self, now: u64) -> ReplicaReading {
        let (throttled_periods, throttled_ns) = self.meter.throttling(now);
        ReplicaReading {
            throttled_periods,
            throttled_ns,
            ..self.inner.read(now)
        }
    }

    fn outstanding(&self) -> u64 {
        self.inner.outstanding()
    }

    fn waiting(&self) -> u64 {
        self.inner.waiting()
    }

    fn queue_of(&mut self, request: &Request, settings: &Settings) -> &mut VecDeque<Request> {
        self.inner.queue_of(request, settings)
    }

    fn idle_since(&self) -> Option<SimTime> {
        self.inner.idle_since()
    }

    fn bring_near(&self) {
        self.inner.bring_near();
    }

    fn inside(&self) -> impl Iterator<Item = (Request, Option<SimTime>, ReplicaId)> {
        self.inner.inside()
    }
}
