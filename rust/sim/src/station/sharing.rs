//! A replica with a queue of its own whose admitted requests share its cores (processor sharing).

#![expect(
    clippy::inline_always,
    reason = "measured: without it the hot loop calls, and is a fifth slower"
)]

use super::first_out::{FirstOut, InService, key_of, tag_of};
use super::held::Held;
use super::orders::Line;
use super::replicas::Queue;
use super::settings::{Settings, end_of_patience};
use super::virtual_time::{Due, VirtualTime};
use super::{Ledger, ReplicaId, ReplicaReading, ReplicaShape};
use crate::workload::Request;
use hookean_kernel::SimTime;
use std::collections::{BTreeMap, VecDeque};

const NOT_DUE: Due = Due {
    end: u64::MAX,
    rounding: 0.0,
};

/// The queue and the sharing requests of one replica; `PATIENT` ones give up in service, too.
#[derive(Debug, Clone)]
pub(super) struct Sharing<L, const PATIENT: bool> {
    held: Held<L, FirstOut<PATIENT>>,
    time: VirtualTime,
    /// Most requests in service: none more while the replica is paused.
    room: usize,
    /// When the first request is done as things stand.
    due: Due,
    shape: ReplicaShape,
    paused: bool,
    /// Longest time of a request in the station.
    patience_ns: u64,
    /// When those in service give up, if they ever do: instant, number; request and start of its service.
    patience: BTreeMap<(u64, u64), (Request, u64)>,
    /// When the first of them does.
    first_to_give_up: u64,
    /// When a request left last, or the replica became ready or was resumed.
    left: u64,
}

/// Most requests in service of a replica that runs.
fn room_of(shape: &ReplicaShape) -> usize {
    shape.concurrency.map_or(usize::MAX, |most| most as usize)
}

impl<L: Line, const PATIENT: bool> Sharing<L, PATIENT> {
    /// Lets a request into service at the virtual time `entry`.
    #[inline(always)]
    fn admit(&mut self, now: u64, entry: f64, request: &Request, ledger: &mut Ledger) {
        ledger.start(now - request.time.as_nanos());
        self.held.jobs.push(InService::new(
            key_of(entry + request.work_ns as f64),
            now,
            request,
        ));
        if PATIENT {
            self.begin_patience(now, request, ledger);
        }
    }

    #[cold]
    fn begin_patience(&mut self, now: u64, request: &Request, ledger: &Ledger) {
        let end = self.end_of_patience(request, ledger);
        self.patience.insert((end, request.index), (*request, now));
        self.note_patience();
    }

    /// Forgets when a request gives up that leaves, before the books hear of it: what they know of its deadline ends then.
    #[cold]
    fn end_patience(&mut self, request: &Request, ledger: &Ledger) {
        let end = self.end_of_patience(request, ledger);
        self.patience.remove(&(end, request.index));
        self.note_patience();
    }

    fn end_of_patience(&self, request: &Request, ledger: &Ledger) -> u64 {
        end_of_patience(request, self.patience_ns).min(ledger.due(request))
    }

    fn note_patience(&mut self) {
        let first = self.patience.first_key_value();
        self.first_to_give_up = first.map_or(u64::MAX, |((end, _), _)| *end);
    }

    /// Lets the request give up that does so first, and the next take its place.
    #[cold]
    fn abandon(&mut self, now: u64, ledger: &mut Ledger) {
        let Some(((_, index), (request, start))) = self.patience.pop_first() else {
            return;
        };
        if !self.paused {
            self.time.move_to(now, self.held.jobs.len());
        }
        self.held.jobs.remove(index);
        self.note_patience();
        self.left = now;
        ledger.abandon(&request, start, now, self.held.replica);
        self.fill(now, ledger);
        if !self.paused {
            self.changed();
        }
    }

    /// After a change of state: keeps tags small and finds who is done first.
    #[inline(always)]
    fn changed(&mut self) {
        if let Some(shift) = self.time.rebase() {
            self.held.jobs.rekey(|key| key_of(tag_of(key) - shift));
        }
        self.due = self.held.jobs.peek().map_or(NOT_DUE, |job| {
            self.time.due(tag_of(job.key()), self.held.jobs.len())
        });
    }

    #[inline(always)]
    fn depart(&mut self, ledger: &mut Ledger) {
        let before = self.held.jobs.len();
        let Some(job) = self.held.jobs.pop() else {
            return;
        };
        let tag = tag_of(job.key());
        self.held.completed += 1;
        self.left = self.due.end;
        if PATIENT {
            self.end_patience(&job.request(), ledger);
        }
        ledger.complete(&job.request(), job.start, self.due.end, self.held.replica);
        let next = self.held.waiting.pop();
        self.time.depart(
            tag,
            self.due,
            before,
            self.held.jobs.len() + usize::from(next.is_some()),
        );
        if let Some(request) = next {
            self.admit(self.due.end, tag, &request, ledger);
        }
        self.changed();
    }
}

impl<L: Line, const PATIENT: bool> Queue for Sharing<L, PATIENT> {
    type Homeless = L::AsTheyCame;

    fn new(now: u64, replica: ReplicaId, shape: &ReplicaShape, settings: &Settings) -> Self {
        Self {
            held: Held::new(replica),
            time: VirtualTime::new(shape, now),
            room: room_of(shape),
            due: NOT_DUE,
            shape: *shape,
            paused: false,
            patience_ns: settings.patience_ns,
            patience: BTreeMap::new(),
            first_to_give_up: u64::MAX,
            left: now,
        }
    }

    #[inline(always)]
    fn arrive(&mut self, now: u64, request: &Request, settings: &Settings, ledger: &mut Ledger) {
        if self.held.jobs.len() < self.room {
            self.time.move_to(now, self.held.jobs.len());
            self.admit(now, self.time.entry(), request, ledger);
            self.changed();
        } else {
            self.held.waiting.offer(now, request, settings, ledger);
        }
    }

    #[inline(always)]
    fn next_departure(&self) -> u64 {
        if PATIENT {
            self.due.end.min(self.first_to_give_up)
        } else {
            self.due.end
        }
    }

    #[inline(always)]
    fn next_event(&self, settings: &Settings) -> u64 {
        let deadline = self.held.waiting.deadline(settings);
        self.next_departure().min(deadline)
    }

    #[inline(always)]
    fn step(&mut self, now: u64, ledger: &mut Ledger) {
        if self.due.end <= now {
            self.depart(ledger);
        } else if PATIENT && self.first_to_give_up <= now {
            self.abandon(now, ledger);
        } else if let Some(request) = self.held.waiting.give_up() {
            ledger.time_out(&request, now);
        }
    }

    fn shape(&self) -> ReplicaShape {
        self.shape
    }

    fn reshape(&mut self, now: u64, shape: &ReplicaShape, _ledger: &Ledger) {
        self.shape = *shape;
        if self.paused {
            self.time.reshape(shape);
        } else {
            self.time.move_to(now, self.held.jobs.len());
            self.time.reshape(shape);
            self.changed();
        }
    }

    fn pause(&mut self, now: u64, _ledger: &Ledger) {
        if !self.paused {
            self.time.move_to(now, self.held.jobs.len());
            (self.paused, self.room, self.due) = (true, 0, NOT_DUE);
        }
    }

    fn resume(&mut self, now: u64, _ledger: &Ledger) {
        if self.paused {
            self.time.go_on(now);
            (self.paused, self.room) = (false, room_of(&self.shape));
            self.left = now;
            self.changed();
        }
    }

    fn fill(&mut self, now: u64, ledger: &mut Ledger) {
        while self.held.jobs.len() < self.room
            && let Some(request) = self.held.waiting.pop()
        {
            self.time.move_to(now, self.held.jobs.len());
            self.admit(now, self.time.entry(), &request, ledger);
            self.changed();
        }
    }

    fn read(&self, now: u64) -> ReplicaReading {
        let requests = self.held.jobs.len();
        let (cpu_core_ns, cpu_cores) = if self.paused {
            (self.time.anchored_cpu_core_ns(), 0.0)
        } else {
            (
                self.time.cpu_core_ns(now, requests),
                self.time.cpu_cores(requests),
            )
        };
        self.held.reading(cpu_core_ns, cpu_cores)
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
        self.held.jobs.bring_near();
    }

    fn inside(&self) -> impl Iterator<Item = (Request, Option<SimTime>, ReplicaId)> {
        self.held.inside()
    }
}
